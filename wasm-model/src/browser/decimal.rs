//! Decimal text to the nearest f64: the texts that `str::parse` takes, and its numbers.
//!
//! `str::parse` brings tables as large as the scorer. Short numbers need none of them, and a
//! browser has a parser for the others; but which texts are numbers is said here, for JavaScript
//! takes others too.

/// The powers of ten that an f64 holds exactly.
const EXACT_POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];
/// Every whole number up to this is an f64.
const MAX_EXACT: u64 = 1 << 53;

/// The number that `text` is; `None` where it is none. `nearest` reads what cannot be read exactly
/// here: digits with at most one point, and perhaps an exponent, without a sign before them.
pub(super) fn parse(text: &str, nearest: impl Fn(&str) -> f64) -> Option<f64> {
    let (sign, unsigned) = split_sign(text);
    let sign = f64::from(sign);
    if unsigned.starts_with(|first: char| first.is_ascii_alphabetic()) {
        let is_word = |word: &str| unsigned.eq_ignore_ascii_case(word);
        if is_word("inf") || is_word("infinity") {
            return Some(sign * f64::INFINITY);
        }
        return is_word("nan").then_some(f64::NAN);
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (mut digits, mut power, mut any_digit, mut point) = (0_u64, 0_i64, false, false);
    for byte in mantissa.bytes() {
        match byte {
            b'0'..=b'9' => {
                any_digit = true;
                digits = push_digit(digits, byte);
                power -= i64::from(point);
            }
            b'.' if !point => point = true,
            _ => return None,
        }
    }
    if !any_digit {
        return None;
    }
    if let Some(exponent) = exponent {
        let (sign, exponent) = split_sign(exponent);
        if exponent.is_empty() || !exponent.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let exponent = exponent.bytes().fold(0, push_digit);
        power += i64::from(sign) * i64::try_from(exponent).unwrap_or(i64::MAX / 2);
    }
    // Two exact numbers: their product or quotient is rounded once, to the nearest.
    let exact_power = usize::try_from(power.unsigned_abs())
        .ok()
        .and_then(|power| EXACT_POWERS.get(power));
    let size = match exact_power {
        Some(scale) if digits <= MAX_EXACT && power < 0 => digits as f64 / scale,
        Some(scale) if digits <= MAX_EXACT => digits as f64 * scale,
        _ => nearest(unsigned),
    };
    Some(sign * size)
}

fn split_sign(text: &str) -> (i8, &str) {
    match text.strip_prefix('-') {
        Some(unsigned) => (-1, unsigned),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// Stays at the largest number where there are too many digits.
fn push_digit(digits: u64, digit: u8) -> u64 {
    digits
        .saturating_mul(10)
        .saturating_add(u64::from(digit - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As [`parse`] in a browser, with Rust's own parser in place of JavaScript's.
    fn parsed(text: &str) -> Option<f64> {
        parse(text, |long| {
            assert!(
                long.bytes()
                    .all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte)),
                "{long} may mean something else in JavaScript"
            );
            long.parse().expect("only numbers are handed over")
        })
    }

    fn check(text: &str) {
        // One NaN is as good as another: none is in a domain.
        let bits = |number: f64| {
            if number.is_nan() {
                u64::MAX
            } else {
                number.to_bits()
            }
        };
        let expected = text.parse::<f64>().ok().map(bits);
        assert_eq!(parsed(text).map(bits), expected, "{text:?}");
    }

    #[test]
    fn reads_what_the_standard_library_reads() {
        for text in [
            "",
            "+",
            "-",
            ".",
            "-.",
            "0",
            "-0",
            "+0.0",
            "00012",
            "5.",
            ".5",
            "5.e3",
            ".5e-3",
            "1e",
            "1e+",
            "e5",
            ".e5",
            "1e5.0",
            "1.2.3",
            "1_000",
            "0x10",
            " 1",
            "1 ",
            "+-1",
            "--1",
            "1e5e5",
            "inf",
            "-INF",
            "+Infinity",
            "infinit",
            "nan",
            "-NaN",
            "1f",
            "1d",
            "٣",
            "1e400",
            "1e-400",
            "0e999999999999999999999",
            "1e-99999999999999999999",
            "9007199254740992",
            "9007199254740993",
            "9007199254740993e-1",
            "1e22",
            "1e23",
            "123456789e15",
            "1e-22",
            "1e-23",
            "0.1",
            "3.4028235e38",
            "3.40282357e38",
            "1.7976931348623157e308",
            "1.7976931348623159e308",
            "2.2250738585072011e-308",
            "4.9e-324",
            "2.4703282292062327e-324",
            "0.000000000000000000000000000000000000000000000000000001",
            "179769313486231580793728971405301e276",
        ] {
            check(text);
        }
    }

    const ALPHABET: &[u8] = b"0123456789012345678901234567890123456789..eE+-";

    #[test]
    fn reads_random_texts_as_the_standard_library_does() {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut next = |bound: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as usize % bound
        };
        let mut n_numbers = 0;
        for _ in 0..200_000 {
            let text: String = (0..=next(24))
                .map(|_| char::from(ALPHABET[next(ALPHABET.len())]))
                .collect();
            n_numbers += usize::from(parsed(&text).is_some());
            check(&text);
        }
        assert!(
            n_numbers > 20_000,
            "only {n_numbers} of the texts are numbers"
        );
    }
}
