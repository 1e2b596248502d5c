//! One pass of the scorer over all rows, or one load of the model.

use std::hint::black_box;

use picket_wasm_model::{Explainer, Model, Scorer};

/// Explaining is slow beside scoring: so many of the first rows are enough.
pub const N_EXPLAINED: usize = 50;

/// What a pass does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Scores the rows one call at a time.
    Single,
    /// Scores the rows in one call.
    Batch,
    /// Explains the first rows one call at a time.
    Explain,
    /// Makes bytes a ready scorer.
    Load,
}

impl Mode {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 4] = [Self::Single, Self::Batch, Self::Explain, Self::Load];

    /// The name in requests.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Batch => "batch",
            Self::Explain => "explain",
            Self::Load => "load",
        }
    }

    /// The mode of a code, as hosts of the core module give it.
    #[must_use]
    pub fn from_code(code: u32) -> Option<Self> {
        Self::ALL.get(code as usize).copied()
    }
}

/// The scorer with its model and the rows to score.
#[derive(Debug)]
pub struct Runner {
    bytes: &'static [u8],
    rows: Vec<f32>,
    scorer: Scorer<'static, 'static>,
    explainer: Explainer<'static, 'static>,
    output: Vec<f64>,
}

impl Runner {
    /// Loads the model. Shape of `rows`: `(n_rows, n_features)`, row-major.
    ///
    /// # Errors
    /// Why the bytes are no artifact, or the rows no rows of it.
    pub fn new(artifact: Vec<u8>, rows: Vec<f32>) -> Result<Self, String> {
        // A process or an instance has one runner for as long as it lives: leaking lets the runner
        // keep scorer and model side by side.
        let bytes: &'static [u8] = artifact.leak();
        let model = Model::load(bytes).map_err(|error| error.to_string())?;
        let model: &'static Model<'static> = Box::leak(Box::new(model));
        let n_features = model.n_features();
        if rows.is_empty() || !rows.len().is_multiple_of(n_features) {
            return Err(format!("{} values are no rows of {n_features}", rows.len()));
        }
        let n_rows = rows.len() / n_features;
        let n_explained = n_rows.min(N_EXPLAINED);
        Ok(Self {
            bytes,
            rows,
            scorer: Scorer::new(model),
            explainer: Explainer::new(model),
            output: vec![0.0; (2 * n_rows).max(n_explained * (1 + n_features))],
        })
    }

    /// Makes one pass; gives the number of items (rows or loads) that it was.
    ///
    /// # Panics
    /// Where the scorer refuses what `new` took.
    pub fn run(&mut self, mode: Mode) -> usize {
        let n_features = self.scorer.model().n_features();
        let n_rows = self.rows.len() / n_features;
        // Margins first, then scores: both are stored, so that no work can be optimised away.
        let (margins, scores) = self.output.split_at_mut(n_rows);
        match mode {
            Mode::Single => {
                let output = margins.iter_mut().zip(scores);
                for (row, (margin, score)) in self.rows.chunks_exact(n_features).zip(output) {
                    let scored = self.scorer.score(row).expect("a whole row");
                    *margin = scored.margin.0;
                    *score = scored.score.0;
                    black_box(scored.verdict);
                }
                n_rows
            }
            Mode::Batch => {
                let scored = self.scorer.score_batch(&self.rows).expect("whole rows");
                let output = margins.iter_mut().zip(scores);
                for (scored, (margin, score)) in scored.iter().zip(output) {
                    *margin = scored.margin.0;
                    *score = scored.score.0;
                }
                n_rows
            }
            Mode::Explain => {
                let rows = self.rows.chunks_exact(n_features).take(N_EXPLAINED);
                let output = self.output.chunks_exact_mut(1 + n_features);
                for (row, output) in rows.zip(output) {
                    let explanation = self.explainer.explain(row).expect("a whole row");
                    output[..n_features].copy_from_slice(&explanation.contributions);
                    output[n_features] = explanation.base;
                }
                n_rows.min(N_EXPLAINED)
            }
            Mode::Load => {
                let model = Model::load(self.bytes).expect("`new` loaded it");
                black_box(Scorer::new(&model));
                1
            }
        }
    }

    /// What the last pass gave. Of rows: all margins, then all scores, shape `(2, n_rows)`; of
    /// explanations: contributions, then the base, shape `(n_explained, n_features + 1)`.
    #[must_use]
    pub fn output(&self, mode: Mode) -> &[f64] {
        let n_features = self.scorer.model().n_features();
        let n_rows = self.rows.len() / n_features;
        match mode {
            Mode::Single | Mode::Batch => &self.output[..2 * n_rows],
            Mode::Explain => &self.output[..n_rows.min(N_EXPLAINED) * (1 + n_features)],
            Mode::Load => &[],
        }
    }
}
