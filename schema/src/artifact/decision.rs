//! From score to verdict.

use serde::Serialize;

use super::error::ArtifactError;
use super::reader::Reader;
use crate::score::{Score, Verdict};

/// When a row is taken for the threat.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Decision {
    /// A row whose score is at least this is positive.
    pub threshold: f64,
    /// Scores from the first up to but without the second are uncertain. A second of 1 counts as
    /// uncertain too, for there is no score above it.
    pub uncertain: Option<[f64; 2]>,
}

impl Decision {
    /// The verdict for a score.
    ///
    /// ```
    /// use picket_schema::{Score, Verdict, artifact::Decision};
    ///
    /// let decision = Decision { threshold: 0.5, uncertain: Some([0.4, 0.6]) };
    /// assert_eq!(decision.verdict(Score(0.9)), Verdict::Positive);
    /// assert_eq!(decision.verdict(Score(0.4)), Verdict::Uncertain);
    /// assert_eq!(decision.verdict(Score(0.1)), Verdict::Negative);
    /// let decision = Decision { uncertain: Some([0.9, 1.0]), ..decision };
    /// assert_eq!(decision.verdict(Score(1.0)), Verdict::Uncertain);
    /// ```
    #[must_use]
    pub fn verdict(&self, score: Score) -> Verdict {
        match self.uncertain {
            Some([low, high]) if low <= score.0 && (score.0 < high || high >= 1.0) => {
                Verdict::Uncertain
            }
            _ if score.0 >= self.threshold => Verdict::Positive,
            _ => Verdict::Negative,
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        reader.map(2);
        Self {
            threshold: reader.key("threshold").f64(),
            uncertain: reader.key("uncertain").optional(Reader::pair),
        }
    }

    pub(super) fn validate(&self) -> Result<(), ArtifactError> {
        ArtifactError::check_range(format_args!("threshold"), self.threshold, 0.0, 1.0)?;
        if let Some([low, high]) = self.uncertain {
            ArtifactError::check_range(
                format_args!("the lower bound of uncertain"),
                low,
                0.0,
                1.0,
            )?;
            ArtifactError::check_range(
                format_args!("the upper bound of uncertain"),
                high,
                low,
                1.0,
            )?;
        }
        Ok(())
    }
}
