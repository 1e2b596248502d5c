//! Cron expressions: five fields, in UTC.

use std::str::FromStr;
use std::time::{Duration, SystemTime};

use crate::jobs::error::JobError;

/// The fields' names and ranges. Day of week: 0 and 7 are Sunday.
const FIELDS: [(&str, u8, u8); 5] = [
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of month", 1, 31),
    ("month", 1, 12),
    ("day of week", 0, 7),
];
const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/// No expression needs more.
const MAX_TEXT: usize = 200;

/// When something is to happen: `30 2 * * mon-fri`. Each field is `*`, a number, a name, a range `a-b`, any of
/// these with a step `/n`, or a list of them. Where day of month and day of week are both given, either will do, as
/// cron has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronExpression {
    text: String,
    /// A bit for each value that is in.
    fields: [u64; 5],
    is_any_day: [bool; 2],
}

impl FromStr for CronExpression {
    type Err = JobError;

    fn from_str(text: &str) -> Result<Self, JobError> {
        let wrong = |reason: String| JobError::Cron {
            found: text.chars().take(MAX_TEXT).collect(),
            reason,
        };
        let parts: Vec<&str> = text.split_whitespace().collect();
        if text.len() > MAX_TEXT || parts.len() != FIELDS.len() {
            return Err(wrong(format!("found {} fields", parts.len())));
        }
        let mut fields = [0; 5];
        for (idx, part) in parts.iter().enumerate() {
            fields[idx] = field(part, idx).map_err(wrong)?;
        }
        // Sunday has two numbers.
        fields[4] |= (fields[4] >> 7) & 1;
        Ok(Self {
            text: parts.join(" "),
            fields,
            is_any_day: [parts[2].starts_with('*'), parts[4].starts_with('*')],
        })
    }
}

/// The values of a field as bits.
fn field(text: &str, idx: usize) -> Result<u64, String> {
    let (name, low, high) = FIELDS[idx];
    let mut bits = 0;
    for item in text.split(',') {
        let wrong = || format!("{name}: found {item:?}; expected values from {low} to {high}");
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, step.parse::<u8>().map_err(|_| wrong())?),
            None => (item, 1),
        };
        let (first, last) = if range == "*" {
            (low, high)
        } else if let Some((first, last)) = range.split_once('-') {
            (
                value(first, idx).ok_or_else(wrong)?,
                value(last, idx).ok_or_else(wrong)?,
            )
        } else {
            let first = value(range, idx).ok_or_else(wrong)?;
            (first, if item.contains('/') { high } else { first })
        };
        if step == 0 || first > last || first < low || last > high {
            return Err(wrong());
        }
        for value in (first..=last).step_by(usize::from(step)) {
            bits |= 1 << value;
        }
    }
    Ok(bits)
}

fn value(text: &str, idx: usize) -> Option<u8> {
    let lower = text.to_ascii_lowercase();
    let place = |names: &[&str]| names.iter().position(|name| *name == lower);
    match idx {
        3 if place(&MONTHS).is_some() => place(&MONTHS).map(|at| at as u8 + 1),
        4 if place(&DAYS).is_some() => place(&DAYS).map(|at| at as u8),
        _ if text.len() <= 2 && text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    }
}

impl CronExpression {
    /// As it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the minute that a time falls into is one of these.
    #[must_use]
    pub fn matches(&self, time: SystemTime) -> bool {
        let since = time.duration_since(SystemTime::UNIX_EPOCH);
        self.matches_minute(since.unwrap_or_default().as_secs() / 60)
    }

    /// Whether a minute in `(after, until]` is one of these. Of a longer stretch only the last day is looked at.
    #[must_use]
    pub fn is_due(&self, after: SystemTime, until: SystemTime) -> bool {
        let minute = |time: SystemTime| {
            let since = time.duration_since(SystemTime::UNIX_EPOCH);
            since.unwrap_or_default().as_secs() / 60
        };
        let (first, last) = (minute(after) + 1, minute(until));
        let day = Duration::from_hours(24).as_secs() / 60;
        (first.max(last.saturating_sub(day))..=last).any(|minute| self.matches_minute(minute))
    }

