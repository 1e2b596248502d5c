//! How much of an answer is kept.

use std::str::FromStr;

/// How much of an answer is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordMode {
    /// Nothing; there is no spool.
    Off,
    /// Histograms of each window: drift without rows.
    Aggregates,
    /// Histograms, and each verdict with its score.
    #[default]
    Verdicts,
    /// Histograms, and each verdict with its score and its row.
    VerdictsWithFeatures,
}

impl RecordMode {
    const NAMES: [(&'static str, Self); 4] = [
        ("off", Self::Off),
        ("aggregates", Self::Aggregates),
        ("verdicts", Self::Verdicts),
        ("verdicts-with-features", Self::VerdictsWithFeatures),
    ];
}

/// What is no mode.
#[derive(Debug, thiserror::Error)]
#[error("found {found:?}; expected off, aggregates, verdicts or verdicts-with-features")]
pub struct UnknownMode {
    found: String,
}

impl FromStr for RecordMode {
    type Err = UnknownMode;

    fn from_str(text: &str) -> Result<Self, UnknownMode> {
        let named = Self::NAMES.iter().find(|(name, _)| *name == text);
        named.map(|(_, mode)| *mode).ok_or_else(|| UnknownMode {
            found: text.to_owned(),
        })
    }
}
