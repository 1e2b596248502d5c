//! Hysteresis, and what is still to be told: a file that survives the program.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::AlertError;
use super::rules::{Rules, Signal};
use crate::error::TrainerError;
use crate::monitor::AlertView;
use crate::output_file::OutputFile;

/// The version of the file's form.
const FORMAT: u32 = 1;
/// More things than these are not watched: the keys come from records.
const MAX_WATCHED: usize = 100_000;
/// More transitions than these do not wait to be told; the oldest go first.
const MAX_WAITING: usize = 1000;

/// What is known of one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Watched {
    rule: String,
    /// Looks in a row that said otherwise than the state is.
    n_against: u32,
    /// Since when it is raised.
    raised_ms: Option<u64>,
    message: String,
    stays_unseen: bool,
}

/// An alert that was raised or cleared. It is told once for each address; its id is the same when it is told again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transition {
    /// Tells repetitions apart from new ones.
    pub id: String,
    /// What it is about.
    pub key: String,
    /// The rule.
    pub rule: String,
    /// `raised` or `cleared`.
    pub state: String,
    /// When, in milliseconds since 1970.
    pub time_ms: u64,
    /// Since when it was raised.
    pub since_ms: u64,
    /// In words, with the numbers.
    pub message: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: u32,
    watched: BTreeMap<String, Watched>,
    waiting: Vec<Transition>,
}

/// Which alerts are raised, and what is still to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertState {
    file: Option<PathBuf>,
    document: Document,
}

impl AlertState {
    /// A state that forgets: nothing is raised, nothing is kept.
    #[must_use]
    pub fn in_memory() -> Self {
        Self {
            file: None,
            document: Document {
                format: FORMAT,
                watched: BTreeMap::new(),
                waiting: Vec::new(),
            },
        }
    }

    /// Takes up where the file says; there need be none yet.
    ///
    /// # Errors
    /// [`AlertError::State`] for a file that is none, [`TrainerError::Read`].
    pub fn open(file: &Path) -> Result<Self, TrainerError> {
        let mut state = Self::in_memory();
        state.file = Some(file.to_owned());
        match std::fs::read(file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => {
                let file = file.display().to_string();
                return Err(TrainerError::Read { file, source });
            }
            Ok(bytes) => {
                let wrong = |reason: String| AlertError::State {
                    file: file.display().to_string(),
                    reason,
                };
                let document: Document =
                    serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
                if document.format != FORMAT {
                    return Err(wrong(format!("format {}", document.format)).into());
                }
                state.document = document;
            }
        }
        Ok(state)
    }

    /// Takes what a look says. Gives the alerts that this raised or cleared; they wait to be told.
    pub fn take(&mut self, signals: &[Signal], rules: &Rules, now_ms: u64) -> Vec<Transition> {
        let mut transitions = Vec::new();
        for signal in signals {
            self.watch(signal, rules, now_ms, &mut transitions);
        }
        self.clear_unseen(signals, rules, now_ms, &mut transitions);
        self.finish(transitions)
    }

    /// Takes what a look says that saw a part only, such as while the store is away: what it does not speak of stays as
    /// it is.
    pub fn take_some(&mut self, signals: &[Signal], rules: &Rules, now_ms: u64) -> Vec<Transition> {
        let mut transitions = Vec::new();
        for signal in signals {
            self.watch(signal, rules, now_ms, &mut transitions);
        }
        self.finish(transitions)
    }

    fn clear_unseen(
        &mut self,
        signals: &[Signal],
        rules: &Rules,
        now_ms: u64,
        transitions: &mut Vec<Transition>,
    ) {
        let spoken_of = |key: &String| signals.iter().any(|it| it.key == *key);
        let unseen: Vec<Signal> = self
            .document
            .watched
            .iter()
            .filter(|(key, it)| !it.stays_unseen && !spoken_of(key))
            .map(|(key, it)| Signal {
                key: key.clone(),
                rule: "",
                is_wrong: false,
                message: it.message.clone(),
                stays_unseen: false,
            })
            .collect();
        for signal in &unseen {
            self.watch(signal, rules, now_ms, transitions);
        }
    }

    fn finish(&mut self, transitions: Vec<Transition>) -> Vec<Transition> {
        // What is in order and was never raised need not be remembered.
        self.document
            .watched
            .retain(|_, it| it.raised_ms.is_some() || it.n_against > 0);
        self.document.waiting.extend(transitions.iter().cloned());
        let n_waiting = self.document.waiting.len();
        let n_over = n_waiting.saturating_sub(MAX_WAITING);
        self.document.waiting.drain(..n_over);
        transitions
    }

    fn watch(
        &mut self,
        signal: &Signal,
        rules: &Rules,
        now_ms: u64,
        transitions: &mut Vec<Transition>,
    ) {
        let is_full = self.document.watched.len() >= MAX_WATCHED;
        if is_full && !self.document.watched.contains_key(&signal.key) {
            return;
        }
        let watched = self
            .document
            .watched
            .entry(signal.key.clone())
            .or_insert_with(|| Watched {
                rule: signal.rule.to_owned(),
                n_against: 0,
                raised_ms: None,
                message: String::new(),
                stays_unseen: signal.stays_unseen,
            });
        watched.message.clone_from(&signal.message);
        if signal.is_wrong == watched.raised_ms.is_some() {
            watched.n_against = 0;
            return;
        }
        watched.n_against += 1;
        let needed = if signal.is_wrong {
            rules.raise_after
        } else {
            rules.clear_after
        };
        if watched.n_against < needed {
            return;
        }
        watched.n_against = 0;
        let since_ms = watched.raised_ms.unwrap_or(now_ms);
        watched.raised_ms = signal.is_wrong.then_some(now_ms);
        let state = if signal.is_wrong { "raised" } else { "cleared" };
        transitions.push(Transition {
            id: format!("{}/{since_ms}/{state}", signal.key),
            key: signal.key.clone(),
            rule: watched.rule.clone(),
            state: state.to_owned(),
            time_ms: now_ms,
            since_ms,
            message: signal.message.clone(),
        });
    }

