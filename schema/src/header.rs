//! Finding a schema's columns in a file's header.

use crate::feature_schema::FeatureSchema;
use crate::quoted::Quoted;

/// Where each feature and the label stand in a file: `column_idx` by `feature_idx`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnMap {
    /// For each feature its column.
    pub features: Vec<usize>,
    /// The label's column, where the file has one.
    pub label: Option<usize>,
    /// The columns that the schema does not know, in file order.
    pub extra: Vec<usize>,
}

/// Why a header does not fit a schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// Columns are missing.
    #[error("the header lacks {}", list_missing(.columns))]
    MissingColumns {
        /// Each missing column, with the header's most similar unknown name.
        columns: Vec<(String, Option<String>)>,
    },
    /// A column stands twice.
    #[error("the header has column {} twice; expected it once", Quoted(column))]
    DuplicateColumn {
        /// The column.
        column: String,
    },
}

fn list_missing(columns: &[(String, Option<String>)]) -> String {
    let words: Vec<String> = columns
        .iter()
        .map(|(name, similar)| match similar {
            Some(similar) => {
                let (name, similar) = (Quoted(name), Quoted(similar));
                format!("column {name} (did you mean {similar}?)")
            }
            None => format!("column {}", Quoted(name)),
        })
        .collect();
    words.join(", ")
}

impl ColumnMap {
    /// Finds every feature, and the label if it is there, by name. The order of the columns and
    /// columns that the schema does not know make no difference. A byte-order mark is ignored.
    ///
    /// # Errors
    /// [`HeaderError::MissingColumns`] names all that are missing,
    /// [`HeaderError::DuplicateColumn`] the first that stands twice.
    pub fn from_header<S: AsRef<str>>(
        schema: &FeatureSchema,
        header: &[S],
    ) -> Result<Self, HeaderError> {
        let names: Vec<&str> = header
            .iter()
            .map(|name| name.as_ref().trim_start_matches('\u{feff}').trim())
            .collect();
        let find = |wanted: &str| -> Result<Option<usize>, HeaderError> {
            let mut places = names
                .iter()
                .enumerate()
                .filter(|(_, name)| **name == wanted);
            let first = places.next().map(|(column_idx, _)| column_idx);
            match places.next() {
                Some(_) => Err(HeaderError::DuplicateColumn {
                    column: wanted.to_owned(),
                }),
                None => Ok(first),
            }
        };
        let label = find(&schema.label.name)?;
        let mut features = Vec::with_capacity(schema.n_features());
        let mut missing = Vec::new();
        for feature in &schema.features {
            match find(&feature.name)? {
                Some(column_idx) => features.push(column_idx),
                None => missing.push(feature.name.clone()),
            }
        }
        let extra: Vec<usize> = (0..names.len())
            .filter(|column_idx| !features.contains(column_idx) && label != Some(*column_idx))
            .collect();
        if missing.is_empty() {
            return Ok(Self {
                features,
                label,
                extra,
            });
        }
        let columns = missing
            .into_iter()
            .map(|name| {
                let similar = extra
                    .iter()
                    .map(|column_idx| {
                        (edit_distance(&name, names[*column_idx]), names[*column_idx])
                    })
                    .min()
                    .filter(|(distance, _)| *distance <= name.chars().count() / 3)
                    .map(|(_, similar)| similar.to_owned());
                (name, similar)
            })
            .collect();
        Err(HeaderError::MissingColumns { columns })
    }
}

impl FeatureSchema {
    /// The feature whose name is most like `name`, where one is alike enough to suggest it.
    #[must_use]
    pub fn similar_feature(&self, name: &str) -> Option<&str> {
        // A hostile name may be long, and the distance takes time by its length.
        if name.len() > crate::limits::MAX_NAME_BYTES {
            return None;
        }
        self.features
            .iter()
            .map(|feature| (edit_distance(&feature.name, name), feature.name.as_str()))
            .min()
            .filter(|(distance, similar)| *distance <= similar.chars().count() / 3)
            .map(|(_, similar)| similar)
    }
}

/// Levenshtein distance without regard to ASCII case, in characters.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(!from.eq_ignore_ascii_case(to));
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
