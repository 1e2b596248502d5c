//! The parity certificate: the written model does what the peer's file says, on rows that try its edges.
//!
//! Both scorers, the obvious and the fast one, run on the written bytes. The peer's side is [`PeerModel`], which walks
//! the file's own nodes by the peer's rules. Same leaf in every tree, same bits from both scorers, and margins within
//! the stated bounds; the first difference stops the import.

use std::collections::HashSet;

use picket_schema::FeatureSchema;
use picket_wasm_model::{Model, Scorer, naive};
use rayon::prelude::*;
use serde::Serialize;

use super::error::ImportError;
use super::feature_map::FeatureMap;
use super::leaf_scale::LeafScale;
use super::peer::PeerModel;
use super::probe_rows::ProbeRows;
use crate::progress::Reporter;
use crate::random::Random;

/// The most rows made for single leaves; of more leaves a random part gets one.
const MAX_PATH_ROWS: usize = 40_000;
/// The most rows that show thresholds one by one.
const MAX_EDGE_ROWS: usize = 40_000;
/// Rows that are scored together by one thread.
const CHUNK: usize = 256;

/// What was compared, and how far apart it was.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Certificate {
    /// The seed of the rows.
    pub seed: u64,
    /// Rows made of random values.
    pub n_random_rows: usize,
    /// Rows that stand on the thresholds and on the numbers next to them.
    pub n_edge_rows: usize,
    /// Rows made to reach one leaf, on the edges of its path.
    pub n_path_rows: usize,
    /// Rows of nothing but NaN, infinities, zeros, or values that are no category.
    pub n_strange_rows: usize,
    /// Leaves compared: rows times trees. Every one was the same.
    pub n_leaves_compared: usize,
    /// Leaves of the peer that some row reached, at least once.
    pub n_leaves_reached: usize,
    /// Leaves that the peer has.
    pub n_leaves: usize,
    /// The largest difference from the peer's margin added in 64 bits.
    pub max_difference: f64,
    /// What rounding leaves to fixed point can make of it at most.
    pub max_difference_bound: f64,
    /// The largest difference from the peer's margin added in its own type, tree after tree.
    pub max_difference_own_type: f64,
    /// The same, and the peer's own rounding with it.
    pub max_difference_own_type_bound: f64,
}

/// A row for which the written model differs.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Mismatch {
    /// Another leaf.
    #[error("tree {tree}: leaf {found}; expected {expected}, for the row {row:?}")]
    Leaf {
        /// The tree.
        tree: usize,
        /// The node that the leaf reached stands for.
        found: usize,
        /// The node that the peer reaches.
        expected: usize,
        /// The row.
        row: Vec<f32>,
    },
    /// A margin too far away.
    #[error("margin {found}; expected {expected} within {bound}, for the row {row:?}")]
    Margin {
        /// The margin.
        found: f64,
        /// The peer's.
        expected: f64,
        /// How far they may be apart.
        bound: f64,
        /// The row.
        row: Vec<f32>,
    },
    /// The fast scorer has other bits than the obvious one.
    #[error("the fast scorer's margin is {found}; expected {expected}, for the row {row:?}")]
    Fast {
        /// The fast scorer's margin.
        found: f64,
        /// The obvious one's.
        expected: f64,
        /// The row.
        row: Vec<f32>,
    },
}

/// Everything that a comparison needs.
pub(crate) struct Comparison<'a> {
    pub(crate) peer: &'a PeerModel,
    pub(crate) schema: &'a FeatureSchema,
    pub(crate) map: &'a FeatureMap,
    pub(crate) scale: &'a LeafScale,
    /// The margin is `offset + sign *` the peer's.
    pub(crate) sign: f64,
    pub(crate) offset: f64,
    /// For each leaf of the written model, over all trees, the peer's node that it stands for.
    pub(crate) origins: &'a [usize],
    pub(crate) seed: u64,
    pub(crate) n_random_rows: usize,
}

