//! Rows that a model is tried with: one for each leaf on the edges of its path, random ones, strange ones.

use picket_schema::{FeatureSchema, Kind};

use super::feature_map::FeatureMap;
use super::lowering::domain_bounds;
use super::peer::{LIGHTGBM_ZERO, PeerModel, PeerNode, PeerTest};
use super::routing::{largest_below, largest_up_to};
use crate::random::Random;

/// Values that mean something to some rule, for every numeric feature.
const STRANGE: [f32; 9] = [
    f32::NAN,
    f32::INFINITY,
    f32::NEG_INFINITY,
    0.0,
    -0.0,
    f32::MAX,
    f32::MIN,
    LIGHTGBM_ZERO as f32,
    -(LIGHTGBM_ZERO as f32),
];
/// Values that are no code of a category.
const NO_CODES: [f32; 5] = [f32::NAN, -1.0, 0.5, f32::INFINITY, 1e9];
/// A value in so many is a strange one in a random row.
const STRANGE_SHARE: usize = 12;

/// Draws rows for a model. The same seed gives the same rows.
pub(crate) struct ProbeRows<'a> {
    model: &'a PeerModel,
    schema: &'a FeatureSchema,
    map: &'a FeatureMap,
    /// For each feature of the schema whether only numbers of its domain are asked. Shape: `(n_features,)`.
    clipped: &'a [bool],
    /// For each feature of the schema the values on both sides of every threshold, and those between.
    edges: Vec<Vec<f32>>,
}

impl<'a> ProbeRows<'a> {
    pub(crate) fn new(
        model: &'a PeerModel,
        schema: &'a FeatureSchema,
        map: &'a FeatureMap,
        clipped: &'a [bool],
    ) -> Self {
        let mut edges: Vec<Vec<f32>> = vec![Vec::new(); schema.n_features()];
        for node in model.trees.iter().flat_map(|tree| &tree.nodes) {
            let PeerNode::Split { feature, test, .. } = node else {
                continue;
            };
            if let Some(source) = &map.sources[*feature]
                && schema.features[source.feature_idx].kind() != Kind::Categorical
            {
                edges[source.feature_idx].extend(neighbours(test));
            }
        }
        for (values, feature) in edges.iter_mut().zip(&schema.features) {
            if feature.kind() == Kind::Categorical {
                values.extend((0..feature.n_categories()).map(|code| code as f32));
            }
            values.sort_by(f32::total_cmp);
            values.dedup();
        }
        Self {
            model,
            schema,
            map,
            clipped,
            edges,
        }
    }

    /// A value, or NaN instead of one that is out of a domain which the model was carried for.
    fn allowed(&self, feature_idx: usize, x: f32) -> f32 {
        match domain_bounds(&self.schema.features[feature_idx]) {
            Some((min, max)) if self.clipped[feature_idx] && !(min <= x && x <= max) => f32::NAN,
            _ => x,
        }
    }

    fn allowed_row(&self, row: Vec<f32>) -> Vec<f32> {
        let values = row.into_iter().enumerate();
        values
            .map(|(feature_idx, x)| self.allowed(feature_idx, x))
            .collect()
    }

    /// How many rows show every edge of every feature once.
    pub(crate) fn n_edge_rows(&self) -> usize {
        self.edges.iter().map(Vec::len).max().unwrap_or(0)
    }

    /// Row `row_idx` of those: each feature at its own edge, in an order of its own.
    pub(crate) fn edge_row(&self, row_idx: usize, seed: u64) -> Vec<f32> {
        let pick = |(feature_idx, values): (usize, &Vec<f32>)| {
            if values.is_empty() {
                return 0.0;
            }
            let offset = Random::stream(seed, feature_idx as u64).below(values.len());
            values[(row_idx + offset) % values.len()]
        };
        self.allowed_row(self.edges.iter().enumerate().map(pick).collect())
    }

    /// A row of edges, numbers between and beyond them, and now and then something strange.
    pub(crate) fn random_row(&self, random: &mut Random) -> Vec<f32> {
        let row = (0..self.edges.len())
            .map(|feature_idx| self.random_value(feature_idx, random))
            .collect();
        self.allowed_row(row)
    }

