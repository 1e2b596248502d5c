//! One candidate on one fold.

use std::time::Instant;

use picket_wasm_model::Model;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::dataset::Dataset;
use crate::error::TrainerError;
use crate::evaluation::Scores;
use crate::search::Candidate;
use crate::training::fit_uncalibrated;

/// Names a task by all that its result depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskKey(pub [u8; 32]);

impl TaskKey {
    /// The key of a candidate that learns from the rows `train` and scores the rows `held_out` of the
    /// data with this digest.
    #[must_use]
    pub fn new(
        data_digest: [u8; 32],
        candidate: &Candidate,
        train: &[usize],
        held_out: &[usize],
        seed: u64,
    ) -> Self {
        let mut digest = Sha256::new();
        let text = candidate.in_words();
        let version = env!("CARGO_PKG_VERSION");
        digest.update(data_digest);
        for part in [version, &text] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        digest.update(seed.to_le_bytes());
        for rows in [train, held_out] {
            digest.update((rows.len() as u64).to_le_bytes());
            for row_idx in rows {
                digest.update((*row_idx as u64).to_le_bytes());
            }
        }
        Self(digest.finalize().into())
    }

    /// The key in hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        use std::fmt::Write;
        self.0.iter().fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

/// What a task gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskResult {
    /// The margins of the held-out rows. Shape: `(n_held_out,)`.
    pub margins: Vec<f64>,
    /// Seconds to fit and score.
    pub seconds: f64,
    /// The size of the model's file.
    pub n_bytes: u64,
}

/// Fits a candidate to some rows and scores others.
///
/// # Errors
/// A [`TrainerError`] where the candidate cannot learn from these rows.
pub(crate) fn run_task(
    data: &Dataset,
    candidate: &Candidate,
    train: &[usize],
    held_out: &[usize],
    seed: u64,
) -> Result<TaskResult, TrainerError> {
    let start = Instant::now();
    let rows = data.select(train);
    let artifact = fit_uncalibrated(&rows, &candidate.transform, &candidate.learner, seed, &())?;
    // Through the file format and the scorer: what is compared is what the edge computes.
    let bytes = artifact.encode()?;
    let scores = Scores::of(&Model::load(&bytes)?, &data.select(held_out))?;
    Ok(TaskResult {
        margins: scores.margins,
        seconds: start.elapsed().as_secs_f64(),
        n_bytes: bytes.len() as u64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learner::{Learner, TreeSettings};
    use crate::transform::TransformPlan;

    #[test]
    fn a_key_is_of_everything_that_a_task_depends_on() {
        let candidate = |max_depth| Candidate {
            transform: TransformPlan::default(),
            learner: Learner::Tree(TreeSettings {
                max_depth,
                ..TreeSettings::default()
            }),
        };
        let key = |digest, depth, train: &[usize], held_out: &[usize], seed| {
            TaskKey::new([digest; 32], &candidate(depth), train, held_out, seed)
        };
        let one = key(1, 3, &[0, 1], &[2], 5);
        assert_eq!(one, key(1, 3, &[0, 1], &[2], 5));
        for other in [
            key(2, 3, &[0, 1], &[2], 5),
            key(1, 4, &[0, 1], &[2], 5),
            key(1, 3, &[0], &[1, 2], 5),
            key(1, 3, &[0, 1], &[3], 5),
            key(1, 3, &[0, 1], &[2], 6),
        ] {
            assert_ne!(one, other);
        }
    }
}
