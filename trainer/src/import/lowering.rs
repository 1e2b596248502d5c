//! From the peer's trees to Picket's: one operator, thresholds of 32 bits, category sets of the schema's codes.

use picket_schema::artifact::{Operator, TreeNode};
use picket_schema::{Domain, Feature, FeatureSchema, Kind};

use super::error::ImportError;
use super::feature_map::{FeatureMap, Source};
use super::limits::{MAX_GROWTH, MAX_NODES};
use super::peer::{Comparison, PeerModel, PeerNode, PeerTest, PeerTree};
use super::routing::Routing;

/// A tree to be written.
pub(crate) struct LoweredTree {
    pub(crate) nodes: Vec<TreeNode>,
    /// For each leaf from left to right the peer's node that it stands for.
    pub(crate) origins: Vec<usize>,
}

/// What every tree is lowered with.
pub(crate) struct Lowering<'a> {
    schema: &'a FeatureSchema,
    map: &'a FeatureMap,
    /// The operator that the model gets.
    pub(crate) operator: Operator,
    /// For each feature of the schema whether tests are carried for numbers of its domain only. Shape: `(n_features,)`.
    pub(crate) clipped: Vec<bool>,
}

/// The least and the largest number of a domain.
pub(crate) fn domain_bounds(feature: &Feature) -> Option<(f32, f32)> {
    match &feature.domain {
        Domain::Range([min, max]) => Some((*min as f32, *max as f32)),
        Domain::Values(values) => Some((*values.first()? as f32, *values.last()? as f32)),
        Domain::Categories(_) | Domain::Hashed(_) => None,
    }
}

/// A tree on its way.
struct Growing<'a, F> {
    lowering: &'a Lowering<'a>,
    tree: usize,
    peer: &'a PeerTree,
    leaf_of: F,
    lowered: LoweredTree,
    max_nodes: usize,
}

impl<'a> Lowering<'a> {
    /// Takes `<` where every test of the peer is made of it, so that thresholds stay as the file has them.
    pub(crate) fn new(model: &PeerModel, schema: &'a FeatureSchema, map: &'a FeatureMap) -> Self {
        let nodes = model.trees.iter().flat_map(|tree| &tree.nodes);
        let mut comparisons = nodes.filter_map(|node| match node {
            PeerNode::Split {
                test:
                    PeerTest::Compare {
                        comparison,
                        threshold,
                        ..
                    },
                ..
            } => Some((*comparison, *threshold)),
            _ => None,
        });
        // Beyond the finite numbers there is no threshold that `<` could use.
        let fits_less = |(comparison, threshold): (Comparison, f64)| {
            matches!(comparison, Comparison::Less | Comparison::GreaterEqual)
                && threshold.abs() <= f64::from(f32::MAX)
        };
        let operator = if comparisons.all(fits_less) {
            Operator::Less
        } else {
            Operator::LessEqual
        };
        let mut lowering = Self {
            schema,
            map,
            operator,
            clipped: vec![false; schema.n_features()],
        };
        for node in model.trees.iter().flat_map(|tree| &tree.nodes) {
            if let PeerNode::Split { feature, test, .. } = node
                && let Some(source) = map.sources.get(*feature).and_then(Option::as_ref)
            {
                let routing = Routing::of(test);
                let within = lowering.within_domain(source.feature_idx, &routing);
                lowering.clipped[source.feature_idx] |= within != routing;
            }
        }
        lowering
    }

    /// A test that takes more than one condition needs fewer where only the domain's numbers matter: others are
    /// refused before they are scored.
    fn within_domain(&self, feature_idx: usize, routing: &Routing) -> Routing {
        match domain_bounds(&self.schema.features[feature_idx]) {
            Some((min, max)) if routing.intervals.len() > 1 => routing.within(min, max),
            _ => routing.clone(),
        }
    }

    /// Lowers a checked tree. `leaf_of` gives value and cover of the peer's leaf at a node.
    pub(crate) fn tree(
        &self,
        tree: usize,
        peer: &PeerTree,
        leaf_of: impl Fn(usize) -> (i32, u32),
    ) -> Result<LoweredTree, ImportError> {
        let mut growing = Growing {
            lowering: self,
            tree,
            peer,
            leaf_of,
            lowered: LoweredTree {
                nodes: Vec::with_capacity(peer.nodes.len()),
                origins: Vec::new(),
            },
            max_nodes: (MAX_GROWTH * peer.nodes.len() + 64).min(MAX_NODES),
        };
        growing.grow(0)?;
        Ok(growing.lowered)
    }

    /// The threshold that makes the operator say `x <= end`.
    fn threshold(&self, end: f32) -> f32 {
        match self.operator {
            Operator::LessEqual => end,
            Operator::Less => end.next_up() + 0.0,
        }
    }
}

