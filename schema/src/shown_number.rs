//! Numbers in messages: up to 15 digits, without the tables that exact printing needs.

use core::fmt;

/// A number as a message shows it. Whole numbers below 2^53 and decimals of up to 15 digits stand
/// as they would be written; others are rounded, those with an exponent to 12 digits.
pub(crate) struct ShownNumber(pub(crate) f64);

/// Below this, whole numbers are exact.
const MAX_WHOLE: f64 = (1_u64 << 53) as f64;
/// Smaller numbers are shown with an exponent.
const MIN_PLAIN: f64 = 1e-4;

impl fmt::Display for ShownNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_nan() {
            return f.write_str("NaN");
        }
        if self.0.is_sign_negative() {
            f.write_str("-")?;
        }
        let size = self.0.abs();
        if size.is_infinite() {
            f.write_str("inf")
        } else if size == 0.0 || (MIN_PLAIN..MAX_WHOLE).contains(&size) {
            plain(f, size, 15)
        } else {
            let (mantissa, exponent) = scientific(size);
            plain(f, mantissa, 12)?;
            write!(f, "e{exponent}")
        }
    }
}

/// Writes a number below 2^53 with at most `n_digits` digits, zeros at the end left out.
fn plain(f: &mut fmt::Formatter<'_>, size: f64, n_digits: usize) -> fmt::Result {
    let mut whole = size as u64;
    let n_whole = whole.checked_ilog10().map_or(0, |log| log as usize + 1);
    // At most 15 factors of ten: their product is exact.
    let mut scale = 1_u64;
    for _ in n_whole..n_digits {
        scale *= 10;
    }
    let mut fraction = ((size - whole as f64) * scale as f64 + 0.5) as u64;
    if fraction >= scale {
        whole += 1;
        fraction = 0;
    }
    write!(f, "{whole}")?;
    if fraction == 0 {
        return Ok(());
    }
    f.write_str(".")?;
    while fraction > 0 {
        scale /= 10;
        write!(f, "{}", fraction / scale)?;
        fraction %= scale;
    }
    Ok(())
}

/// A positive number as one from 1 to 10 times a power of ten.
fn scientific(mut size: f64) -> (f64, i32) {
    // The powers of ten whose exponents are powers of two.
    const STEPS: [(f64, i32); 9] = [
        (1e256, 256),
        (1e128, 128),
        (1e64, 64),
        (1e32, 32),
        (1e16, 16),
        (1e8, 8),
        (1e4, 4),
        (1e2, 2),
        (1e1, 1),
    ];
    let mut exponent = 0;
    for (step, power) in STEPS {
        if size >= step {
            size /= step;
            exponent += power;
        }
        // Where the number is below one, up to but not past ten.
        if size < 1.0 && size * step < 10.0 {
            size *= step;
            exponent -= power;
        }
    }
    // What would be rounded to ten is one with the next exponent.
    if size > 10.0 - 5e-12 {
        return (size / 10.0, exponent + 1);
    }
    (size, exponent)
}

/// A list of numbers: `1, 2.5`.
pub(crate) fn shown_list(numbers: &[f64]) -> String {
    let mut words = String::new();
    for number in numbers {
        if !words.is_empty() {
            words.push_str(", ");
        }
        words.push_str(&ShownNumber(*number).to_string());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_stand_as_written() {
        for text in [
            "0",
            "-0",
            "1",
            "-1",
            "0.1",
            "0.3",
            "-0.7",
            "12.5",
            "1379963888",
            "0.0001",
            "1e-5",
            "123456.789012345",
            "9007199254740991",
            "99999.9999999999",
            "0.123456789012345",
            "inf",
            "-inf",
            "NaN",
            "1e-12",
            "1e12",
            "1e15",
            "1e100",
            "1e-100",
            "-2.5e-7",
            "1e16",
        ] {
            let number: f64 = text.parse().unwrap();
            let shown = ShownNumber(number).to_string();
            let expected = match text {
                "1e12" => "1000000000000",
                "1e15" => "1000000000000000",
                other => other,
            };
            assert_eq!(shown, expected);
        }
        assert_eq!(ShownNumber(f64::MAX).to_string(), "1.79769313486e308");
        assert_eq!(
            ShownNumber(f64::MIN_POSITIVE).to_string(),
            "2.22507385851e-308"
        );
        assert_eq!(ShownNumber(0.999_999_999_999_999_9).to_string(), "1");
        assert_eq!(shown_list(&[-1.0, 0.5]), "-1, 0.5");
    }

    #[test]
    fn every_magnitude_reads_back_nearly() {
        for exponent in -1074..=1023 {
            let number = 1.1 * 2_f64.powi(exponent);
            let shown: f64 = ShownNumber(number).to_string().parse().unwrap();
            let error = (shown / number - 1.0).abs();
            // Below the normal numbers an f64 itself has few digits.
            assert!(
                error < 1e-11 || number < 1e-306,
                "2^{exponent}: {shown} for {number}"
            );
            assert!(shown.is_finite());
        }
    }
}
