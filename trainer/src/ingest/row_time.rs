//! When a row was seen.

use std::time::UNIX_EPOCH;

use super::cell::Cell;

/// What a time may be, in words.
pub(super) const EXPECTED: &str =
    "a number, or a date such as 2026-11-21, 2026-11-21 10:30:00 or 2026-11-21T10:30:00Z";

/// A time as a number that grows: the number itself, or seconds since 1970 of a date, which is in UTC. `None`
/// where the cell is neither.
pub(super) fn time_of(cell: Cell<'_>) -> Option<f64> {
    match cell {
        Cell::Integer(number) => Some(number as f64),
        Cell::Number(number) => number.is_finite().then_some(number),
        Cell::Text(text) => {
            let text = text.trim();
            match text.parse::<f64>() {
                Ok(number) => number.is_finite().then_some(number),
                Err(_) => seconds(text),
            }
        }
        Cell::Missing | Cell::NotText | Cell::Bool(_) => None,
    }
}

fn seconds(text: &str) -> Option<f64> {
    let is_day = text.len() == "2026-11-21".len();
    let whole = if is_day {
        format!("{text}T00:00:00Z")
    } else {
        text.to_owned()
    };
    let time = humantime::parse_rfc3339_weak(&whole).ok()?;
    Some(match time.duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_secs_f64(),
        Err(before) => -before.duration().as_secs_f64(),
    })
}

/// The rows' numbers by time; rows of one time stay in their order. Shape: `(n_rows,)`.
pub(super) fn order_by(times: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..times.len()).collect();
    order.sort_by(|a, b| times[*a].total_cmp(&times[*b]));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_dates_grow_and_the_rest_is_no_time() {
        let text = |text| time_of(Cell::Text(text));
        assert_eq!(text(" 17 "), Some(17.0));
        assert_eq!(time_of(Cell::Integer(-3)), Some(-3.0));
        let days = [
            "2026-11-20",
            "2026-11-20 23:59:59",
            "2026-11-21T00:00:00Z",
            "2026-11-21T00:00:00.5Z",
        ];
        let times: Vec<f64> = days.iter().map(|day| text(day).unwrap()).collect();
        assert!(times.is_sorted_by(|a, b| a < b), "{times:?}");
        assert_eq!(text("1970-01-02"), Some(86_400.0));
        for wrong in ["", "NaN", "inf", "yesterday", "2026-13-01", "21.11.2026"] {
            assert_eq!(text(wrong), None, "{wrong}");
        }
        assert_eq!(order_by(&[2.0, 1.0, 2.0, 0.0]), [3, 1, 0, 2]);
    }
}
