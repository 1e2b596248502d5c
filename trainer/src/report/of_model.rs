//! What can be said of any artifact and labelled rows.

use picket_schema::artifact::Artifact;
use picket_wasm_model::{Explainer, Model, RowError, Scorer};
use rayon::prelude::*;

use crate::dataset::Dataset;
use crate::evaluation::{Evaluation, Scores, is_training_data};
use crate::random::Random;
use crate::report::contents::{
    Case, Contribution, Example, Figure, Importance, Profile, Report, Summary,
};
use crate::report::profile::value_text;
use crate::report::{curves, number};

/// Rows that permutation importances are measured on.
const N_PERMUTED: usize = 4000;
/// Rows whose contributions are averaged.
const N_EXPLAINED: usize = 500;
/// Features named in an example.
const N_CONTRIBUTIONS: usize = 8;
/// Streams of the seed: which rows, and one a feature.
const STREAM_OF_ROWS: u64 = 0x7265_706f_7274;
/// How many examples of each case.
const EXAMPLES: [(Case, usize); 4] = [
    (Case::TruePositive, 1),
    (Case::FalsePositive, 2),
    (Case::FalseNegative, 2),
    (Case::TrueNegative, 1),
];

impl Report {
    /// Everything that a model and labelled rows tell: profile, performance, importances, examples,
    /// lineage. `bytes` are the artifact's file, `source` names the rows; `costs` are those of a
    /// false alarm and of a miss. The same arguments give the same report.
    ///
    /// # Errors
    /// [`RowError`] where the model has another number of features than the data.
    pub fn of_model(
        model: &Model<'_>,
        bytes: &[u8],
        data: &Dataset,
        source: &str,
        costs: [f64; 2],
        seed: u64,
    ) -> Result<Self, RowError> {
        let scores = Scores::of(model, data)?;
        let evaluation = Evaluation::of(model, data, seed)?;
        let decision = model.decision();
        let performance = curves::performance(
            &scores.scores,
            data.labels(),
            decision.threshold,
            decision.uncertain,
            costs,
        );
        Ok(Self {
            summary: summary(model, data, source, &evaluation),
            profile: Some(Profile::of(data)),
            performance: Some(performance),
            importances: importances(model, data, seed)?,
            examples: examples(model, data, &scores)?,
            lineage: lineage(model.artifact(), bytes),
            ..Self::default()
        })
    }
}

fn summary(model: &Model<'_>, data: &Dataset, source: &str, evaluation: &Evaluation) -> Summary {
    let artifact = model.artifact();
    let (card, label) = (&artifact.card, &artifact.schema.label);
    let mut notes = card.notes.clone();
    if is_training_data(artifact, data) {
        notes.insert(0, "The model was trained from these very rows: the numbers here flatter it. Those of its card do not.".to_owned());
    }
    Summary {
        model: card.name.clone(),
        algorithm: card.algorithm.clone(),
        schema: artifact.schema.name.clone(),
        positive_class: label.positive.name.clone(),
        negative_class: label.negative.name.clone(),
        outcome: None,
        measured_on: format!(
            "Measured on {} rows of {source}, {} of them distinct, by the scorer that the edge runs.",
            number::count(evaluation.n_rows as u64),
            number::count(evaluation.n_distinct_rows as u64)
        ),
        metrics: evaluation.metrics.iter().map(Figure::from).collect(),
        notes,
    }
}

/// Rows drawn without looking at them, in ascending order.
fn some_rows(data: &Dataset, count: usize, seed: u64) -> Vec<usize> {
    let mut random = Random::stream(seed, STREAM_OF_ROWS);
    let drawn = random.subset(data.n_rows(), count.min(data.n_rows()));
    drawn.into_iter().map(|row_idx| row_idx as usize).collect()
}

fn importances(model: &Model<'_>, data: &Dataset, seed: u64) -> Result<Vec<Importance>, RowError> {
    let rows = some_rows(data, N_PERMUTED, seed);
    let part = data.select(&rows);
    let values: Vec<f32> = part.features().iter().copied().collect();
    let whole = curves::roc_auc(&scores_of(model, &values)?, part.labels());
    let contributions = mean_abs_contributions(model, data, seed);
    let features = &model.schema().features;
    let one = |feature_idx: usize| -> Result<Importance, RowError> {
        // One stream a feature: the order of the threads changes nothing.
        let mut random = Random::stream(seed, STREAM_OF_ROWS + 1 + feature_idx as u64);
        let mut order: Vec<usize> = (0..part.n_rows()).collect();
        random.shuffle(&mut order);
        let mut shuffled = values.clone();
        for (row_idx, from) in order.into_iter().enumerate() {
            shuffled[row_idx * features.len() + feature_idx] =
                values[from * features.len() + feature_idx];
        }
        let left = curves::roc_auc(&scores_of(model, &shuffled)?, part.labels());
        Ok(Importance {
            feature: features[feature_idx].name.clone(),
            permutation: whole.zip(left).map(|(whole, left)| whole - left),
            mean_abs_contribution: contributions.as_ref().map(|means| means[feature_idx]),
        })
    };
    (0..features.len()).into_par_iter().map(one).collect()
}