/// What one thread has seen.
#[derive(Default)]
struct Seen {
    reached: HashSet<(usize, usize)>,
    max_difference: f64,
    max_difference_own_type: f64,
}

impl Seen {
    fn merge(mut self, other: Self) -> Self {
        self.reached.extend(other.reached);
        self.max_difference = self.max_difference.max(other.max_difference);
        self.max_difference_own_type = self
            .max_difference_own_type
            .max(other.max_difference_own_type);
        self
    }
}

impl Comparison<'_> {
    /// Compares on all rows.
    pub(crate) fn run(
        &self,
        model: &Model<'_>,
        reporter: Reporter,
    ) -> Result<Certificate, ImportError> {
        let probe = ProbeRows::new(self.peer, self.schema, self.map);
        let paths = self.chosen_paths(&probe);
        let strange = probe.strange_rows();
        let n_edge_rows = probe.n_edge_rows().min(MAX_EDGE_ROWS);
        let counts = [paths.len(), n_edge_rows, self.n_random_rows, strange.len()];
        let n_rows: usize = counts.iter().sum();
        let stage = reporter.stage("compare", n_rows as u64);
        // Every row has a stream of its own, so that threads change nothing.
        let row = |row_idx: usize| {
            let mut random = Random::stream(self.seed, (1 << 32) + row_idx as u64);
            let mut at = row_idx;
            if let Some((tree, path)) = paths.get(at) {
                return probe.path_row(*tree, path, &mut random);
            }
            at -= paths.len();
            if at < n_edge_rows {
                return probe.edge_row(at, self.seed);
            }
            at -= n_edge_rows;
            strange
                .get(at)
                .cloned()
                .unwrap_or_else(|| probe.random_row(&mut random))
        };
        let chunks = (0..n_rows.div_ceil(CHUNK)).into_par_iter();
        let seen = chunks
            .map(|chunk| {
                let mut scorer = Scorer::new(model);
                let mut seen = Seen::default();
                let rows = chunk * CHUNK..n_rows.min((chunk + 1) * CHUNK);
                stage.reach(rows.start as u64);
                for row_idx in rows {
                    self.compare(model, &mut scorer, row(row_idx), &mut seen)?;
                }
                Ok::<_, ImportError>(seen)
            })
            .try_reduce(Seen::default, |a, b| Ok(a.merge(b)))?;
        Ok(Certificate {
            seed: self.seed,
            n_random_rows: self.n_random_rows,
            n_edge_rows,
            n_path_rows: paths.len(),
            n_strange_rows: strange.len(),
            n_leaves_compared: n_rows * self.peer.trees.len(),
            n_leaves_reached: seen.reached.len(),
            n_leaves: self.n_leaves(),
            max_difference: seen.max_difference,
            max_difference_bound: self.bound(),
            max_difference_own_type: seen.max_difference_own_type,
            max_difference_own_type_bound: self.bound() + self.scale.peer_bound,
        })
    }

    fn n_leaves(&self) -> usize {
        self.peer
            .trees
            .iter()
            .map(|tree| tree.iter_leaves().count())
            .sum()
    }

    /// Fixed point's own bound, and the last bits of the sums in 64 bits that it is compared in.
    fn bound(&self) -> f64 {
        self.scale.quantisation_bound * (1.0 + 1e-6) + self.scale.peer_bound * 1e-6
    }

    /// A path to each leaf, or to as many as there may be rows.
    fn chosen_paths(&self, probe: &ProbeRows<'_>) -> Vec<(usize, Vec<(usize, bool)>)> {
        let n_leaves = self.n_leaves();
        let mut random = Random::stream(self.seed, 0);
        let chosen = random.subset(n_leaves, MAX_PATH_ROWS.min(n_leaves));
        let mut chosen = chosen.into_iter().peekable();
        let paths = probe.paths().enumerate();
        paths
            .filter(|(leaf, _)| chosen.next_if_eq(&(*leaf as u32)).is_some())
            .map(|(_, path)| path)
            .collect()
    }

    fn compare(
        &self,
        model: &Model<'_>,
        scorer: &mut Scorer<'_, '_>,
        row: Vec<f32>,
        seen: &mut Seen,
    ) -> Result<(), ImportError> {
        let leaves = self.peer.leaves(&self.map.peer_row(self.schema, &row));
        for (tree, leaf) in naive::leaves(model, &row)?.into_iter().enumerate() {
            let (found, expected) = (self.origins[leaf], leaves[tree]);
            if found != expected {
                return Err(mismatch(Mismatch::Leaf {
                    tree,
                    found,
                    expected,
                    row,
                }));
            }
            seen.reached.insert((tree, expected));
        }
        let margin = naive::margin(model, &row)?.0;
        let fast = scorer.margin(&row)?.0;
        if fast.to_bits() != margin.to_bits() {
            return Err(mismatch(Mismatch::Fast {
                found: fast,
                expected: margin,
                row,
            }));
        }
        let exact = self.offset + self.sign * self.peer.exact_margin(&leaves);
        let own = self.offset + self.sign * self.peer.margin(&leaves);
        for (expected, bound) in [
            (exact, self.bound()),
            (own, self.bound() + self.scale.peer_bound),
        ] {
            let is_within = (margin - expected).abs() <= bound;
            if !is_within {
                return Err(mismatch(Mismatch::Margin {
                    found: margin,
                    expected,
                    bound,
                    row,
                }));
            }
        }
        seen.max_difference = seen.max_difference.max((margin - exact).abs());
        seen.max_difference_own_type = seen.max_difference_own_type.max((margin - own).abs());
        Ok(())
    }
}

