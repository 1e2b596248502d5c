//! The page in a real browser: what an analyst does with it, by mouse and by keyboard.

use std::path::{Path, PathBuf};

use picket_journeys::chromium::Chromium;
use picket_journeys::static_site::StaticSite;
use picket_journeys::webdriver::{Browser, keys};
use picket_journeys::{models, page_site, parity};
use picket_schema::artifact::Operator;
use picket_wasm_model::{OwnedModel, Scored, Scorer};
use serde_json::{Value, json};

fn phishing_artifact() -> Vec<u8> {
    models::trees(
        "phishing-trees",
        &models::phishing(),
        Operator::LessEqual,
        40,
        6,
    )
    .bytes
}

fn nsl_kdd_artifact() -> Vec<u8> {
    models::trees(
        "nsl-kdd-trees",
        &models::nsl_kdd(),
        Operator::LessEqual,
        40,
        6,
    )
    .bytes
}

/// The page open in a browser, with a model.
struct Page {
    browser: Browser,
    site: StaticSite,
}

impl Page {
    fn open(test: &str, artifact: Vec<u8>) -> Option<Self> {
        let browser = Browser::start(&Chromium::find(test)?);
        let site = page_site::serve(artifact);
        browser.resize(1280, 900);
        let page = Self { browser, site };
        page.load();
        Some(page)
    }

    fn load(&self) {
        self.browser.open(&self.site.url(""));
        self.browser.wait_until(
            "the model is loaded",
            "return document.documentElement.dataset.ready === 'true'",
        );
    }

    fn score(&self) -> f64 {
        let script = "return Number(document.querySelector('#verdict-score').dataset.score)";
        self.browser.run(script, &[]).as_f64().expect("a score")
    }

    fn is_quiet(&self) {
        assert_eq!(
            self.browser.console(),
            [""; 0],
            "warnings or errors in the console"
        );
    }

    fn picture(&self, name: &str) {
        let folder = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"),
            PathBuf::from,
        );
        self.browser.screenshot(&folder.join("journeys").join(name));
    }
}

#[test]
fn a_row_is_scored_as_it_is_typed() {
    let Some(page) = Page::open("a_row_is_scored_as_it_is_typed", phishing_artifact()) else {
        return;
    };
    let browser = &page.browser;
    // What was loaded is all there will be: from here on there is no network.
    let loaded = page.site.take_requests();
    assert!(
        loaded.iter().any(|path| path.ends_with("/model.picket")),
        "{loaded:?}"
    );
    browser.set_offline(true);
    let count = "return performance.getEntriesByType('resource').length";
    let resources = browser.run(count, &[]);
    let before = page.score();
    let verdict = browser.text("#verdict-name");
    // An example of each class, then one field after the other to its first value.
    browser.click("#examples button:nth-of-type(2)");
    let threat = page.score();
    assert_eq!(browser.text("#verdict-name"), "phishing");
    browser.click("#examples button:nth-of-type(3)");
    let harmless = page.score();
    assert_eq!(browser.text("#verdict-name"), "legitimate");
    assert!(
        threat > harmless,
        "{threat} {harmless}, at first {before} {verdict}"
    );
    browser.click("label[for=field-0-0]");
    browser.click("label[for=field-1-0]");
    browser.click("label[for=field-7-0]");
    assert_ne!(page.score().to_bits(), harmless.to_bits());
    sums_to_the_log_odds(&page);
    // Every domain of this schema has a choice for "unknown"; a missing value is scored too.
    browser.click("#field-7-3 + label");
    sums_to_the_log_odds(&page);
    assert_eq!(
        browser.run(count, &[]),
        resources,
        "something was fetched after loading"
    );
    assert_eq!(page.site.take_requests(), [""; 0]);
    page.is_quiet();
}

/// Base and contributions on the page add up to the log-odds of the score on the page.
fn sums_to_the_log_odds(page: &Page) {
    let browser = &page.browser;
    if browser.text("#show-all").contains("all") {
        browser.click("#show-all");
    }
    let script = "
        const bars = document.querySelector('#contributions ol');
        const items = [...bars.children];
        return [Number(bars.dataset.base), ...items.map((item) => Number(item.dataset.contribution))]";
    let numbers: Vec<f64> = serde_json::from_value(browser.run(script, &[])).expect("numbers");
    assert_eq!(numbers.len(), 31, "a bar for every field");
    let magnitudes: Vec<f64> = numbers[1..].iter().map(|x| x.abs()).collect();
    assert!(
        magnitudes.is_sorted_by(|a, b| a >= b),
        "the largest first: {magnitudes:?}"
    );
    let score = page.score();
    let log_odds = (score / (1.0 - score)).ln();
    let sum: f64 = numbers.iter().sum();
    assert!((sum - log_odds).abs() < 1e-9, "{sum} against {log_odds}");
}