    fn random_value(&self, feature_idx: usize, random: &mut Random) -> f32 {
        let values = &self.edges[feature_idx];
        let is_categorical = self.schema.features[feature_idx].kind() == Kind::Categorical;
        if values.is_empty() || random.below(STRANGE_SHARE) == 0 {
            let strange = if is_categorical {
                &NO_CODES[..]
            } else {
                &STRANGE[..]
            };
            return strange[random.below(strange.len())];
        }
        let value = values[random.below(values.len())];
        if is_categorical || random.below(2) == 0 {
            return value;
        }
        let other = values[random.below(values.len())];
        let share = (1.2 * random.unit() - 0.1) as f32;
        // Between two edges, or a little beyond them.
        let mixed = value + share * (other - value);
        if mixed.is_finite() { mixed } else { value }
    }

    /// A row in which every feature is missing, or has one strange value.
    pub(crate) fn strange_rows(&self) -> Vec<Vec<f32>> {
        let strange = STRANGE.iter().chain(&NO_CODES);
        strange
            .map(|value| self.allowed_row(vec![*value; self.edges.len()]))
            .collect()
    }

    /// Each tree's leaves: the tree and the tests on the way, with the answers that lead there.
    pub(crate) fn paths(&self) -> impl Iterator<Item = (usize, Vec<(usize, bool)>)> + '_ {
        self.model
            .trees
            .iter()
            .enumerate()
            .flat_map(|(tree, peer)| {
                let mut open = vec![(0, Vec::new())];
                core::iter::from_fn(move || {
                    while let Some((at, path)) = open.pop() {
                        let PeerNode::Split { yes, no, .. } = &peer.nodes[at] else {
                            return Some((tree, path));
                        };
                        let mut to_no = path.clone();
                        to_no.push((at, false));
                        open.push((*no, to_no));
                        let mut to_yes = path;
                        to_yes.push((at, true));
                        open.push((*yes, to_yes));
                    }
                    None
                })
            })
    }

    /// A row that takes a path, on an edge of each feature that the path asks for: the first value, from a random
    /// start among all that the path's tests separate, which every one of them sends the right way.
    pub(crate) fn path_row(
        &self,
        tree: usize,
        path: &[(usize, bool)],
        random: &mut Random,
    ) -> Vec<f32> {
        let mut row = self.random_row(random);
        let peer = &self.model.trees[tree];
        let mut asked: Vec<usize> = path
            .iter()
            .filter_map(|(at, _)| self.source(tree, *at))
            .collect();
        asked.sort_unstable();
        asked.dedup();
        for feature_idx in asked {
            let steps: Vec<(usize, bool)> = path
                .iter()
                .copied()
                .filter(|(at, _)| self.source(tree, *at) == Some(feature_idx))
                .collect();
            let mut candidates: Vec<f32> = Vec::new();
            if self.schema.features[feature_idx].kind() == Kind::Categorical {
                candidates.extend(&self.edges[feature_idx]);
                candidates.extend(NO_CODES);
            } else {
                for (at, _) in &steps {
                    if let PeerNode::Split { test, .. } = &peer.nodes[*at] {
                        candidates.extend(neighbours(test));
                    }
                }
                candidates.extend(STRANGE);
            }
            for value in &mut candidates {
                *value = self.allowed(feature_idx, *value);
            }
            let start = random.below(candidates.len());
            let (before, after) = candidates.split_at(start);
            let fits = |value: &&f32| {
                steps.iter().all(|(at, passes)| match &peer.nodes[*at] {
                    PeerNode::Split { feature, test, .. } => {
                        test.passes(self.map.peer_value(self.schema, *feature, **value)) == *passes
                    }
                    PeerNode::Leaf { .. } => true,
                })
            };
            if let Some(value) = after.iter().chain(before).find(fits) {
                row[feature_idx] = *value;
            }
        }
        row
    }

    /// The schema's feature that a node asks for.
    fn source(&self, tree: usize, at: usize) -> Option<usize> {
        match &self.model.trees[tree].nodes[at] {
            PeerNode::Split { feature, .. } => self.map.sources[*feature]
                .as_ref()
                .map(|source| source.feature_idx),
            PeerNode::Leaf { .. } => None,
        }
    }
}

/// The numbers of 32 bits at and next to a threshold.
fn neighbours(test: &PeerTest) -> impl Iterator<Item = f32> {
    let threshold = match test {
        PeerTest::Compare { threshold, .. } => Some(*threshold),
        PeerTest::InSet { .. } => None,
    };
    let down = threshold.and_then(largest_below);
    let at = threshold.and_then(largest_up_to);
    let up = at.map(f32::next_up);
    [down, at, up, up.map(f32::next_up)]
        .into_iter()
        .flatten()
        .filter(|value| !value.is_nan())
}
