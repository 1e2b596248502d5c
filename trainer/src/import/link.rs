//! From the peer's margin to Picket's margin and score.

use picket_schema::artifact::{Calibration, Platt};

use super::error::ImportError;
use super::peer::{Output, PeerModel};
use super::positive_class::PositiveClass;
use super::{ImportOptions, MarginKind};

/// The slope of the sigmoid that comes nearest to the identity on 0..=1: `1 / (1 + exp(-s * (p - 1/2)))` differs from
/// `p` by at most [`PROBABILITY_GAP`], no other slope does better, and 1/2 stays 1/2.
const PROBABILITY_SLOPE: f64 = 5.645;
/// The largest difference, rounded up.
const PROBABILITY_GAP: f64 = 0.0562;

/// From the peer's margin to Picket's, and on to the score.
pub(crate) struct Link {
    /// The margin is `offset + sign *` the peer's.
    pub(crate) sign: f64,
    pub(crate) offset: f64,
    pub(crate) calibration: Calibration<'static>,
    /// What the card says of it.
    pub(crate) note: String,
}

impl Link {
    pub(crate) fn of(
        peer: &PeerModel,
        class: &PositiveClass,
        options: &ImportOptions,
    ) -> Result<Self, ImportError> {
        let is_turned = peer.leaf_class != class.index;
        let sign = if is_turned { -1.0 } else { 1.0 };
        let log_odds = |slope: f64| Self {
            sign,
            offset: 0.0,
            calibration: Calibration::Platt(Platt {
                slope,
                intercept: 0.0,
            }),
            note: format!(
                "The margin is the peer's log-odds of class {} (raw score) and the score its probability, not calibrated anew.",
                class.index
            ),
        };
        let probability = Self {
            sign,
            offset: if is_turned { 1.0 } else { 0.0 },
            calibration: Calibration::Platt(Platt {
                slope: PROBABILITY_SLOPE,
                intercept: -0.5 * PROBABILITY_SLOPE,
            }),
            note: format!(
                "The margin is the peer's probability of class {}. The format's score is a sigmoid of the margin: it keeps the order and the side of 0.5, and lies within {PROBABILITY_GAP} of the peer's probability.",
                class.index
            ),
        };
        match (options.output, &peer.output) {
            (None | Some(MarginKind::LogOdds), Output::LogOdds { slope }) => Ok(log_odds(*slope)),
            (Some(MarginKind::LogOdds), Output::Unknown { .. }) => Ok(log_odds(1.0)),
            (None | Some(MarginKind::Probability), Output::Probability)
            | (Some(MarginKind::Probability), Output::Unknown { .. }) => Ok(probability),
            (None, Output::Unknown { found }) => Err(ImportError::UnknownOutput {
                found: found.clone(),
            }),
            (Some(asked), _) => {
                let (found, expected) = match asked {
                    MarginKind::LogOdds => ("log-odds", "probability, as the file says"),
                    MarginKind::Probability => ("probability", "log-odds, as the file says"),
                };
                Err(ImportError::unsupported("--output", found, expected))
            }
        }
    }
}
