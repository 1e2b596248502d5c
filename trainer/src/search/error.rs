//! Why a search cannot be made.

/// Why a search cannot be made, or found nothing.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// Too few or too many folds.
    #[error("found {found} folds; expected 2 to 50")]
    FoldCount {
        /// The number asked for.
        found: usize,
    },
    /// A fold would hold rows of one class only.
    #[error(
        "fold {fold} of {n_folds} would hold rows of one class only: found {found} distinct rows in all; expected more rows or fewer folds"
    )]
    OneClassFold {
        /// The fold, counted from zero.
        fold: usize,
        /// How many folds there are.
        n_folds: usize,
        /// How many distinct rows the data has.
        found: usize,
    },
    /// There is nothing to try.
    #[error("the search has no candidates; expected at least one [[search.candidates]]")]
    NoCandidates,
    /// The grid is too large.
    #[error("the grid has {found} candidates; expected at most {max}: take strategy = \"random\"", max = super::parameter_space::MAX_CANDIDATES)]
    TooManyCandidates {
        /// How many there would be.
        found: usize,
    },
    /// A parameter of a candidate is wrong.
    #[error("search candidate {entry} ({model}): {reason}")]
    Candidate {
        /// The entry's position, counted from zero.
        entry: usize,
        /// The kind of model.
        model: String,
        /// What is wrong and what was expected.
        reason: String,
    },
    /// A range in a grid.
    #[error(
        "search candidate {entry} ({model}): {parameter} is a range; a grid and halving expect a list of values, a range takes strategy = \"random\""
    )]
    RangeInGrid {
        /// The entry's position, counted from zero.
        entry: usize,
        /// The kind of model.
        model: String,
        /// The parameter.
        parameter: String,
    },
    /// One task alone is beyond the memory budget.
    #[error("one task takes about {expected} bytes; the memory budget is {found}")]
    Memory {
        /// The budget.
        found: u64,
        /// What a task takes at least.
        expected: u64,
    },
    /// Every candidate failed.
    #[error("every candidate failed; the first one ({candidate}): {reason}")]
    AllFailed {
        /// The first candidate.
        candidate: String,
        /// Why it failed.
        reason: String,
    },
    /// The time was up before any candidate was complete.
    #[error("no candidate was complete when the time budget of {found} s was up")]
    TimeUp {
        /// The budget in seconds.
        found: f64,
    },
    /// Someone asked to stop.
    #[error("interrupted; finished tasks are kept")]
    Interrupted,
}
