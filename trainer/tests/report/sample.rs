//! A report with every part filled, its numbers made up.

use picket_trainer::report::{
    Candidate, Candidates, Case, ClassCount, ColumnDrift, ColumnProfile, Confusion, Contribution,
    Decision, Drift, Example, Figure, Finding, Importance, Outcome, Performance, Profile,
    ReliabilityBin, Report, Severity, Summary, Table, ThresholdCost,
};

fn figure(name: &str, value: f64) -> Figure {
    Figure {
        name: name.to_owned(),
        value,
        low: Some(value - 0.0088),
        high: Some(value + 0.0088),
    }
}

fn candidate(learner: &str, middle: f64, seconds: f64, is_chosen: bool) -> Candidate {
    Candidate {
        learner: learner.to_owned(),
        parameters: vec![
            ("n_trees".to_owned(), "300".to_owned()),
            ("max_depth".to_owned(), "6".to_owned()),
            ("learning_rate".to_owned(), "0.1".to_owned()),
        ],
        folds: vec![middle - 0.002, middle, middle + 0.002],
        seconds,
        is_chosen,
        stopped: None,
    }
}

fn performance() -> Performance {
    let steps = |n: u32| (0..=n).map(move |at| f64::from(at) / f64::from(n));
    Performance {
        threshold: 0.5,
        uncertain: Some([0.35, 0.62]),
        roc: steps(60).map(|x| [x, 1.0 - (1.0 - x).powi(40)]).collect(),
        precision_recall: steps(60).map(|x| [x, 1.0 - 0.45 * x.powi(14)]).collect(),
        reliability: steps(9)
            .map(|x| ReliabilityBin {
                mean_score: 0.05 + 0.9 * x,
                positive_share: (0.04 + 0.92 * x + 0.03 * (9.0 * x).sin()).clamp(0.0, 1.0),
                low: (0.04 + 0.92 * x - 0.05).clamp(0.0, 1.0),
                high: (0.04 + 0.92 * x + 0.06).clamp(0.0, 1.0),
                n_rows: 120,
            })
            .collect(),
        negative_scores: vec![
            980, 160, 70, 40, 30, 20, 15, 12, 8, 7, 6, 5, 4, 3, 3, 2, 2, 2, 1, 4,
        ],
        positive_scores: vec![
            2, 1, 2, 2, 3, 3, 4, 4, 4, 5, 6, 8, 9, 12, 16, 24, 40, 70, 170, 832,
        ],
        confusion: Confusion {
            true_positives: 1187,
            false_positives: 39,
            false_negatives: 30,
            true_negatives: 1335,
        },
        cost: Some(ThresholdCost {
            of_false_positive: 1.0,
            of_false_negative: 5.0,
            points: steps(100)
                .map(|x| {
                    [
                        x,
                        60.0 + 900.0 * (x - 0.4).powi(4) + 400.0 * (1.0 - x).powi(30),
                    ]
                })
                .collect(),
        }),
    }
}

fn examples(column: &str) -> Vec<Example> {
    let contribution = |amount: f64, value: &str| Contribution {
        feature: column.to_owned(),
        value: value.to_owned(),
        amount,
    };
    let example = |case, row, score, sign: f64| Example {
        case,
        row,
        score,
        margin: 0.12 + sign * 3.59,
        base: 0.12,
        contributions: vec![
            contribution(sign * 2.41, "-1"),
            contribution(sign * 1.12, "1"),
            contribution(sign * -0.38, "0"),
            contribution(sign * 0.24, "missing"),
        ],
        others: sign * 0.20,
    };
    vec![
        example(Case::TruePositive, 12, 0.997, 1.0),
        example(Case::FalsePositive, 1204, 0.871, 0.6),
        example(Case::FalseNegative, 77, 0.062, -0.7),
        example(Case::TrueNegative, 3, 0.004, -1.0),
    ]
}

