//! The report: what it holds, and that hostile names stay text.

#![allow(clippy::unwrap_used, reason = "a test fails by unwrapping")]

mod sample;

use picket_trainer::report::Report;
use sample::full;

const SECTIONS: [&str; 9] = [
    "results",
    "performance",
    "candidates",
    "importances",
    "examples",
    "data",
    "validation",
    "drift",
    "lineage",
];

#[test]
fn every_filled_part_has_a_section_and_a_way_to_it() {
    let page = full("phishing", "URL_Length").to_html();
    for id in SECTIONS {
        assert!(
            page.contains(&format!(
                "<section id=\"{id}\" aria-labelledby=\"{id}-head\">"
            )),
            "{id}"
        );
        assert!(page.contains(&format!("<a href=\"#{id}\">")), "{id}");
    }
    for chart in ["roc", "precision-recall", "scores", "reliability", "cost"] {
        assert!(
            page.contains(&format!("aria-labelledby=\"{chart}-title {chart}-desc\"")),
            "{chart}"
        );
    }
    // To look at.
    let place = concat!(env!("CARGO_TARGET_TMPDIR"), "/report.html");
    std::fs::write(place, page).unwrap();
    println!("{place}");
}

#[test]
fn an_empty_report_is_a_page_without_sections_for_nothing() {
    let page = Report::default().to_html();
    assert!(page.contains("<section id=\"results\""));
    assert_eq!(page.matches("<section").count(), 1);
}

#[test]
fn the_numbers_are_those_of_the_contents() {
    let page = full("phishing", "URL_Length").to_html();
    for shown in [
        "0.9505",           // a metric
        "0.9417 to 0.9593", // its interval
        "11,055",           // rows
        "0.9490 ± 0.0020",  // a candidate's folds: 0.947, 0.949, 0.951
        "1,187",            // true positives
        "97.5 %",           // of 1,217
        "&lt; 0.0001",      // a p-value
        "0.312",            // a stability index
        "score 0.997",
        "+2.41",
        "−0.38",
        "The interval of the difference lies above 0.",
        "sha256:1111",
    ] {
        assert!(page.contains(shown), "{shown}");
    }
    let best = page.find("0.9490 ± 0.0020").unwrap();
    let second = page.find("0.9432 ± ").unwrap();
    assert!(best < second, "better candidates stand first");
}

#[test]
fn hostile_names_stay_text() {
    const HOSTILE: &str = "</title><script>alert(1)</script><img src=x onerror=alert(2)>\"'&";
    let page = full(HOSTILE, HOSTILE).to_html();
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    for (idx, _) in page.match_indices('<') {
        let tag: String = page[idx + 1..]
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect();
        assert!(
            !["script", "img", "iframe", "link", "object"].contains(&tag.as_str()),
            "{tag}"
        );
    }
    assert!(!page.contains("onerror=alert(2)>"), "no tag keeps it");
}

#[test]
fn nothing_comes_from_elsewhere_and_nothing_runs() {
    let page = full("phishing", "URL_Length").to_html();
    for forbidden in [
        "http:",
        "https:",
        "url(",
        "@import",
        "<script",
        "javascript:",
        "onclick=",
        "onload=",
    ] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    assert!(page.contains("default-src 'none'"));
    assert!(page.contains("prefers-color-scheme: dark") && page.contains("@media print"));
}

#[test]
fn equal_contents_give_equal_pages_through_json_too() {
    let report = full("phishing", "URL_Length");
    let json = serde_json::to_string(&report).unwrap();
    let read: Report = serde_json::from_str(&json).unwrap();
    assert_eq!(read, report);
    assert_eq!(read.to_html(), report.to_html());
}

#[test]
fn a_report_of_a_model_tells_what_its_evaluation_tells() {
    use picket_trainer::{
        Evaluation, Learner, Reporter, TrainOptions, phishing_schema, synthetic_rows, train,
    };
    let schema = phishing_schema().unwrap();
    let data = synthetic_rows(&schema, 600, 1).unwrap();
    let other = synthetic_rows(&schema, 400, 2).unwrap();
    let options = TrainOptions::new(Learner::Logistic(
        picket_trainer::LogisticSettings::default(),
    ));
    let trained = train(&data, &options, Reporter::Silent).unwrap();
    let model = picket_wasm_model::Model::load(&trained.bytes).unwrap();
    let report =
        Report::of_model(&model, &trained.bytes, &other, "rows.csv", [1.0, 5.0], 3).unwrap();
    let evaluation = Evaluation::of(&model, &other, 3).unwrap();

    let shown = |name: &str| {
        let figures = &report.summary.metrics;
        figures
            .iter()
            .find(|figure| figure.name == name)
            .unwrap()
            .value
    };
    assert_eq!(
        shown("roc_auc"),
        evaluation.metric("roc_auc").unwrap().value
    );
    let performance = report.performance.as_ref().unwrap();
    let confusion = performance.confusion;
    let recall = confusion.true_positives as f64 / evaluation.n_positive as f64;
    assert!((recall - shown("recall")).abs() < 1e-12);
    let all = [
        confusion.true_positives,
        confusion.false_positives,
        confusion.false_negatives,
        confusion.true_negatives,
    ];
    assert_eq!(all.iter().sum::<u64>(), 400);

    assert_eq!(report.importances.len(), schema.n_features());
    let most = report
        .importances
        .iter()
        .max_by(|a, b| a.permutation.partial_cmp(&b.permutation).unwrap())
        .unwrap();
    assert!(most.permutation.unwrap() > 0.01, "{most:?}");
    assert!(!report.examples.is_empty());
    for example in &report.examples {
        let sum: f64 = example.contributions.iter().map(|x| x.amount).sum();
        let total = example.base + sum + example.others;
        assert!((total - example.margin).abs() < 1e-9, "{example:?}");
    }
    let again =
        Report::of_model(&model, &trained.bytes, &other, "rows.csv", [1.0, 5.0], 3).unwrap();
    assert_eq!(again.to_html(), report.to_html(), "the same every time");
}
