//! The charts of the report.

use crate::report::chart::{Axis, Chart, Mark, Role, Side};
use crate::report::contents::{Performance, ThresholdCost};
use crate::report::number;

fn share_tick(x: f64) -> String {
    format!("{:.0} %", 100.0 * x)
}

fn score_tick(x: f64) -> String {
    format!("{x:.1}")
}

fn share_axis(label: &'static str) -> Axis {
    Axis {
        label,
        range: [0.0, 1.0],
        n_ticks: 6,
        tick: share_tick,
    }
}

fn score_axis(label: &'static str) -> Axis {
    Axis {
        label,
        range: [0.0, 1.0],
        n_ticks: 6,
        tick: score_tick,
    }
}

fn line(points: Vec<[f64; 2]>, role: Role) -> Mark {
    Mark::Line {
        points,
        role,
        is_dashed: false,
    }
}

fn dashed(from: [f64; 2], to: [f64; 2]) -> Mark {
    Mark::Line {
        points: vec![from, to],
        role: Role::Muted,
        is_dashed: true,
    }
}

fn text(at: [f64; 2], text: impl Into<String>, side: Side, role: Role) -> Mark {
    Mark::Text {
        at,
        text: text.into(),
        side,
        role,
    }
}

/// The area under a curve by trapezoids; points by rising x.
fn area(points: &[[f64; 2]]) -> f64 {
    let trapezoid = |pair: &[[f64; 2]]| (pair[1][0] - pair[0][0]) * (pair[0][1] + pair[1][1]) / 2.0;
    points.windows(2).map(trapezoid).sum()
}

/// Right verdicts and false alarms, over all thresholds.
pub(super) fn roc(performance: &Performance) -> Option<Chart> {
    if performance.roc.len() < 2 {
        return None;
    }
    let confusion = performance.confusion;
    let negatives = confusion.false_positives + confusion.true_negatives;
    let positives = confusion.true_positives + confusion.false_negatives;
    let at = [
        number::share_of(confusion.false_positives, negatives),
        number::share_of(confusion.true_positives, positives),
    ];
    let auc = area(&performance.roc);
    let shown = format!(
        "threshold {}: {} found, {} false alarms",
        number::short(performance.threshold),
        number::percent(at[1]),
        number::percent(at[0])
    );
    Some(Chart {
        id: "roc",
        title: "ROC curve",
        note: "How many threats are found for how many false alarms. The dashed line is guessing."
            .to_owned(),
        description: format!("The area under the curve is {auc:.4}. At the {shown}."),
        x: share_axis("false alarms: share of the negative class called positive"),
        y: share_axis("found: share of the positive class called positive"),
        marks: vec![
            Mark::Area {
                points: performance.roc.clone(),
                base: 0.0,
                role: Role::Accent,
            },
            dashed([0.0, 0.0], [1.0, 1.0]),
            line(performance.roc.clone(), Role::Accent),
            Mark::Dot {
                at,
                role: Role::Accent,
            },
            text(
                [0.97, 0.2],
                format!("area {auc:.4}"),
                Side::Left,
                Role::Accent,
            ),
            text([0.97, 0.12], shown, Side::Left, Role::Ink),
        ],
    })
}