fn profile(column: &str) -> Profile {
    let bar = |label: &str, n_negative, n_positive| ClassCount {
        label: label.to_owned(),
        n_negative,
        n_positive,
    };
    let ordinal = ColumnProfile {
        name: column.to_owned(),
        kind: "ordinal".to_owned(),
        unit: String::new(),
        n_missing: 12,
        n_distinct: 3,
        values: "-1, 0, 1".to_owned(),
        bars: vec![
            bar("-1", 4000, 3100),
            bar("0", 557, 300),
            bar("1", 1600, 1486),
        ],
    };
    let numeric = ColumnProfile {
        name: "src_bytes".to_owned(),
        kind: "numeric".to_owned(),
        unit: "bytes".to_owned(),
        n_missing: 0,
        n_distinct: 1665,
        values: "0 to 381709090, median 44".to_owned(),
        bars: (0..10)
            .map(|at| bar(&format!("tenth {at}"), 900 - 80 * at, 100 + 90 * at))
            .collect(),
    };
    Profile {
        n_rows: 11_055,
        n_distinct_rows: 5785,
        n_positive: 4898,
        columns: vec![ordinal, numeric],
    }
}

fn drift(column: &str) -> Drift {
    let one = |name: &str, adjusted_p_value: f64, psi: f64, is_drifted| ColumnDrift {
        name: name.to_owned(),
        test: "chi-squared".to_owned(),
        statistic: 12.4,
        p_value: adjusted_p_value / 2.0,
        adjusted_p_value,
        psi,
        is_drifted,
    };
    Drift {
        reference: "the champion's training data".to_owned(),
        is_drifted: true,
        columns: vec![
            one("SSLfinal_State", 0.41, 0.01, false),
            one(column, 1e-9, 0.312, true),
        ],
    }
}

/// Every part, with names to choose.
pub(crate) fn full(class: &str, column: &str) -> Report {
    let text = str::to_owned;
    let finding = |severity, message: &str| Finding {
        severity,
        column: Some(text(column)),
        message: text(message),
        n_rows: Some(64),
    };
    let importance = |feature: &str, share: f64| Importance {
        feature: text(feature),
        permutation: Some(share / 20.0),
        mean_abs_contribution: Some(share),
    };
    Report {
        summary: Summary {
            model: format!("{class}-boosting"),
            algorithm: text("boosting"),
            schema: text("phishing"),
            positive_class: text(class),
            negative_class: text("legitimate"),
            outcome: Some(Outcome {
                decision: Decision::Accepted,
                reason: text(
                    "F1 is 0.0041 above the champion's. The interval of the difference lies above 0.",
                ),
            }),
            measured_on: text("Measured on 2,591 rows that training did not see."),
            metrics: vec![
                figure("f1", 0.9505),
                figure("roc_auc", 0.9898),
                figure("pr_auc", 0.9889),
                figure("brier", 0.0311),
                figure("precision", 0.9682),
                figure("recall", 0.9753),
            ],
            notes: vec![text(
                "A random split of the same rows looks better: copies stand on both sides.",
            )],
        },
        profile: Some(profile(column)),
        findings: Some(vec![
            finding(Severity::Note, "a constant column carries nothing"),
            finding(
                Severity::Warning,
                "rows with equal features carry both labels",
            ),
        ]),
        drift: Some(drift(column)),
        candidates: Some(Candidates {
            metric: text("f1"),
            higher_is_better: true,
            candidates: vec![
                candidate("forest", 0.9432, 0.81, false),
                candidate("boosting", 0.949, 1.34, true),
                Candidate {
                    folds: vec![0.91],
                    stopped: Some(text("behind after one fold")),
                    ..candidate("neighbours", 0.91, 0.2, false)
                },
            ],
        }),
        performance: Some(performance()),
        tables: vec![Table {
            title: text("Both splits side by side"),
            note: text("What a random split shows beyond the grouped one is memory."),
            header: vec![text("Split"), text("F1"), text("Rows")],
            rows: vec![
                vec![text("grouped"), text("0.9505"), text("2,591")],
                vec![text("random"), text("0.9690"), text("2,211")],
            ],
        }],
        importances: vec![importance(column, 2.1), importance("SSLfinal_State", 0.7)],
        examples: examples(column),
        lineage: vec![
            (text("Artifact"), format!("sha256:{}", "1".repeat(64))),
            (text("Seed"), text("42")),
        ],
    }
}