#[test]
fn a_wrong_field_is_named_and_stops_the_verdict() {
    let Some(page) = Page::open("a_wrong_field_is_named", nsl_kdd_artifact()) else {
        return;
    };
    let browser = &page.browser;
    let before = browser.text("#verdict-name");
    browser.replace_text("#field-0", "fast");
    assert_eq!(browser.text("#verdict-name"), "None yet");
    let error = browser.text("#field-0-error");
    assert!(
        error.contains("fast") && error.contains("a number from 0 to 4294967295"),
        "{error}"
    );
    browser.replace_text("#field-2", "gopherx");
    assert!(browser.text("#field-2-error").contains("gopherx"));
    browser.wait_until(
        "the status says what is wrong",
        "return document.querySelector('#verdict-status').textContent.includes('2 fields')",
    );
    browser.replace_text("#field-2", "http");
    browser.replace_text("#field-0", "0");
    assert_ne!(
        browser.text("#verdict-name"),
        "None yet",
        "at first {before}"
    );
    assert_eq!(browser.text("#field-0-error"), "");
    // Fields are found by what they are about.
    browser.type_into("#find-field", "bytes");
    assert_eq!(browser.text("#find-count"), "2 of 41 fields");
    page.is_quiet();
}

/// A CSV file with the columns in reverse, an id that needs quotes, and rows that are wrong.
fn csv_of(model: &OwnedModel, rows: &[f32]) -> String {
    let schema = model.model().schema();
    let names: Vec<&str> = schema
        .features
        .iter()
        .rev()
        .map(|f| f.name.as_str())
        .collect();
    let mut text = format!("\u{feff}id,{}\r\n", names.join(","));
    for (row_idx, row) in rows.chunks_exact(schema.n_features()).enumerate() {
        let fields: Vec<String> = schema
            .features
            .iter()
            .zip(row)
            .rev()
            .map(|(feature, x)| match feature.categories() {
                [] => x.to_string(),
                names => names[*x as usize].clone(),
            })
            .collect();
        text += &format!("\"row {row_idx}, \"\"quoted\"\"\",{}\r\n", fields.join(","));
        if row_idx == 2 {
            text += &format!("wrong{}\r\n", ",banana".repeat(schema.n_features()));
        }
    }
    text
}

#[test]
fn a_file_gets_scores_counts_and_a_download() {
    for artifact in [phishing_artifact(), nsl_kdd_artifact()] {
        let Some(page) = Page::open("a_file_gets_scores", artifact.clone()) else {
            return;
        };
        let browser = &page.browser;
        let model = OwnedModel::load(artifact).expect("our own artifact");
        let rows = in_domain_rows(&model, 300);
        let scored = Scorer::new(model.model())
            .score_batch(&rows)
            .expect("whole rows");
        let text = csv_of(&model, &rows);
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("visits.csv");
        std::fs::write(&path, &text).expect("writing the file");
        browser.click("#tab-batch");
        page.site.take_requests();
        browser.type_into("#csv-file", &path.display().to_string());
        browser.wait_until(
            "it is scored",
            "return document.querySelector('#download') !== null",
        );
        check_counts(&page, &model, &scored);
        let errors = browser.text("#row-errors tbody tr:first-child");
        assert!(
            errors.contains("banana") && errors.starts_with("4 5"),
            "{errors}"
        );
        browser.click("#download");
        let downloaded = browser.downloaded("visits-scored.csv");
        check_download(&model, &text, &downloaded, &scored);
        // A row of the table opens in the form with its own score.
        browser.click("#scored-rows tbody tr:first-child button");
        assert_eq!(page.score().to_bits(), scored[0].score.0.to_bits());
        assert_eq!(
            page.site.take_requests(),
            [""; 0],
            "a file must not leave the page"
        );
        page.is_quiet();
    }
}

fn in_domain_rows(model: &OwnedModel, n_rows: usize) -> Vec<f32> {
    // Every sixth made row is in the domain.
    let n_features = model.model().n_features();
    let rows = parity::rows(model.model(), &[], n_rows * 6, 5);
    rows.chunks_exact(n_features)
        .step_by(6)
        .flatten()
        .copied()
        .collect()
}

fn verdict_name(model: &OwnedModel, scored: &Scored) -> String {
    let label = &model.model().schema().label;
    match scored.verdict {
        picket_schema::Verdict::Positive => label.positive.name.clone(),
        picket_schema::Verdict::Negative => label.negative.name.clone(),
        picket_schema::Verdict::Uncertain => "uncertain".to_owned(),
    }
}

