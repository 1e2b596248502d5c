//! Another calibration, threshold and band without another fit.

use picket_schema::artifact::Calibration;
use picket_schema::{Artifact, Verdict};
use picket_wasm_model::{Model, Scorer};

use crate::bench_rows::Bench;
use crate::run::{json_of, refusal_of, stdout_of, text};

/// A bench with a model, and other rows.
fn bench(more: &[&str]) -> (Bench, String) {
    let bench = Bench::new(600);
    bench.train("m.picket", &[&["--trees", "25"], more].concat());
    let fresh = bench.path("fresh.csv");
    stdout_of(&[
        "sample",
        "--rows",
        "900",
        "--seed",
        "77",
        "--out",
        text(&fresh),
    ]);
    let fresh = text(&fresh).to_owned();
    (bench, fresh)
}

fn retune(bench: &Bench, data: &str, more: &[&str]) -> (Vec<u8>, String) {
    let (model, out) = (bench.path("m.picket"), bench.path("retuned.picket"));
    let base = [
        "retune",
        "--model",
        text(&model),
        "--data",
        data,
        "--out",
        text(&out),
    ];
    let said = stdout_of(&[&base[..], more].concat());
    (std::fs::read(out).unwrap(), said)
}

#[test]
fn only_what_was_asked_for_changes_and_the_parent_is_named() {
    let (bench, fresh) = bench(&[]);
    let old = std::fs::read(bench.path("m.picket")).unwrap();
    let was = Artifact::decode(&old).unwrap();
    let (bytes, said) = retune(&bench, &fresh, &["--threshold", "0.4", "--note", "why"]);
    let now = Artifact::decode(&bytes).unwrap();
    assert_eq!(now.model, was.model);
    assert_eq!(now.calibration, was.calibration);
    assert_eq!(now.reference, was.reference);
    assert_eq!(
        (now.decision.threshold, now.decision.uncertain),
        (0.4, None)
    );
    let card = &now.card;
    assert_eq!(card.parent, Some(Artifact::digest(&old)));
    assert_eq!(card.data_digest, was.card.data_digest);
    assert_eq!(card.parameters["threshold"], "0.4");
    assert_eq!(
        card.parameters["calibration"],
        was.card.parameters["calibration"]
    );
    assert_eq!((card.split.as_str(), card.n_rows_test), ("retune", 900));
    assert_ne!(card.metrics, was.card.metrics);
    let metrics_notes = card
        .notes
        .iter()
        .filter(|note| note.starts_with("The metrics are"));
    let metrics_notes: Vec<&String> = metrics_notes.collect();
    assert_eq!(
        metrics_notes.len(),
        1,
        "the old one would be wrong: {:?}",
        card.notes
    );
    assert!(metrics_notes[0].contains("900 rows"));
    assert!(card.notes.contains(&"why".to_owned()));
    assert!(
        card.notes
            .iter()
            .any(|note| note.contains("Retuned") && note.contains("sha256:"))
    );
    assert!(!said.contains("warning"), "{said}");
    // The same again gives the same bytes.
    assert_eq!(
        retune(&bench, &fresh, &["--threshold", "0.4", "--note", "why"]).0,
        bytes
    );
}

#[test]
fn a_new_calibration_changes_scores_and_their_reference() {
    let (bench, fresh) = bench(&[]);
    let old = std::fs::read(bench.path("m.picket")).unwrap();
    let was = Artifact::decode(&old).unwrap();
    let more = [
        "--calibration",
        "isotonic",
        "--uncertain",
        "0.1",
        "--threshold",
        "fbeta:2",
    ];
    let (bytes, said) = retune(&bench, &fresh, &more);
    let now = Artifact::decode(&bytes).unwrap();
    assert!(matches!(now.calibration, Calibration::Isotonic(_)));
    assert_eq!(now.reference.features, was.reference.features);
    let counts = |artifact: &Artifact<'_>| -> u32 {
        let counts = artifact.reference.scores.as_chunks().0.iter();
        counts.map(|count| u32::from_le_bytes(*count)).sum()
    };
    assert_eq!((counts(&was), counts(&now)), (600, 900));
    assert!(now.decision.uncertain.is_some());
    assert!(
        said.contains("uncertain from") && said.contains("split conformal"),
        "{said}"
    );
    assert!(now.card.parameters["threshold"].starts_with("highest F-beta, beta 2, rows of"));
    let evaluated = json_of(&[
        "evaluate",
        "--model",
        text(&bench.path("retuned.picket")),
        "--data",
        &fresh,
        "--json",
    ]);
    assert!(
        evaluated["confusion"]["uncertain_positives"]
            .as_u64()
            .unwrap()
            > 0
    );
    // The band is the scorer's too.
    let model = Model::load(&bytes).unwrap();
    let [low, _] = now.decision.uncertain.unwrap();
    let rows: Vec<f32> = (0..30 * 500)
        .map(|i| [-1.0, 0.0, 1.0][(i * i / 7 + i) % 3])
        .collect();
    for scored in Scorer::new(&model).score_batch(&rows).unwrap() {
        if scored.score.0 < low {
            assert_eq!(scored.verdict, Verdict::Negative);
        }
    }
}