/// Precision over recall.
pub(super) fn precision_recall(performance: &Performance) -> Option<Chart> {
    let points = &performance.precision_recall;
    if points.len() < 2 {
        return None;
    }
    let confusion = performance.confusion;
    let positives = confusion.true_positives + confusion.false_negatives;
    let negatives = confusion.false_positives + confusion.true_negatives;
    let called = confusion.true_positives + confusion.false_positives;
    let at = [
        number::share_of(confusion.true_positives, positives),
        number::share_of(confusion.true_positives, called),
    ];
    let prevalence = number::share_of(positives, positives + negatives);
    let shown = format!(
        "threshold {}: precision {}, recall {}",
        number::short(performance.threshold),
        number::percent(at[1]),
        number::percent(at[0])
    );
    Some(Chart {
        id: "precision-recall",
        title: "Precision and recall",
        note: "How many of the rows called positive are. The dashed line is calling every row positive.".to_owned(),
        description: format!("At the {shown}. The share of positive rows is {}.", number::percent(prevalence)),
        x: share_axis("recall: share of the positive class called positive"),
        y: share_axis("precision: share of those called positive that are"),
        marks: vec![
            Mark::Area { points: points.clone(), base: 0.0, role: Role::Accent },
            dashed([0.0, prevalence], [1.0, prevalence]),
            line(points.clone(), Role::Accent),
            Mark::Dot { at, role: Role::Accent },
            text([0.02, 0.12], shown, Side::Right, Role::Ink),
            text(
                [0.02, if prevalence > 0.85 { prevalence - 0.05 } else { prevalence + 0.05 }],
                format!("positive rows: {}", number::percent(prevalence)),
                Side::Right,
                Role::Muted,
            ),
        ],
    })
}

/// Scores against what became of the rows.
pub(super) fn reliability(performance: &Performance) -> Option<Chart> {
    let bins = &performance.reliability;
    if bins.is_empty() {
        return None;
    }
    let n_rows: u64 = bins.iter().map(|bin| bin.n_rows).sum();
    let gap: f64 = bins
        .iter()
        .map(|bin| (bin.positive_share - bin.mean_score).abs() * bin.n_rows as f64)
        .sum::<f64>()
        / n_rows.max(1) as f64;
    let mut marks = vec![dashed([0.0, 0.0], [1.0, 1.0])];
    let points: Vec<[f64; 2]> = bins
        .iter()
        .map(|bin| [bin.mean_score, bin.positive_share])
        .collect();
    for (bin, at) in bins.iter().zip(&points) {
        marks.push(line(
            vec![[at[0], bin.low], [at[0], bin.high]],
            Role::Accent,
        ));
    }
    marks.extend(points.iter().map(|at| Mark::Dot {
        at: *at,
        role: Role::Accent,
    }));
    marks.push(text(
        [0.97, 0.12],
        format!("mean distance {}", number::percent(gap)),
        Side::Left,
        Role::Ink,
    ));
    marks.push(text(
        [0.03, 0.92],
        "above the line: scores too low",
        Side::Right,
        Role::Muted,
    ));
    Some(Chart {
        id: "reliability",
        title: "Calibration",
        note: "Whether a score of 0.8 means 8 in 10. Bars are 95 % intervals; the dashed line is perfect.".to_owned(),
        description: format!("Over {} bins the mean distance between score and share of positive rows is {}.", bins.len(), number::percent(gap)),
        x: score_axis("score: mean of the bin"),
        y: share_axis("share of the bin's rows that are positive"),
        marks,
    })
}