    fn matches_minute(&self, minute: u64) -> bool {
        let days = minute / (24 * 60);
        let (month, day) = month_and_day(days);
        // 1970 began on a Thursday.
        let weekday = (days + 4) % 7;
        let has = |idx: usize, value: u64| self.fields[idx] >> value & 1 == 1;
        let (by_month, by_week) = (has(2, day), has(4, weekday));
        let is_day = match self.is_any_day {
            [false, false] => by_month || by_week,
            _ => by_month && by_week,
        };
        is_day && has(0, minute % 60) && has(1, minute / 60 % 24) && has(3, month)
    }
}

/// Month and day of the Gregorian calendar, by days since 1970-01-01.
fn month_and_day(mut days: u64) -> (u64, u64) {
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970;
    // 400 years are a whole number of weeks and days.
    year += days / 146_097 * 400;
    days %= 146_097;
    loop {
        let length = 365 + u64::from(is_leap(year));
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    for (month, length) in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        .into_iter()
        .enumerate()
    {
        if days < length {
            return (month as u64 + 1, days + 1);
        }
        days -= length;
    }
    (12, 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: &str) -> SystemTime {
        humantime::parse_rfc3339(time).unwrap()
    }

    fn cron(text: &str) -> CronExpression {
        text.parse().unwrap()
    }

    #[test]
    fn expressions_match_the_times_that_they_name() {
        for (text, time, expected) in [
            ("* * * * *", "2026-11-21T20:05:59Z", true),
            ("5 20 * * *", "2026-11-21T20:05:00Z", true),
            ("6 20 * * *", "2026-11-21T20:05:59Z", false),
            ("*/15 * * * *", "2026-11-21T20:45:00Z", true),
            ("*/15 * * * *", "2026-11-21T20:44:00Z", false),
            ("3/20 * * * *", "2026-11-21T20:43:00Z", true),
            ("0 2 * * mon-fri", "2026-11-20T02:00:00Z", true),
            ("0 2 * * mon-fri", "2026-11-21T02:00:00Z", false),
            ("0 0 * * 7", "2026-11-22T00:00:00Z", true),
            ("0 0 * * 0", "2026-11-22T00:00:00Z", true),
            ("0 0 29 2 *", "2028-02-29T00:00:00Z", true),
            ("0 0 29 2 *", "2027-03-01T00:00:00Z", false),
            ("0 0 1 jan,JUL *", "2000-07-01T00:00:00Z", true),
            ("0 0 31 12 *", "2099-12-31T00:00:00Z", true),
            // Either day will do.
            ("0 0 13 * fri", "2026-11-20T00:00:00Z", true),
            ("0 0 13 * fri", "2026-12-13T00:00:00Z", true),
            ("0 0 13 * fri", "2026-12-14T00:00:00Z", false),
        ] {
            assert_eq!(cron(text).matches(at(time)), expected, "{text} {time}");
        }
    }

    #[test]
    fn what_fell_into_a_pause_is_due_once() {
        let daily = cron("30 2 * * *");
        let due = |after, until| daily.is_due(at(after), at(until));
        assert!(due("2026-11-20T02:29:59Z", "2026-11-20T02:30:01Z"));
        assert!(!due("2026-11-20T02:30:01Z", "2026-11-20T02:31:00Z"));
        assert!(due("2026-11-20T02:31:00Z", "2026-11-21T09:00:00Z"));
        assert!(!due("2026-11-20T02:31:00Z", "2026-11-20T02:31:59Z"));
        assert!(!due("2026-11-21T09:00:00Z", "2026-11-20T09:00:00Z"));
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for text in [
            "",
            "* * * *",
            "* * * * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 8",
            "5-1 * * * *",
            "*/0 * * * *",
            "a * * * *",
            "-1 * * * *",
            "1, * * * *",
            "+1 * * * *",
            "* * * mon *",
            "1/ * * * *",
        ] {
            assert!(text.parse::<CronExpression>().is_err(), "{text}");
        }
    }
}