fn mismatch(mismatch: Mismatch) -> ImportError {
    ImportError::Parity(Box::new(mismatch))
}

impl Certificate {
    /// All rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.n_random_rows + self.n_edge_rows + self.n_path_rows + self.n_strange_rows
    }

    /// The certificate in one sentence, as the card keeps it.
    #[must_use]
    pub fn in_words(&self) -> String {
        format!(
            "Parity certificate: {} rows ({} random, {} at thresholds, {} to a leaf each, {} strange; seed {}) reached the same leaf as the file's own rules in every tree, {} of {} leaves at least once; margins differ by at most {:.3e} (bound {:.3e}) from sums in 64 bits and {:.3e} (bound {:.3e}) from the peer's own; both scorers agree bit for bit.",
            self.n_rows(),
            self.n_random_rows,
            self.n_edge_rows,
            self.n_path_rows,
            self.n_strange_rows,
            self.seed,
            self.n_leaves_reached,
            self.n_leaves,
            self.max_difference,
            self.max_difference_bound,
            self.max_difference_own_type,
            self.max_difference_own_type_bound,
        )
    }

    /// The certificate as a table.
    #[must_use]
    pub fn table(&self) -> String {
        format!(
            "{:<32} {}\n{:<32} {} random, {} at thresholds, {} to a leaf each, {} strange; seed {}\n{:<32} {}, all the same\n{:<32} {} of {}\n{:<32} {:.3e}, bound {:.3e}\n{:<32} {:.3e}, bound {:.3e}\n\n",
            "parity certificate: rows",
            self.n_rows(),
            "",
            self.n_random_rows,
            self.n_edge_rows,
            self.n_path_rows,
            self.n_strange_rows,
            self.seed,
            "leaves compared",
            self.n_leaves_compared,
            "leaves of the model reached",
            self.n_leaves_reached,
            self.n_leaves,
            "margins, from sums in 64 bits",
            self.max_difference,
            self.max_difference_bound,
            "margins, from the peer's own sums",
            self.max_difference_own_type,
            self.max_difference_own_type_bound,
        )
    }
}
