//! Numbers as the report shows them.

/// A count with its thousands apart: `1,234,567`.
pub(super) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (idx, digit) in digits.chars().enumerate() {
        if idx > 0 && (digits.len() - idx).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A metric: four decimals.
pub(super) fn metric(x: f64) -> String {
    let text = format!("{:.4}", x.abs());
    let is_zero = text.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    if x < 0.0 && !is_zero {
        format!("−{text}")
    } else {
        text
    }
}

/// A share as a percentage with one decimal.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// A share of a whole that may be 0.
pub(super) fn share_of(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// A number of any size, with about four digits.
pub(super) fn short(x: f64) -> String {
    let magnitude = x.abs();
    if !x.is_finite() {
        return x.to_string();
    }
    if magnitude != 0.0 && !(1e-3..1e7).contains(&magnitude) {
        return format!("{x:.2e}");
    }
    let decimals = if magnitude >= 1000.0 {
        0
    } else if magnitude >= 10.0 {
        1
    } else {
        3
    };
    let text = format!("{x:.decimals$}");
    if text.contains('.') {
        let text = text.trim_end_matches('0').trim_end_matches('.');
        return if text == "-0" { "0" } else { text }.to_owned();
    }
    text
}

/// A number with its sign, a true minus among them: `+0.42`, `−1.30`.
pub(super) fn signed(x: f64) -> String {
    let sign = if x < 0.0 { '−' } else { '+' };
    format!("{sign}{:.2}", x.abs())
}

/// A p-value.
pub(super) fn p_value(p: f64) -> String {
    if p < 1e-4 {
        "< 0.0001".to_owned()
    } else {
        format!("{p:.4}")
    }
}

/// A time in seconds.
pub(super) fn seconds(s: f64) -> String {
    if s < 1.0 {
        format!("{:.0} ms", 1000.0 * s)
    } else if s < 120.0 {
        format!("{s:.1} s")
    } else {
        format!("{:.1} min", s / 60.0)
    }
}

/// What people call a metric.
pub(super) fn metric_name(name: &str) -> String {
    let known = match name {
        "f1" => "F1",
        "precision" => "Precision",
        "recall" => "Recall",
        "roc_auc" => "ROC-AUC",
        "pr_auc" => "PR-AUC",
        "brier" => "Brier score",
        "log_loss" => "Log loss",
        "accuracy" => "Accuracy",
        "balanced_accuracy" => "Balanced accuracy",
        "mcc" => "MCC",
        "ece" => "Calibration error",
        other => return other.replace('_', " "),
    };
    known.to_owned()
}

/// Whether less of a metric is better.
pub(super) fn is_loss(name: &str) -> bool {
    matches!(name, "brier" | "log_loss" | "ece")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(
            [
                short(0.0),
                short(0.5),
                short(58_329.0),
                short(12.34),
                short(-0.000_1)
            ],
            ["0", "0.5", "58329", "12.3", "-1.00e-4"]
        );
        assert_eq!(
            [metric(0.95054), metric(-0.00001), metric(-0.5)],
            ["0.9505", "0.0000", "−0.5000"]
        );
        assert_eq!([signed(-1.3), signed(0.421)], ["−1.30", "+0.42"]);
        assert_eq!([p_value(1e-9), p_value(0.25)], ["< 0.0001", "0.2500"]);
        assert_eq!(
            [seconds(0.25), seconds(33.0), seconds(300.0)],
            ["250 ms", "33.0 s", "5.0 min"]
        );
    }
}
