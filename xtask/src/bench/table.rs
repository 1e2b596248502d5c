//! Text in columns.

/// A table: the first row is its head; numbers stand at the right, words at the left.
pub(crate) fn text(rows: &[Vec<String>]) -> String {
    let n_columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..n_columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| {
            if cell.starts_with(|c: char| c.is_ascii_digit()) {
                format!("{cell:>width$}")
            } else {
                format!("{cell:<width$}")
            }
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A number as a reader wants it: three digits or more, no more than they mean.
pub(crate) fn number(value: f64) -> String {
    if value >= 100.0 {
        let digits = format!("{value:.0}");
        let mut grouped = String::new();
        for (idx, digit) in digits.chars().enumerate() {
            if idx > 0 && (digits.len() - idx).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        grouped
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else if value >= 1.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.3}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let rows = [
            row(["engine", "ns/row"]),
            row(["picket", "7"]),
            row(["tl2cgen", "2,388"]),
        ];
        assert_eq!(
            text(&rows),
            "engine   ns/row\npicket        7\ntl2cgen   2,388\n"
        );
        assert_eq!(text(&[]), "");
    }

    #[test]
    fn numbers_have_groups_or_decimals() {
        let shown = [1_234_567.2, 999.6, 100.0, 12.34, 1.234, 0.2996].map(number);
        assert_eq!(
            shown,
            ["1,234,567", "1,000", "100", "12.3", "1.23", "0.300"]
        );
    }
}
