//! The page in a real browser: what an analyst does with it, by mouse and by keyboard.

use picket_journeys::models;
use picket_journeys::page::Page;
use picket_journeys::webdriver::keys;
use picket_schema::artifact::Operator;
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
    page.assert_quiet();
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
    page.assert_quiet();
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
    page.assert_quiet();
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
        page.assert_quiet();
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
    page.assert_quiet();
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
    page.assert_quiet();
}
