//! Random transforms, and random models over the columns that they give.

use picket_schema::artifact::{
    Column, ColumnKind, IntTable, Linear, ModelColumns, ModelTable, NeighbourImputer,
    NeighbourWeights, Operator, PackedRows, Step, Term, Transform, TreeNode, TreesBuilder,
};

use crate::models::{self, Random};

const NUMBERS: [f32; 6] = [-2.5, -1.0, 0.0, 1.0, 3.75, 40.0];

fn number(random: &mut Random) -> f32 {
    NUMBERS[random.below(NUMBERS.len())]
}

fn floats(numbers: impl IntoIterator<Item = f32>) -> std::borrow::Cow<'static, [u8]> {
    numbers.into_iter().flat_map(f32::to_le_bytes).collect()
}

fn fill(random: &mut Random, columns: &ModelColumns) -> Step<'static> {
    let values = columns.0.iter().map(|column| match column.kind {
        _ if random.below(3) == 0 => f32::NAN,
        ColumnKind::Numeric => number(random),
        ColumnKind::Categorical { n_categories } => random.below(n_categories) as f32,
    });
    Step::Fill(floats(values.collect::<Vec<_>>()))
}

fn neighbours(random: &mut Random, columns: &ModelColumns) -> Option<Step<'static>> {
    let numeric = (0..columns.len()).filter(|idx| columns.kind(*idx) == Some(ColumnKind::Numeric));
    let chosen: Vec<u16> = numeric
        .filter(|_| random.below(4) > 0)
        .map(|idx| idx as u16)
        .collect();
    if chosen.is_empty() {
        return None;
    }
    let n_rows = 1 + random.below(60);
    let is_empty: Vec<bool> = chosen.iter().map(|_| random.below(8) == 0).collect();
    let value = |random: &mut Random| match random.below(6) {
        0 => f32::NAN,
        1 => random.below(1000) as f32 / 7.0,
        _ => number(random),
    };
    let values: Vec<f32> = (0..n_rows)
        .flat_map(|_| is_empty.clone())
        .map(|is_empty| if is_empty { f32::NAN } else { value(random) })
        .collect();
    Some(Step::Neighbours(NeighbourImputer {
        n_neighbours: 1 + random.below(8) as u32,
        weights: [NeighbourWeights::Uniform, NeighbourWeights::Distance][random.below(2)],
        columns: chosen.iter().flat_map(|idx| idx.to_le_bytes()).collect(),
        rows: PackedRows::pack(chosen.len(), &values),
        counts: IntTable::pack((0..n_rows).map(|_| 1 + random.below(3) as u32)),
    }))
}

fn column(random: &mut Random, columns: &ModelColumns) -> Column<'static> {
    let source = random.below(columns.len());
    let column = source as u32;
    let kind = columns.0[source].kind;
    match (random.below(5), kind) {
        (0, ColumnKind::Numeric) => Column::Scale {
            column,
            centre: f64::from(number(random)),
            scale: [0.5, 3.0, 1e-39, 1e20][random.below(4)],
        },
        (1, _) => {
            let (levels, n_levels) = match kind {
                ColumnKind::Numeric => (floats(NUMBERS), NUMBERS.len()),
                ColumnKind::Categorical { n_categories } => (floats([]), n_categories),
            };
            let value = |random: &mut Random| match random.below(8) {
                0 => f32::NAN,
                _ => number(random),
            };
            Column::Lookup {
                column,
                levels,
                values: floats((0..=n_levels).map(|_| value(random)).collect::<Vec<_>>()),
            }
        }
        (2, ColumnKind::Numeric) => Column::OneHot {
            column,
            value: number(random),
        },
        (2, ColumnKind::Categorical { n_categories }) => Column::OneHot {
            column,
            value: random.below(n_categories) as f32,
        },
        (3, _) => Column::IsMissing(column),
        _ => Column::Copy(column),
    }
}

/// One to four steps, and the columns after them.
fn transform(random: &mut Random, n_steps: usize) -> (Transform<'static>, ModelColumns) {
    let mut columns = ModelColumns::from(&models::schema());
    let mut steps = Vec::new();
    while steps.len() < n_steps {
        let step = match random.below(3) {
            0 => fill(random, &columns),
            1 => match neighbours(random, &columns) {
                Some(step) => step,
                None => continue,
            },
            _ => Step::Columns(
                (0..=random.below(9))
                    .map(|_| column(random, &columns))
                    .collect(),
            ),
        };
        columns = step.columns(&columns);
        steps.push(step);
    }
    (Transform(steps), columns)
}

fn grow(
    random: &mut Random,
    columns: &ModelColumns,
    nodes: &mut Vec<TreeNode>,
    depth: usize,
) -> usize {
    let position = nodes.len();
    let value = (random.bits() as u32).cast_signed() >> 8;
    let cover = 1 + random.below(100) as u32;
    nodes.push(TreeNode::Leaf { value, cover });
    if depth == 0 || random.below(6) == 0 {
        return position;
    }
    let left = grow(random, columns, nodes, depth - 1);
    let right = grow(random, columns, nodes, depth - 1);
    let missing_left = random.below(2) == 0;
    let feature_idx = random.below(columns.len());
    nodes[position] = match columns.0[feature_idx].kind {
        ColumnKind::Numeric => TreeNode::Threshold {
            feature_idx: feature_idx as u16,
            threshold: number(random) / 2.0,
            missing_left,
            left,
            right,
        },
        ColumnKind::Categorical { n_categories } => TreeNode::CategorySet {
            feature_idx: feature_idx as u16,
            words: (0..n_categories.div_ceil(32))
                .map(|word| {
                    let n_bits = (n_categories - 32 * word).min(32) as u32;
                    random.bits() as u32 >> (32 - n_bits)
                })
                .collect(),
            missing_left,
            left,
            right,
        },
    };
    position
}

/// The file of trees behind a random transform.
pub(crate) fn trees(seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    let n_steps = 1 + random.below(4);
    let (transform, columns) = transform(&mut random, n_steps);
    let operator = [Operator::LessEqual, Operator::Less][random.below(2)];
    let mut builder = TreesBuilder::new(operator, 3, 20);
    for _ in 0..6 {
        let mut nodes = Vec::new();
        grow(&mut random, &columns, &mut nodes, 5);
        builder.push(nodes);
    }
    let trees = builder.build().expect("the test trees are right");
    models::artifact_with(models::schema(), transform, ModelTable::Trees(trees))
}

/// The file of a linear model behind a random transform.
pub(crate) fn linear(seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    let n_steps = 1 + random.below(4);
    let (transform, columns) = transform(&mut random, n_steps);
    let weight = |random: &mut Random| f64::from(number(random));
    let terms = columns
        .0
        .iter()
        .enumerate()
        .map(|(idx, column)| match column.kind {
            ColumnKind::Numeric => Term::Numeric {
                feature: idx as u32,
                fill: 1.0,
                mean: 0.5,
                scale: 2.0,
                weight: weight(&mut random),
                missing_weight: weight(&mut random),
                background: weight(&mut random),
            },
            ColumnKind::Categorical { n_categories } => Term::OneHot {
                feature: idx as u32,
                weights: (0..n_categories)
                    .flat_map(|_| weight(&mut random).to_le_bytes())
                    .collect(),
                missing_weight: 0.5,
                background: weight(&mut random),
            },
        });
    let terms = terms.collect();
    let model = ModelTable::Linear(Linear { bias: 0.25, terms });
    models::artifact_with(models::schema(), transform, model)
}
