//! Labels by the prediction that they are of.

use std::collections::HashMap;

use picket_schema::record::{LabelRecord, Record, RecordKind};
use serde::Serialize;

use super::error::RecordsError;
use super::store::{ReadCounts, RecordQuery, RecordStore};

/// What labels there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LabelCounts {
    /// Labels read.
    pub n_labels: u64,
    /// Predictions that have one.
    pub n_predictions: u64,
    /// Labels that say again what an earlier one said.
    pub n_repeated: u64,
    /// Predictions whose labels contradict each other. The last one counts.
    pub n_conflicting: u64,
}

/// The label of a prediction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinedLabel {
    /// The class, by its name in the schema.
    pub class: String,
    /// When it was given, in milliseconds since 1970.
    pub time_ms: u64,
    /// Whether another label of the prediction says otherwise.
    pub is_conflicting: bool,
    /// The label record's id: it breaks ties of time.
    id: u128,
}

/// Labels by prediction. Of labels that contradict each other the later one counts, by its time and then its id.
#[derive(Clone, Debug, Default)]
pub struct LabelTable {
    labels: HashMap<u128, JoinedLabel>,
    counts: LabelCounts,
}

fn number(id: &str) -> u128 {
    // Ids were checked to be 32 digits.
    u128::from_str_radix(id, 16).unwrap_or_default()
}

impl LabelTable {
    /// Reads the labels given from a time on: a label comes after its prediction.
    ///
    /// # Errors
    /// [`RecordsError::Store`].
    pub fn read(store: &dyn RecordStore, from_ms: u64) -> Result<(Self, ReadCounts), RecordsError> {
        let mut table = Self::default();
        let query = RecordQuery {
            kinds: vec![RecordKind::Label],
            from_ms,
            to_ms: u64::MAX,
        };
        let read = store.read(&query, &mut |record| {
            if let Record::Label(label) = record {
                table.add(label);
            }
        })?;
        Ok((table, read))
    }

    /// Takes a label.
    pub fn add(&mut self, label: LabelRecord) {
        self.counts.n_labels += 1;
        let new = JoinedLabel {
            id: number(&label.id),
            class: label.label,
            time_ms: label.time_ms,
            is_conflicting: false,
        };
        let Some(old) = self.labels.get_mut(&number(&label.prediction)) else {
            self.counts.n_predictions += 1;
            self.labels.insert(number(&label.prediction), new);
            return;
        };
        let differs = old.class != new.class;
        if !differs {
            self.counts.n_repeated += 1;
        } else if !old.is_conflicting {
            self.counts.n_conflicting += 1;
        }
        let is_conflicting = old.is_conflicting || differs;
        if (new.time_ms, new.id) > (old.time_ms, old.id) {
            *old = new;
        }
        old.is_conflicting = is_conflicting;
    }

    /// The label of a prediction.
    #[must_use]
    pub fn get(&self, prediction: &str) -> Option<&JoinedLabel> {
        self.labels.get(&number(prediction))
    }

    /// What labels there are.
    #[must_use]
    pub fn counts(&self) -> LabelCounts {
        self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(id: u32, time_ms: u64, class: &str) -> LabelRecord {
        LabelRecord {
            id: format!("{id:032x}"),
            time_ms,
            node: None,
            prediction: format!("{:032x}", 7),
            label: class.into(),
        }
    }

    #[test]
    fn the_last_word_counts_in_whatever_order_labels_are_read() {
        let all = [
            label(1, 10, "benign"),
            label(2, 30, "threat"),
            label(3, 30, "benign"),
            label(4, 20, "threat"),
            label(5, 25, "threat"),
        ];
        for start in 0..all.len() {
            let mut table = LabelTable::default();
            for at in 0..all.len() {
                table.add(all[(start + at) % all.len()].clone());
            }
            let found = table.get(&format!("{:032x}", 7)).unwrap();
            assert_eq!((found.class.as_str(), found.time_ms), ("benign", 30));
            assert!(found.is_conflicting);
            assert_eq!(table.counts().n_conflicting, 1);
            assert_eq!(table.get(&format!("{:032x}", 8)), None);
        }
    }
}
