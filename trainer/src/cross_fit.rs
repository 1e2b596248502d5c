//! Margins of rows by models that saw neither them nor their equals.

use std::collections::BTreeMap;

use picket_schema::artifact::{
    Artifact, Calibration, Card, ColumnKind, Decision, ModelColumns, ModelTable, Reference,
    Transform,
};
use picket_schema::{Class, DataDigest, Domain, Feature, FeatureSchema, Label, MissingPolicy};
use picket_wasm_model::{Model, Scorer};

use crate::dataset::Dataset;
use crate::error::TrainerError;
use crate::row_groups::RowGroups;
use crate::split::grouped_folds;

/// For each row what `margins` says of it: that fits something to the other folds, its second argument, and gives a number
/// for each row of the fold, its third. The first is the fold's number. Shape: `(n_rows,)`.
pub(crate) fn of_folds(
    data: &Dataset,
    n_folds: usize,
    seed: u64,
    mut margins: impl FnMut(usize, &Dataset, &Dataset) -> Result<Vec<f64>, TrainerError>,
) -> Result<Vec<f64>, TrainerError> {
    let folds = grouped_folds(data, &RowGroups::of(data), n_folds, seed);
    let mut of_rows = vec![0.0; data.n_rows()];
    for fold in 0..n_folds {
        let (held_out, rest): (Vec<usize>, Vec<usize>) =
            (0..data.n_rows()).partition(|row_idx| folds[*row_idx] == fold);
        if held_out.is_empty() {
            continue;
        }
        let found = margins(fold, &data.select(&rest), &data.select(&held_out))?;
        for (row_idx, margin) in held_out.into_iter().zip(found) {
            of_rows[row_idx] = margin;
        }
    }
    Ok(of_rows)
}

/// The margins of rows as they stand, after a transform or without one, through the file format and the scorer.
/// Shape: `(n_rows,)`.
pub(crate) fn column_margins(
    table: ModelTable<'static>,
    rows: &Dataset,
) -> Result<Vec<f64>, TrainerError> {
    let artifact = Artifact {
        schema: schema_of(rows.columns()),
        transform: Transform::default(),
        model: table,
        calibration: Calibration::IDENTITY,
        decision: Decision {
            threshold: 0.5,
            uncertain: None,
        },
        reference: Reference::default(),
        card: Card {
            name: String::new(),
            algorithm: String::new(),
            code_version: String::new(),
            seed: 0,
            data_digest: DataDigest([0; 32]),
            parent: None,
            parameters: BTreeMap::new(),
            metrics: Vec::new(),
            split: String::new(),
            n_rows_train: 0,
            n_rows_test: 0,
            memorised_share: 0.0,
            importances: Vec::new(),
            notes: Vec::new(),
        },
    };
    let bytes = artifact.encode()?;
    let model = Model::load(&bytes)?;
    let mut scorer = Scorer::new(&model);
    let margin = |row_idx| Ok(scorer.margin(rows.row(row_idx))?.0);
    (0..rows.n_rows()).map(margin).collect()
}

/// A schema whose features are these columns: a scorer reads rows of a schema.
fn schema_of(columns: &ModelColumns) -> FeatureSchema {
    let class = |name: &str, values: &[&str]| Class {
        name: name.to_owned(),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    };
    let features = columns.0.iter().enumerate().map(|(index, column)| Feature {
        name: format!("c{index}"),
        domain: match column.kind {
            ColumnKind::Numeric => Domain::Range([-1e38, 1e38]),
            ColumnKind::Categorical { n_categories } => {
                Domain::Categories((0..n_categories).map(|code| code.to_string()).collect())
            }
        },
        unit: String::new(),
        missing: MissingPolicy::Accept,
        description: String::new(),
    });
    FeatureSchema {
        name: "columns".to_owned(),
        label: Label {
            name: "label".to_owned(),
            positive: class("positive", &["1"]),
            negative: class("negative", &[]),
        },
        features: features.collect(),
    }
}
