//! Trees deeper and wider than the random ones: chains, where one child of every node is a leaf.

use picket_schema::FeatureSchema;
use picket_schema::artifact::{ModelTable, Operator, TreeNode, TreesBuilder};

use super::models::{Random, artifact};

fn schema(n_features: usize) -> FeatureSchema {
    let features: Vec<String> = (0..n_features)
        .map(|index| format!("{{ name = \"f{index}\", domain = {{ range = [0, 1] }} }}"))
        .collect();
    let text = format!(
        r#"
        name = "deep"
        label = {{ name = "y", positive = {{ name = "bad", values = ["1"] }}, negative = {{ name = "good" }} }}
        features = [{}]
        "#,
        features.join(", ")
    );
    FeatureSchema::from_toml(&text).expect("the schema is right")
}

/// A chain of `features`, with the numbers that `leaf` gives for each leaf, the last one's first.
pub(crate) fn chain(
    random: &mut Random,
    features: &[u16],
    mut leaf: impl FnMut(&mut Random, bool) -> (i32, u32),
) -> Vec<TreeNode> {
    let mut nodes = Vec::new();
    for feature_idx in features {
        let (value, cover) = leaf(random, false);
        let (next, side) = (nodes.len() + 2, nodes.len() + 1);
        let next_is_left = random.below(2) == 0;
        nodes.push(TreeNode::Threshold {
            feature_idx: *feature_idx,
            threshold: (1 + random.below(3)) as f32 / 4.0,
            missing_left: random.below(2) == 0,
            left: if next_is_left { next } else { side },
            right: if next_is_left { side } else { next },
        });
        nodes.push(TreeNode::Leaf { value, cover });
    }
    let (value, cover) = leaf(random, true);
    nodes.push(TreeNode::Leaf { value, cover });
    nodes
}

/// The file of a model of these trees.
pub(crate) fn file(n_features: usize, trees: Vec<Vec<TreeNode>>) -> Vec<u8> {
    let mut builder = TreesBuilder::new(Operator::LessEqual, 12_345, 20);
    for tree in trees {
        builder.push(tree);
    }
    let trees = builder.build().expect("the trees are right");
    artifact(schema(n_features), ModelTable::Trees(trees))
}

/// A row of quarters, one in eight missing.
pub(crate) fn row(random: &mut Random, n_features: usize) -> Vec<f32> {
    let value = |random: &mut Random| match random.below(8) {
        0 => f32::NAN,
        quarters => quarters as f32 / 8.0,
    };
    (0..n_features).map(|_| value(random)).collect()
}