fn check_counts(page: &Page, model: &OwnedModel, scored: &[Scored]) {
    let label = &model.model().schema().label;
    for (id, name) in [
        ("positive", label.positive.name.as_str()),
        ("negative", &label.negative.name),
        ("uncertain", "uncertain"),
    ] {
        let expected = scored
            .iter()
            .filter(|one| verdict_name(model, one) == name)
            .count();
        assert_eq!(
            page.browser.text(&format!("#count-{id}")),
            expected.to_string(),
            "{name}"
        );
    }
    assert_eq!(page.browser.text("#count-errors"), "1");
    let bins = "return [...document.querySelectorAll('.histogram .bin')].map((bin) => Number(bin.dataset.count))";
    let bins: Vec<usize> = serde_json::from_value(page.browser.run(bins, &[])).expect("counts");
    assert_eq!((bins.len(), bins.iter().sum()), (20, scored.len()));
}

/// The download is the file as it was, with score and verdict at the end of each record.
fn check_download(model: &OwnedModel, text: &str, downloaded: &[u8], scored: &[Scored]) {
    let downloaded = core::str::from_utf8(downloaded).expect("text");
    let mut scored = scored.iter();
    let mut lines = downloaded.split_terminator("\r\n");
    for (line_idx, line) in text.split_terminator("\r\n").enumerate() {
        let found = lines.next().expect("as many lines as before");
        let added = found.strip_prefix(line).expect("the record as it was");
        if line_idx == 0 {
            assert_eq!(added, ",score,verdict");
        } else if line.starts_with("wrong") {
            assert_eq!(added, ",,error");
        } else {
            let scored = scored.next().expect("a score for the row");
            let (score, verdict) = added[1..].split_once(',').expect("two columns");
            let score: f64 = score.parse().expect("a number");
            assert_eq!(
                score.to_bits(),
                scored.score.0.to_bits(),
                "every bit of the score"
            );
            assert_eq!(verdict, verdict_name(model, scored));
        }
    }
    assert_eq!(lines.next(), None);
}

#[test]
fn a_keyboard_is_enough() {
    let Some(page) = Page::open("a_keyboard_is_enough", phishing_artifact()) else {
        return;
    };
    let browser = &page.browser;
    let focused = |what: &str| -> Value {
        browser.run(
            &format!("return document.activeElement.{what} ?? null"),
            &[],
        )
    };
    browser.press(keys::TAB);
    assert_eq!(
        focused("className"),
        json!("skip"),
        "the first stop skips to the content"
    );
    browser.press(keys::ENTER);
    assert_eq!(focused("id"), json!("main"));
    browser.press(keys::TAB);
    assert_eq!(focused("id"), json!("tab-row"));
    browser.press(keys::ARROW_RIGHT);
    assert_eq!(focused("id"), json!("tab-batch"));
    assert_eq!(
        browser.run("return document.querySelector('#panel-row').hidden", &[]),
        true
    );
    browser.press(keys::ARROW_LEFT);
    // To the second example; two more and the search, then the first field.
    browser.press(&keys::TAB.repeat(2));
    browser.press(keys::SPACE);
    let threat = page.score();
    browser.press(&keys::TAB.repeat(4));
    assert_eq!(focused("name"), json!("field-0"));
    let scores: Vec<u64> = (0..3)
        .map(|_| {
            browser.press(keys::ARROW_RIGHT);
            page.score().to_bits()
        })
        .collect();
    assert!(
        scores.iter().any(|score| *score != threat.to_bits()),
        "no arrow changed the score"
    );
    let outline = "return getComputedStyle(document.querySelector('#field-0-0:focus-visible + label, \
        #field-0-1:focus-visible + label, #field-0-2:focus-visible + label')).outlineStyle";
    assert_eq!(browser.run(outline, &[]), "solid", "the focus can be seen");
    // Every field is one stop; the list of reasons comes after the last.
    browser.press(&keys::TAB.repeat(30));
    assert_eq!(focused("className"), json!("bar-name"));
    browser.press(keys::ENTER);
    assert_eq!(
        focused("type"),
        json!("radio"),
        "a reason leads to its field"
    );
    page.is_quiet();
}

#[test]
fn everything_has_a_name_for_screen_readers() {
    for artifact in [phishing_artifact(), nsl_kdd_artifact()] {
        let Some(page) = Page::open("everything_has_a_name", artifact) else {
            return;
        };
        let browser = &page.browser;
        let nameless = "
            const named = (node) => node.ariaLabel || node.getAttribute('aria-labelledby')
                || [...(node.labels ?? [])].some((label) => label.textContent.trim())
                || (node.matches('button, a, option') && node.textContent.trim());
            const controls = [...document.querySelectorAll('input, select, button, a, [role=tabpanel], [role=meter], [role=region]')];
            return controls.filter((node) => !named(node)).map((node) => node.outerHTML.slice(0, 200))";
        assert_eq!(browser.run(nameless, &[]), json!([]));
        let dangling = "
            const ids = [...document.querySelectorAll('[id]')].map((node) => node.id);
            const twice = ids.filter((id, at) => ids.indexOf(id) !== at);
            const references = ['aria-labelledby', 'aria-describedby', 'aria-controls', 'for', 'list'].flatMap((name) =>
                [...document.querySelectorAll(`[${name}]`)].flatMap((node) => node.getAttribute(name).split(' ')));
            return [...twice, ...references.filter((id) => !document.getElementById(id))]";
        assert_eq!(browser.run(dangling, &[]), json!([]));
        let spoken = "
            const fieldset = document.querySelector('fieldset.field');
            return [document.documentElement.lang, fieldset.querySelector('legend') !== null,
                document.querySelector('#verdict-status').getAttribute('aria-live'),
                document.querySelectorAll('main').length]";
        assert_eq!(browser.run(spoken, &[]), json!(["en", true, "polite", 1]));
        page.is_quiet();
    }
}

