//! The transform: from a row of the schema to the columns that the model reads.

use picket_schema::artifact::{ModelColumns, NeighbourImputer, RowDecoder, Step, Transform};

use crate::nearest::{self, Nearest};

/// What a transform needs beside its tables; made once a model.
#[derive(Debug)]
pub struct RowTransform {
    /// For each step the columns before it.
    before: Vec<ModelColumns>,
    /// For each step the decoder of its rows, where it has some.
    decoders: Vec<Option<RowDecoder>>,
    columns: ModelColumns,
}

/// Scratch space for transforming rows.
#[derive(Debug, Default)]
pub struct TransformScratch {
    row: Vec<f32>,
    next: Vec<f32>,
    imputing: Imputing,
}

/// Scratch space of the neighbours imputer.
#[derive(Debug, Default)]
struct Imputing {
    /// The values of a training row.
    values: Vec<f32>,
    /// The present columns of the row: positions in a training row, and values.
    present: Vec<(usize, f64)>,
    /// For each column to be filled its position, and the nearest rows so far.
    missing: Vec<(usize, Nearest)>,
}

impl RowTransform {
    /// Prepares a transform as it stands in a valid artifact. `columns` are those before the first step.
    #[must_use]
    pub fn new(transform: &Transform<'_>, mut columns: ModelColumns) -> Self {
        let (mut before, mut decoders) = (Vec::new(), Vec::new());
        for step in &transform.0 {
            let after = step.columns(&columns);
            before.push(core::mem::replace(&mut columns, after));
            decoders.push(match step {
                Step::Neighbours(imputer) => Some(imputer.rows.decoder()),
                Step::Fill(_) | Step::Columns(_) => None,
            });
        }
        Self {
            before,
            decoders,
            columns,
        }
    }

    /// The columns after all steps.
    #[must_use]
    pub fn columns(&self) -> &ModelColumns {
        &self.columns
    }

    /// Whether rows stay as they are.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.before.is_empty()
    }

    /// Transforms a row, shape `(n_features,)`, and appends the result to `out`,
    /// `n_columns` values. `transform` is the one that this was made for.
    ///
    /// # Panics
    /// For a row of the wrong length.
    pub fn append(
        &self,
        transform: &Transform<'_>,
        row: &[f32],
        scratch: &mut TransformScratch,
        out: &mut Vec<f32>,
    ) {
        let TransformScratch {
            row: now,
            next,
            imputing,
        } = scratch;
        now.clear();
        now.extend_from_slice(row);
        for ((step, before), decoder) in transform.0.iter().zip(&self.before).zip(&self.decoders) {
            match step {
                Step::Fill(_) => {
                    for (index, (x, column)) in now.iter_mut().zip(&before.0).enumerate() {
                        if column.kind.is_missing(*x) {
                            *x = step.fill_value(index).unwrap_or(*x);
                        }
                    }
                }
                Step::Neighbours(imputer) => {
                    if let Some(decoder) = decoder {
                        imputing.fill(imputer, decoder, now);
                    }
                }
                Step::Columns(columns) => {
                    next.clear();
                    next.extend(columns.iter().map(|column| {
                        let source = column.source();
                        column.value(now[source], before.0[source].kind)
                    }));
                    core::mem::swap(now, next);
                }
            }
        }
        out.extend_from_slice(now);
    }
}

impl Imputing {
    fn fill(&mut self, imputer: &NeighbourImputer<'_>, decoder: &RowDecoder, row: &mut [f32]) {
        self.present.clear();
        let mut n_missing = 0;
        for (position, column) in imputer.iter_columns().enumerate() {
            let x = row[column];
            if !x.is_nan() {
                self.present.push((position, nearest::coordinate(x)));
                continue;
            }
            if n_missing == self.missing.len() {
                self.missing.push((0, Nearest::default()));
            }
            let (missing, rows) = &mut self.missing[n_missing];
            *missing = position;
            rows.clear();
            n_missing += 1;
        }
        let missing = &mut self.missing[..n_missing];
        if missing.is_empty() {
            return;
        }
        let (n_columns, n_neighbours) = (decoder.n_columns(), imputer.n_neighbours as usize);
        self.values.resize(n_columns, 0.0);
        decoder.for_each_row(&imputer.rows, &mut self.values, |row_idx, values| {
            let (mut sum, mut n_both) = (0.0, 0_u32);
            for (position, x) in &self.present {
                let y = values[*position];
                if !y.is_nan() {
                    let difference = x - f64::from(y);
                    sum += difference * difference;
                    n_both += 1;
                }
            }
            // Without a common column there is no distance.
            let square = (n_both > 0).then(|| sum / f64::from(n_both) * n_columns as f64);
            for (position, nearest) in &mut *missing {
                let y = values[*position];
                if y.is_nan() {
                    continue;
                }
                let count = imputer.counts.get(row_idx).unwrap_or(1);
                nearest.push(n_neighbours, square, y, count);
            }
        });
        let mut missing = missing.iter().peekable();
        for (position, column) in imputer.iter_columns().enumerate() {
            if let Some((_, nearest)) = missing.next_if(|(missing, _)| *missing == position) {
                let value = nearest.value(n_neighbours, imputer.weights);
                row[column] = value.map_or(f32::NAN, |value| value as f32);
            }
        }
    }
}