impl<F: Fn(usize) -> (i32, u32)> Growing<'_, F> {
    /// Adds the subtree below a node of the peer and gives its place. The peer's depth is capped, so the
    /// recursion is.
    fn grow(&mut self, node: usize) -> Result<usize, ImportError> {
        let peer = self.peer;
        let (feature, test, yes, no) = match &peer.nodes[node] {
            PeerNode::Leaf { .. } => {
                let (value, cover) = (self.leaf_of)(node);
                self.lowered.origins.push(node);
                return self.push(TreeNode::Leaf { value, cover });
            }
            PeerNode::Split {
                feature,
                test,
                yes,
                no,
            } => (*feature, test, *yes, *no),
        };
        // A feature that a split asks for has a source; its map refused the model else.
        let Some(source) = &self.lowering.map.sources[feature] else {
            return Err(ImportError::FeatureIndex {
                tree: self.tree,
                node,
                found: feature,
                n_features: self.lowering.map.sources.len(),
            });
        };
        let ours = &self.lowering.schema.features[source.feature_idx];
        if ours.kind() == Kind::Categorical {
            return self.grow_set(source, test, yes, no);
        }
        if let PeerTest::InSet { .. } = test {
            return Err(ImportError::NotCategorical {
                tree: self.tree,
                node,
                feature: ours.name.clone(),
            });
        }
        let routing = self
            .lowering
            .within_domain(source.feature_idx, &Routing::of(test));
        self.grow_intervals(node, source.feature_idx as u16, &routing, yes, no)
    }

    /// Any test on a categorical feature: the set of the schema's codes that pass it.
    fn grow_set(
        &mut self,
        source: &Source,
        test: &PeerTest,
        yes: usize,
        no: usize,
    ) -> Result<usize, ImportError> {
        let mut words = vec![0_u32; source.codes.len().div_ceil(32)];
        for (code, theirs) in source.codes.iter().enumerate() {
            if test.passes(*theirs) {
                words[code / 32] |= 1 << (code % 32);
            }
        }
        let place = self.push(TreeNode::CategorySet {
            feature_idx: source.feature_idx as u16,
            words,
            missing_left: test.passes(f64::NAN),
            left: 0,
            right: 0,
        })?;
        let left = self.grow(yes)?;
        let right = self.grow(no)?;
        self.link(place, left, right);
        Ok(place)
    }

    /// A chain of conditions, one for each end of an interval.
    fn grow_intervals(
        &mut self,
        node: usize,
        feature_idx: u16,
        routing: &Routing,
        yes: usize,
        no: usize,
    ) -> Result<usize, ImportError> {
        let child = |passes: bool| if passes { yes } else { no };
        let nan = routing.nan_passes;
        let Some((&(end, passes), rest)) = routing.intervals.split_first() else {
            if nan == routing.last_passes {
                return self.grow(child(nan));
            }
            // Only NaN goes the other way: the first condition sets +∞ apart, the second NaN.
            let outer = self.condition(node, feature_idx, f32::MAX, true)?;
            let inner = self.condition(node, feature_idx, f32::MAX, false)?;
            let numbers = self.grow(child(routing.last_passes))?;
            let missing = self.grow(child(nan))?;
            self.link(inner, numbers, missing);
            let infinite = self.grow(child(routing.last_passes))?;
            self.link(outer, inner, infinite);
            return Ok(outer);
        };
        // NaN leaves with the first interval that it agrees with, or stays to the end.
        let nan_left = nan == passes;
        let place = self.condition(node, feature_idx, end, nan_left)?;
        let left = self.grow(child(passes))?;
        let right = if rest.is_empty() {
            self.grow(child(routing.last_passes))?
        } else {
            let rest = Routing {
                intervals: rest.to_vec(),
                ..*routing
            };
            self.grow_intervals(node, feature_idx, &rest, yes, no)?
        };
        self.link(place, left, right);
        Ok(place)
    }

    fn condition(
        &mut self,
        node: usize,
        feature_idx: u16,
        end: f32,
        missing_left: bool,
    ) -> Result<usize, ImportError> {
        let threshold = self.lowering.threshold(end);
        if !threshold.is_finite() {
            let found = f64::from(threshold);
            let tree = self.tree;
            return Err(ImportError::Threshold { tree, node, found });
        }
        self.push(TreeNode::Threshold {
            feature_idx,
            threshold,
            missing_left,
            left: 0,
            right: 0,
        })
    }

    fn push(&mut self, node: TreeNode) -> Result<usize, ImportError> {
        let place = self.lowered.nodes.len();
        if place >= self.max_nodes {
            let (tree, max) = (self.tree, self.max_nodes);
            return Err(ImportError::Growth { tree, max });
        }
        self.lowered.nodes.push(node);
        Ok(place)
    }

    fn link(&mut self, place: usize, new_left: usize, new_right: usize) {
        if let TreeNode::Threshold { left, right, .. } | TreeNode::CategorySet { left, right, .. } =
            &mut self.lowered.nodes[place]
        {
            (*left, *right) = (new_left, new_right);
        }
    }
}