    /// What is raised now, and what was cleared just now.
    #[must_use]
    pub fn views(&self, transitions: &[Transition]) -> Vec<AlertView> {
        let raised = self.document.watched.iter().filter_map(|(key, it)| {
            Some(AlertView {
                key: key.clone(),
                rule: it.rule.clone(),
                state: "raised",
                since_ms: it.raised_ms?,
                message: it.message.clone(),
            })
        });
        let cleared = transitions.iter().filter(|it| it.state == "cleared");
        let cleared = cleared.map(|it| AlertView {
            key: it.key.clone(),
            rule: it.rule.clone(),
            state: "cleared",
            since_ms: it.since_ms,
            message: it.message.clone(),
        });
        raised.chain(cleared).collect()
    }

    /// What is still to be told, oldest first.
    #[must_use]
    pub fn waiting(&self) -> &[Transition] {
        &self.document.waiting
    }

    /// The oldest that waited was told.
    pub fn told(&mut self) {
        if !self.document.waiting.is_empty() {
            self.document.waiting.remove(0);
        }
    }

    /// Nobody is to be told.
    pub fn tell_nobody(&mut self) {
        self.document.waiting.clear();
    }

    /// Writes the file, where there is one.
    ///
    /// # Errors
    /// [`TrainerError::Write`].
    pub fn save(&self) -> Result<(), TrainerError> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let bytes = serde_json::to_vec(&self.document)?;
        OutputFile::write(file, &bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn signal(is_wrong: bool) -> Signal {
        Signal {
            key: "accuracy/a".into(),
            rule: "accuracy",
            is_wrong,
            message: "m".into(),
            stays_unseen: false,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

        /// Against the rule told plainly: the state turns when the last so many looks all say otherwise; and a program
        /// that ends after every look goes on as one that does not.
        #[test]
        fn alerts_turn_after_enough_looks_and_never_sooner(
            looks in prop::collection::vec(prop::option::weighted(0.9, any::<bool>()), 1..40),
            raise_after in 1u32..5,
            clear_after in 1u32..5,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("alerts.json");
            let rules = Rules { raise_after, clear_after, ..Rules::default() };
            let mut state = AlertState::in_memory();
            // No word of it is as good as a look that finds it in order.
            let mut said = Vec::new();
            let (mut is_raised, mut turned_at) = (false, 0);
            for (at, look) in looks.iter().enumerate() {
                let signals: Vec<Signal> = look.iter().map(|it| signal(*it)).collect();
                let transitions = state.take(&signals, &rules, at as u64);
                let mut kept = AlertState::open(&file).unwrap();
                prop_assert_eq!(&kept.take(&signals, &rules, at as u64), &transitions);
                kept.save().unwrap();
                said.push(look.unwrap_or(false));
                let needed = if is_raised { clear_after } else { raise_after } as usize;
                let since_turn = &said[turned_at..];
                let turns = since_turn.len() >= needed
                    && since_turn[since_turn.len() - needed..].iter().all(|it| *it != is_raised);
                prop_assert_eq!(transitions.len(), usize::from(turns));
                if turns {
                    is_raised = !is_raised;
                    turned_at = at + 1;
                    prop_assert_eq!(transitions[0].state.as_str(), if is_raised { "raised" } else { "cleared" });
                }
                let n_raised = state.views(&[]).len();
                prop_assert_eq!(n_raised, usize::from(is_raised));
            }
        }
    }

    #[test]
    fn a_node_out_of_sight_stays_silent_until_it_speaks() {
        let silent = |is_wrong| Signal {
            key: "node_silent/n".into(),
            stays_unseen: true,
            ..signal(is_wrong)
        };
        let rules = Rules::default();
        let mut state = AlertState::in_memory();
        for look in 0..2 {
            state.take(&[silent(true)], &rules, look);
        }
        for look in 2..9 {
            assert_eq!(state.take(&[], &rules, look), []);
        }
        assert_eq!(state.views(&[]).len(), 1);
        state.take(&[silent(false)], &rules, 9);
        let cleared = state.take(&[silent(false)], &rules, 10);
        assert_eq!(
            (cleared[0].state.as_str(), cleared[0].since_ms),
            ("cleared", 1)
        );
        // Raised and cleared both wait to be told.
        assert_eq!(state.waiting().len(), 2);
    }

    #[test]
    fn a_broken_file_is_no_state() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("alerts.json");
        for text in ["", "{}", "{\"format\":2,\"watched\":{},\"waiting\":[]}"] {
            std::fs::write(&file, text).unwrap();
            let error = AlertState::open(&file).unwrap_err();
            assert!(error.is_input_error(), "{error}");
        }
    }
}