/// How the scores of each class lie.
pub(super) fn scores(performance: &Performance, positive: &str, negative: &str) -> Option<Chart> {
    let n_bins = performance.positive_scores.len();
    if n_bins == 0 || performance.negative_scores.len() != n_bins {
        return None;
    }
    let shares = |counts: &[u64]| -> Vec<f64> {
        let all: u64 = counts.iter().sum();
        counts.iter().map(|n| number::share_of(*n, all)).collect()
    };
    let (up, down) = (
        shares(&performance.positive_scores),
        shares(&performance.negative_scores),
    );
    let most = up.iter().chain(&down).copied().fold(0.2, f64::max) * 1.08;
    let width = 1.0 / n_bins as f64;
    let mut marks = Vec::new();
    for bin in 0..n_bins {
        let (left, right) = (bin as f64 * width, (bin + 1) as f64 * width);
        let (from, to) = (left + width * 0.08, right - width * 0.08);
        marks.push(Mark::Bar {
            from: [from, 0.0],
            to: [to, up[bin]],
            role: Role::Positive,
        });
        marks.push(Mark::Bar {
            from: [from, 0.0],
            to: [to, -down[bin]],
            role: Role::Negative,
        });
    }
    if let Some([low, high]) = performance.uncertain {
        marks.push(dashed([low, -most], [low, most]));
        marks.push(dashed([high, -most], [high, most]));
        marks.push(text(
            [low, -most * 0.92],
            "uncertain",
            Side::Right,
            Role::Muted,
        ));
    }
    let threshold = performance.threshold;
    marks.push(line(vec![[threshold, -most], [threshold, most]], Role::Ink));
    let side = if threshold > 0.6 {
        Side::Left
    } else {
        Side::Right
    };
    marks.push(text(
        [threshold, most * 0.9],
        format!("threshold {}", number::short(threshold)),
        side,
        Role::Ink,
    ));
    marks.push(text(
        [0.94, most * 0.62],
        positive,
        Side::Left,
        Role::Positive,
    ));
    marks.push(text(
        [0.06, -most * 0.62],
        negative,
        Side::Right,
        Role::Negative,
    ));
    Some(Chart {
        id: "scores",
        title: "Scores by class",
        note: "Share of each class in each bin of the score: the positive class upwards, the other downwards. The scale is that of square roots, so that few rows show too.".to_owned(),
        description: format!(
            "Of {positive}, {} score at the threshold or above; of {negative}, {}.",
            number::percent(number::share_of(performance.confusion.true_positives, performance.confusion.true_positives + performance.confusion.false_negatives)),
            number::percent(number::share_of(performance.confusion.false_positives, performance.confusion.false_positives + performance.confusion.true_negatives)),
        ),
        x: score_axis("score"),
        y: Axis {
            label: "share of the class's rows",
            range: [-most, most],
            n_ticks: 7,
            tick: |root| format!("{:.0} %", 100.0 * root * root),
        },
        marks,
    })
}

/// What errors cost at each threshold.
pub(super) fn cost(performance: &Performance) -> Option<Chart> {
    let ThresholdCost {
        of_false_positive,
        of_false_negative,
        points,
    } = performance.cost.as_ref()?;
    let best = points
        .iter()
        .copied()
        .min_by(|a, b| a[1].total_cmp(&b[1]))?;
    // A cost holds from its score down to the next lower one: it steps.
    let mut steps: Vec<[f64; 2]> = Vec::with_capacity(2 * points.len());
    for point in points {
        if let Some(last) = steps.last().copied() {
            steps.push([last[0], point[1]]);
        }
        steps.push(*point);
    }
    let at_threshold = points
        .iter()
        .find(|point| point[0] >= performance.threshold)
        .or(points.last())?[1];
    let most = points.iter().map(|point| point[1]).fold(1.0, f64::max);
    // The ends, where every row or none is called positive, would flatten the rest.
    let top = most.min(6.0 * at_threshold.max(best[1]).max(most / 50.0));
    for point in &mut steps {
        point[1] = point[1].min(top);
    }
    let threshold = performance.threshold;
    let (side, at) = if threshold > 0.6 {
        (Side::Left, threshold)
    } else {
        (Side::Right, threshold)
    };
    let shown = format!(
        "threshold {}: {}",
        number::short(threshold),
        number::short(at_threshold)
    );
    let least = format!(
        "least: {} at {}",
        number::short(best[1]),
        number::short(best[0])
    );
    Some(Chart {
        id: "cost",
        title: "What errors cost",
        note: format!(
            "Cost per 1,000 rows where a false alarm costs {} and a miss {}.",
            number::short(*of_false_positive),
            number::short(*of_false_negative)
        ),
        description: format!("At {shown}; {least}."),
        x: score_axis("threshold"),
        y: Axis {
            label: "cost per 1,000 rows",
            range: [0.0, top * 1.02],
            n_ticks: 6,
            tick: number::short,
        },
        marks: vec![
            line(vec![[threshold, 0.0], [threshold, top]], Role::Ink),
            line(steps, Role::Accent),
            Mark::Dot {
                at: [best[0], best[1].min(top)],
                role: Role::Accent,
            },
            text([at, top * 0.92], shown, side, Role::Ink),
            text([at, top * 0.82], least, side, Role::Accent),
        ],
    })
}