#[test]
fn costs_and_rates_set_the_threshold() {
    let (bench, fresh) = bench(&[]);
    let threshold = |more: &[&str]| {
        let (bytes, _) = retune(&bench, &fresh, more);
        let artifact = Artifact::decode(&bytes).unwrap();
        (
            artifact.decision.threshold,
            artifact.card.parameters["threshold"].clone(),
        )
    };
    let (closed, words) = threshold(&["--cost-fp", "1", "--cost-fn", "10"]);
    assert_eq!(closed, 1.0 / 11.0);
    assert!(words.contains("closed form"), "{words}");
    let (lowest, words) = threshold(&[
        "--cost-fp",
        "1",
        "--cost-fn",
        "10",
        "--cost-threshold",
        "lowest",
    ]);
    assert!(
        lowest < 0.5 && words.contains("lowest cost"),
        "{lowest}: {words}"
    );
    let (strict, _) = threshold(&["--max-fpr", "0.02"]);
    let (loose, _) = threshold(&["--max-fpr", "0.2"]);
    let (bound, words) = threshold(&["--max-fpr", "0.02", "--fpr-bound"]);
    assert!(loose < strict && strict < bound, "{loose} {strict} {bound}");
    assert!(words.contains("Clopper-Pearson"), "{words}");
}

#[test]
fn training_rows_are_warned_of_and_not_measured_on() {
    let (bench, _) = bench(&[]);
    let rows = text(&bench.rows).to_owned();
    let (bytes, said) = retune(&bench, &rows, &["--calibration", "auto"]);
    assert!(
        said.contains("warning: The model was trained from these very rows"),
        "{said}"
    );
    let card = Artifact::decode(&bytes).unwrap().card;
    assert!(card.metrics.is_empty() && card.n_rows_test == 0);
    assert!(
        card.notes
            .iter()
            .any(|note| note.contains("these very rows"))
    );
}

#[test]
fn a_stale_band_and_nothing_to_do_are_refused() {
    let (bench, fresh) = bench(&["--uncertain", "0.02"]);
    let (model, out) = (bench.path("m.picket"), bench.path("retuned.picket"));
    let base = [
        "retune",
        "--model",
        text(&model),
        "--data",
        &fresh,
        "--out",
        text(&out),
    ];
    for (more, said) in [
        (&["--threshold", "0.3"][..], "--no-uncertain"),
        (&["--calibration", "platt"], "--uncertain SHARE"),
        (&[], "nothing to change"),
        (&["--uncertain", "1.5"], "above 0 and below 1"),
        (
            &["--max-fpr", "0.00001", "--fpr-bound", "--no-uncertain"],
            "distinct negative rows",
        ),
        (&["--cost-fp", "1"], "--cost-fn"),
        (&["--threshold", "fbeta:-1"], "above 0"),
    ] {
        let refusal = refusal_of(&[&base[..], more].concat());
        assert!(refusal.contains(said), "{said}: {refusal}");
        assert!(!out.exists());
    }
    let (bytes, _) = retune(&bench, &fresh, &["--no-uncertain"]);
    let now = Artifact::decode(&bytes).unwrap();
    assert_eq!(now.decision.uncertain, None);
    assert!(!now.card.parameters.contains_key("uncertain"));
}

#[test]
fn calibrations_of_training_are_those_asked_for() {
    let bench = Bench::new(700);
    let trained = |name: &str, more: &[&str]| {
        let path = bench.train(name, &[&["--trees", "20"], more].concat());
        std::fs::read(path).unwrap()
    };
    for (name, kind) in [
        ("platt", "Platt"),
        ("isotonic", "isotonic"),
        ("none", "none"),
    ] {
        let bytes = trained(name, &["--calibration", name]);
        let artifact = Artifact::decode(&bytes).unwrap();
        assert!(artifact.card.parameters["calibration"].starts_with(kind));
        let is_isotonic = matches!(artifact.calibration, Calibration::Isotonic(_));
        assert_eq!(is_isotonic, name == "isotonic");
    }
    let bytes = trained("auto", &["--calibration", "auto"]);
    let words = &Artifact::decode(&bytes).unwrap().card.parameters["calibration"];
    assert!(
        words.contains("cross-fitted Brier score") && words.contains("out-of-fold"),
        "{words}"
    );
    // A forest's margins are probabilities already.
    let bytes = trained("forest", &["--model", "forest", "--calibration", "none"]);
    let artifact = Artifact::decode(&bytes).unwrap();
    let Calibration::Isotonic(identity) = &artifact.calibration else {
        panic!("expected knots")
    };
    assert_eq!(
        identity.knots().collect::<Vec<_>>(),
        [(0.0, 0.0), (1.0, 1.0)]
    );
}

#[test]
fn both_splits_stand_side_by_side() {
    let bench = Bench::new(600);
    let (schema, out) = (crate::run::schema("phishing.toml"), bench.path("m.picket"));
    let base = [
        "train",
        "--data",
        text(&bench.rows),
        "--schema",
        text(&schema),
        "--out",
        text(&out),
        "--model",
        "tree",
        "--both-splits",
    ];
    let table = stdout_of(&base);
    assert!(
        table.contains("grouped") && table.contains("memorised"),
        "{table}"
    );
    let report = json_of(&[&base[..], &["--json"]].concat());
    let splits = &report["splits"];
    assert_eq!(splits["grouped"]["memorised_share"], 0.0);
    assert_eq!(
        splits["random"]["memorised_share"],
        report["memorised_share"]
    );
    // The grouped half is the measure that the report has.
    let metrics = splits["grouped"]["metrics"].as_array().unwrap();
    assert_eq!(metrics.len(), 10);
    for metric in metrics {
        let name = metric["name"].as_str().unwrap();
        assert_eq!(metric["value"], report["metrics"][name]["value"], "{name}");
    }
}
