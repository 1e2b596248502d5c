//! What may ask for a retraining by itself.

use std::fmt::Debug;
use std::time::SystemTime;

use crate::error::TrainerError;
use crate::jobs::cron::CronExpression;

/// When a trigger is asked, and what happened before.
#[derive(Clone, Copy, Debug)]
pub struct TriggerTimes {
    /// Now.
    pub now: SystemTime,
    /// When it was asked last, by this process or another.
    pub asked: SystemTime,
    /// When the last training was asked for; the beginning of time where there was none.
    pub trained: SystemTime,
}

/// Something that may ask for a retraining.
pub trait Trigger: Debug + Send + Sync {
    /// Its name, which is a task's cause.
    fn name(&self) -> &str;

    /// Why a training should begin, in words; `None` where it should not.
    ///
    /// # Errors
    /// A [`TrainerError`] where that cannot be told.
    fn reason(&self, times: &TriggerTimes) -> Result<Option<String>, TrainerError>;
}

/// By the clock.
#[derive(Clone, Debug)]
pub struct CronTrigger(pub CronExpression);

impl Trigger for CronTrigger {
    fn name(&self) -> &'static str {
        "schedule"
    }

    fn reason(&self, times: &TriggerTimes) -> Result<Option<String>, TrainerError> {
        let is_due = self.0.is_due(times.asked, times.now);
        Ok(is_due.then(|| format!("it is time: {}", self.0.as_str())))
    }
}

/// What is known of the edges: the numbers that triggers look at.
pub trait LiveNumbers: Debug + Send + Sync {
    /// Labels that came after a time.
    ///
    /// # Errors
    /// A [`TrainerError`] where the records cannot be read.
    fn n_labels_since(&self, time: SystemTime) -> Result<u64, TrainerError>;

    /// The share of right verdicts among labelled predictions since a time, and how many these are; `None` without any.
    ///
    /// # Errors
    /// A [`TrainerError`] where the records cannot be read.
    fn accuracy_since(&self, time: SystemTime) -> Result<Option<(f64, u64)>, TrainerError>;

    /// What has drifted, in words; `None` where nothing has.
    ///
    /// # Errors
    /// A [`TrainerError`] where that cannot be told.
    fn drift_alert(&self) -> Result<Option<String>, TrainerError>;
}

/// Enough labels have come since the last training.
#[derive(Debug)]
pub struct LabelTrigger<L> {
    /// Where the numbers come from.
    pub live: L,
    /// How many are enough.
    pub n_labels: u64,
}

impl<L: LiveNumbers> Trigger for LabelTrigger<L> {
    fn name(&self) -> &'static str {
        "labels"
    }

    fn reason(&self, times: &TriggerTimes) -> Result<Option<String>, TrainerError> {
        let found = self.live.n_labels_since(times.trained)?;
        let reason = || format!("{found} labels have come since the last training");
        Ok((found >= self.n_labels).then(reason))
    }
}

/// The rows have drifted. It asks once for each training: a new model does not bring the old rows back.
#[derive(Debug)]
pub struct DriftTrigger<L> {
    /// Where the numbers come from.
    pub live: L,
    /// A training must be so old, in seconds, before drift asks for another.
    pub min_age_s: u64,
}

impl<L: LiveNumbers> Trigger for DriftTrigger<L> {
    fn name(&self) -> &'static str {
        "drift"
    }

    fn reason(&self, times: &TriggerTimes) -> Result<Option<String>, TrainerError> {
        if age_s(times) < self.min_age_s {
            return Ok(None);
        }
        self.live.drift_alert()
    }
}

/// The champion is right too seldom.
#[derive(Debug)]
pub struct AccuracyTrigger<L> {
    /// Where the numbers come from.
    pub live: L,
    /// The lowest share of right verdicts.
    pub floor: f64,
    /// Of fewer labels nothing is concluded.
    pub min_labels: u64,
    /// A training must be so old, in seconds, before it asks for another.
    pub min_age_s: u64,
}

impl<L: LiveNumbers> Trigger for AccuracyTrigger<L> {
    fn name(&self) -> &'static str {
        "accuracy"
    }

    fn reason(&self, times: &TriggerTimes) -> Result<Option<String>, TrainerError> {
        if age_s(times) < self.min_age_s {
            return Ok(None);
        }
        let found = self.live.accuracy_since(times.trained)?;
        let low = found.filter(|(share, n)| *n >= self.min_labels && *share < self.floor);
        Ok(low.map(|(share, n)| {
            let floor = self.floor;
            format!("{share:.3} of {n} labelled verdicts were right; the floor is {floor}")
        }))
    }
}

fn age_s(times: &TriggerTimes) -> u64 {
    let age = times.now.duration_since(times.trained);
    age.unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[derive(Debug)]
    struct Numbers {
        n_labels: u64,
        accuracy: Option<(f64, u64)>,
    }

    impl LiveNumbers for &Numbers {
        fn n_labels_since(&self, _time: SystemTime) -> Result<u64, TrainerError> {
            Ok(self.n_labels)
        }

        fn accuracy_since(&self, _time: SystemTime) -> Result<Option<(f64, u64)>, TrainerError> {
            Ok(self.accuracy)
        }

        fn drift_alert(&self) -> Result<Option<String>, TrainerError> {
            Ok(Some("URL_Length has drifted".to_owned()))
        }
    }

    fn times(age_s: u64) -> TriggerTimes {
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(24 * 20_000);
        TriggerTimes {
            now,
            asked: now - Duration::from_secs(10),
            trained: now - Duration::from_secs(age_s),
        }
    }

    #[test]
    fn triggers_ask_at_their_bounds_and_not_before() {
        let numbers = |n_labels, accuracy| Numbers { n_labels, accuracy };
        for (n_labels, expected) in [(99, false), (100, true)] {
            let live = numbers(n_labels, None);
            let trigger = LabelTrigger {
                live: &live,
                n_labels: 100,
            };
            assert_eq!(trigger.reason(&times(5)).unwrap().is_some(), expected);
        }
        for (accuracy, age, expected) in [
            (None, 500, false),
            (Some((0.89, 40)), 500, true),
            (Some((0.9, 40)), 500, false),
            (Some((0.5, 39)), 500, false),
            (Some((0.5, 40)), 99, false),
        ] {
            let live = numbers(0, accuracy);
            let trigger = AccuracyTrigger {
                live: &live,
                floor: 0.9,
                min_labels: 40,
                min_age_s: 100,
            };
            let found = trigger.reason(&times(age)).unwrap();
            assert_eq!(found.is_some(), expected, "{accuracy:?} {age}");
        }
        let live = numbers(0, None);
        let trigger = DriftTrigger {
            live: &live,
            min_age_s: 100,
        };
        assert!(trigger.reason(&times(99)).unwrap().is_none());
        assert!(trigger.reason(&times(100)).unwrap().is_some());
    }
}
