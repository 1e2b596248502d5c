//! A file of rows on the page, in a real browser; and pictures of the page.

use picket_journeys::csv_file::{csv_of, in_domain_rows};
use picket_journeys::models;
use picket_journeys::page::Page;
use picket_schema::artifact::Operator;
use picket_wasm_model::{OwnedModel, Scored, Scorer};
use serde_json::Value;

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
        let loaded = page.site.take_requests();
        assert!(!loaded.is_empty());
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
        page.assert_quiet();
    }
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
    page.assert_quiet();
}
