//! From margin to score: the parameters. `wasm-model` computes with them.

use std::borrow::Cow;

use serde::Serialize;

use super::error::ArtifactError;
use super::reader::Reader;
use crate::limits;

/// How a margin becomes a score.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Calibration<'a> {
    /// A sigmoid.
    Platt(Platt),
    /// A function that does not fall, linear between knots.
    Isotonic(Isotonic<'a>),
}

/// Platt's sigmoid: `score = 1 / (1 + exp(-(slope * margin + intercept)))`.
///
/// Platt, "Probabilistic outputs for support vector machines", 1999.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Platt {
    /// What the margin is multiplied by; positive, so that order is kept.
    pub slope: f64,
    /// What is added.
    pub intercept: f64,
}

/// A function that does not fall: linear between its knots, constant below the first and above the last.
///
/// Zadrozny and Elkan, "Transforming classifier scores into accurate multiclass probability estimates",
/// KDD 2002.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Isotonic<'a> {
    /// f64, strictly ascending: the margins of the knots. Shape: `(n_knots,)`.
    #[serde(with = "serde_bytes")]
    pub margins: Cow<'a, [u8]>,
    /// f64 in 0..=1, not falling: the scores of the knots. Shape: `(n_knots,)`.
    #[serde(with = "serde_bytes")]
    pub scores: Cow<'a, [u8]>,
}

impl Platt {
    /// Takes the margin for log-odds as it stands.
    pub const IDENTITY: Self = Self {
        slope: 1.0,
        intercept: 0.0,
    };

    fn read(reader: &mut Reader<'_>) -> Self {
        reader.map(2);
        Self {
            slope: reader.key("slope").f64(),
            intercept: reader.key("intercept").f64(),
        }
    }

    fn validate(self) -> Result<(), ArtifactError> {
        ArtifactError::check_range(format_args!("slope"), self.slope, 1e-12, 1e12)?;
        ArtifactError::check_range(format_args!("intercept"), self.intercept, -1e12, 1e12)
    }
}

impl Isotonic<'_> {
    /// Writes knots, each a margin and its score.
    #[must_use]
    pub fn from_knots(knots: &[(f64, f64)]) -> Isotonic<'static> {
        let bytes = |number: fn(&(f64, f64)) -> f64| -> Vec<u8> {
            let numbers = knots.iter().map(number);
            numbers.flat_map(f64::to_le_bytes).collect()
        };
        Isotonic {
            margins: bytes(|knot| knot.0).into(),
            scores: bytes(|knot| knot.1).into(),
        }
    }

    /// How many knots there are.
    #[must_use]
    pub fn n_knots(&self) -> usize {
        self.margins.len() / 8
    }

    /// The margins of the knots. Shape: `(n_knots,)`.
    #[must_use]
    pub fn margins(&self) -> &[[u8; 8]] {
        self.margins.as_chunks().0
    }

    /// The scores of the knots. Shape: `(n_knots,)`.
    #[must_use]
    pub fn scores(&self) -> &[[u8; 8]] {
        self.scores.as_chunks().0
    }

    /// The knots, each a margin and its score.
    pub fn knots(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        let number = |bytes: &[u8; 8]| f64::from_le_bytes(*bytes);
        let (margins, scores) = (self.margins().iter(), self.scores().iter());
        margins.map(number).zip(scores.map(number))
    }

    fn validate(&self) -> Result<(), ArtifactError> {
        ArtifactError::check_count(
            "calibration knots",
            self.n_knots(),
            1,
            limits::MAX_CALIBRATION_KNOTS,
        )?;
        let expected = 8 * self.n_knots();
        for (table, bytes) in [("margins", &self.margins), ("scores", &self.scores)] {
            if bytes.len() != expected {
                return Err(ArtifactError::TableLength {
                    table,
                    found: bytes.len(),
                    expected: expected.to_string(),
                });
            }
        }
        let max_margin = limits::MAX_KNOT_MARGIN;
        let (mut least_margin, mut least_score) = (-max_margin, 0.0);
        for (margin, score) in self.knots() {
            ArtifactError::check_range(
                format_args!("a knot's margin"),
                margin,
                least_margin,
                max_margin,
            )?;
            ArtifactError::check_range(format_args!("a knot's score"), score, least_score, 1.0)?;
            // 0 and -0 have one successor, so they cannot both stand here.
            (least_margin, least_score) = (margin.next_up(), score);
        }
        Ok(())
    }
}

impl<'a> Calibration<'a> {
    /// Takes the margin for log-odds as it stands.
    pub const IDENTITY: Self = Self::Platt(Platt::IDENTITY);

    /// The same, independent of the file's bytes.
    #[must_use]
    pub fn into_owned(self) -> Calibration<'static> {
        match self {
            Self::Platt(platt) => Calibration::Platt(platt),
            Self::Isotonic(Isotonic { margins, scores }) => Calibration::Isotonic(Isotonic {
                margins: margins.into_owned().into(),
                scores: scores.into_owned().into(),
            }),
        }
    }

    pub(super) fn read(reader: &mut Reader<'a>) -> Self {
        match reader.choice() {
            "platt" => Self::Platt(Platt::read(reader)),
            "isotonic" => {
                reader.map(2);
                Self::Isotonic(Isotonic {
                    margins: reader.key("margins").table(),
                    scores: reader.key("scores").table(),
                })
            }
            other => {
                reader.unknown(other, "platt or isotonic");
                Self::IDENTITY
            }
        }
    }

    pub(super) fn validate(&self) -> Result<(), ArtifactError> {
        match self {
            Self::Platt(platt) => platt.validate(),
            Self::Isotonic(isotonic) => isotonic.validate(),
        }
    }
}