/// Scores of row-major values. Shape: `(n_rows,)`.
fn scores_of(model: &Model<'_>, values: &[f32]) -> Result<Vec<f64>, RowError> {
    let scored = Scorer::new(model).score_batch(values)?;
    Ok(scored.iter().map(|row| row.score.0).collect())
}

/// Nothing where the model cannot be explained.
fn mean_abs_contributions(model: &Model<'_>, data: &Dataset, seed: u64) -> Option<Vec<f64>> {
    let rows = some_rows(data, N_EXPLAINED, seed);
    let mut explainer = Explainer::new(model);
    let mut sums = vec![0.0; model.n_features()];
    for row_idx in &rows {
        let row = data.row(*row_idx);
        let explanation = explainer.explain(row).ok()?;
        for (sum, amount) in sums.iter_mut().zip(&explanation.contributions) {
            *sum += amount.abs();
        }
    }
    let n = rows.len().max(1) as f64;
    Some(sums.into_iter().map(|sum| sum / n).collect())
}

/// The clearest right verdicts and the clearest wrong ones.
fn examples(model: &Model<'_>, data: &Dataset, scores: &Scores) -> Result<Vec<Example>, RowError> {
    let threshold = model.decision().threshold;
    let mut explainer = Explainer::new(model);
    let mut examples = Vec::new();
    for (case, n_wanted) in EXAMPLES {
        let (is_positive, is_called) = match case {
            Case::TruePositive => (true, true),
            Case::FalsePositive => (false, true),
            Case::FalseNegative => (true, false),
            Case::TrueNegative => (false, false),
        };
        let mut rows: Vec<usize> = (0..data.n_rows())
            .filter(|row_idx| data.labels()[*row_idx] == is_positive)
            .filter(|row_idx| (scores.scores[*row_idx] >= threshold) == is_called)
            .collect();
        rows.sort_by(|a, b| {
            let order = scores.margins[*a].total_cmp(&scores.margins[*b]);
            if is_called { order.reverse() } else { order }
        });
        let mut shown: Vec<&[f32]> = Vec::new();
        for row_idx in rows {
            let row = data.row(row_idx);
            let bits = |row: &[f32]| row.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            if shown.len() == n_wanted {
                break;
            }
            if shown.iter().any(|other| bits(other) == bits(row)) {
                continue;
            }
            match explainer.explain(row) {
                Ok(explanation) => examples.push(example(
                    case,
                    row_idx,
                    explanation.base,
                    &explanation.contributions,
                    &explanation.scored,
                    model,
                    row,
                )),
                // Such a model has no examples, but a report all the same.
                Err(RowError::Unexplainable(_)) => return Ok(Vec::new()),
                Err(error) => return Err(error),
            }
            shown.push(row);
        }
    }
    Ok(examples)
}

fn example(
    case: Case,
    row_idx: usize,
    base: f64,
    amounts: &[f64],
    scored: &picket_wasm_model::Scored,
    model: &Model<'_>,
    row: &[f32],
) -> Example {
    let features = &model.schema().features;
    let mut order: Vec<usize> = (0..amounts.len()).collect();
    order.sort_by(|a, b| amounts[*b].abs().total_cmp(&amounts[*a].abs()));
    let (first, rest) = order.split_at(N_CONTRIBUTIONS.min(order.len()));
    Example {
        case,
        row: row_idx as u64 + 1,
        score: scored.score.0,
        margin: scored.margin.0,
        base,
        contributions: first
            .iter()
            .map(|idx| Contribution {
                feature: features[*idx].name.clone(),
                value: value_text(&features[*idx], row[*idx]),
                amount: amounts[*idx],
            })
            .collect(),
        others: rest.iter().map(|idx| amounts[*idx]).sum(),
    }
}

pub(crate) fn lineage(artifact: &Artifact<'_>, bytes: &[u8]) -> Vec<(String, String)> {
    let card = &artifact.card;
    let mut entries = vec![
        ("Artifact", Artifact::digest(bytes).to_string()),
        (
            "Artifact size",
            format!("{} bytes", number::count(bytes.len() as u64)),
        ),
        ("Schema", artifact.schema.digest().to_string()),
        ("Training data", card.data_digest.to_string()),
        (
            "Parent",
            card.parent
                .map_or("none".to_owned(), |parent| parent.to_string()),
        ),
        ("Code version", card.code_version.clone()),
        ("Seed", card.seed.to_string()),
        ("Split", card.split.clone()),
        ("Rows to learn from", number::count(card.n_rows_train)),
        ("Rows to test on", number::count(card.n_rows_test)),
        (
            "Memorised share",
            format!(
                "{} of the test rows of a random split stand in its training part too",
                number::percent(card.memorised_share)
            ),
        ),
    ];
    entries.extend(
        card.parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone())),
    );
    entries
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