#[test]
fn names_in_a_model_are_text_and_never_markup() {
    let hostile = "<img src=x onerror=alert(1)>";
    let mut schema = models::phishing();
    schema.features[0].name = hostile.to_owned();
    schema.features[0].description = format!("</p>{hostile}");
    schema.label.positive.name = format!("\"><script>{hostile}</script>");
    let artifact = models::trees(hostile, &schema, Operator::Less, 10, 4).bytes;
    let Some(page) = Page::open("names_in_a_model_are_text", artifact) else {
        return;
    };
    assert_eq!(page.browser.text("#model-name"), hostile);
    assert_eq!(page.browser.text("fieldset.field legend"), hostile);
    let images = "return document.querySelectorAll('main img, main script').length";
    assert_eq!(page.browser.run(images, &[]), 0);
    page.is_quiet();
}

#[test]
fn another_model_can_be_opened_and_a_broken_one_changes_nothing() {
    let Some(page) = Page::open("another_model_can_be_opened", phishing_artifact()) else {
        return;
    };
    let browser = &page.browser;
    let folder = tempfile::tempdir().expect("a folder");
    let put = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("writing the file");
        path.display().to_string()
    };
    let other = nsl_kdd_artifact();
    browser.type_into(
        "#model-file",
        &put("broken.picket", &other[..other.len() / 2]),
    );
    browser.wait_until(
        "it is refused",
        "return !document.querySelector('#notice').hidden",
    );
    assert!(
        browser.text("#notice").contains("truncated"),
        "{}",
        browser.text("#notice")
    );
    assert_eq!(browser.text("#model-name"), "phishing-trees");
    browser.click("label[for=field-1-0]");
    browser.type_into("#model-file", &put("other.picket", &other));
    browser.wait_until(
        "the other model is open",
        "return document.querySelector('#model-name').textContent === 'nsl-kdd-trees'",
    );
    assert_eq!(
        browser.run("return document.querySelectorAll('.field').length", &[]),
        41
    );
    page.is_quiet();
}

#[test]
fn pictures_are_taken() {
    // A trained model makes the better picture.
    let artifact = match std::env::var_os("PICKET_PAGE_MODEL") {
        Some(path) => std::fs::read(&path).expect("PICKET_PAGE_MODEL names a model"),
        None => phishing_artifact(),
    };
    let Some(page) = Page::open("pictures_are_taken", artifact.clone()) else {
        return;
    };
    let browser = &page.browser;
    browser.click("#examples button:nth-of-type(2)");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("visits.csv");
    let model = OwnedModel::load(artifact).expect("our own artifact");
    std::fs::write(&path, csv_of(&model, &in_domain_rows(&model, 500))).expect("writing the file");
    for scheme in ["light", "dark"] {
        browser.prefer_colour_scheme(scheme);
        browser.resize(1280, 900);
        page.picture(&format!("page-{scheme}.png"));
        browser.resize(390, 844);
        page.picture(&format!("page-{scheme}-narrow.png"));
        let down = "document.querySelector('#field-9-0').scrollIntoView({ block: 'center' })";
        assert_eq!(browser.run(down, &[]), Value::Null);
        page.picture(&format!("page-{scheme}-narrow-form.png"));
        browser.resize(1280, 900);
        browser.click("#tab-batch");
        browser.type_into("#csv-file", &path.display().to_string());
        browser.wait_until(
            "it is scored",
            "return document.querySelector('#download') !== null",
        );
        page.picture(&format!("page-{scheme}-file.png"));
        browser.click("#tab-card");
        page.picture(&format!("page-{scheme}-card.png"));
        browser.click("#tab-row");
    }
    // Nothing sticks out to the side on a telephone.
    browser.resize(390, 844);
    let overflow =
        "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
    for tab in ["#tab-row", "#tab-batch", "#tab-card"] {
        browser.click(tab);
        assert_eq!(browser.run(overflow, &[]), 0, "{tab}");
    }
    page.is_quiet();
}
