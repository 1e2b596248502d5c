//! LightGBM's text format, as `Booster.save_model("model.txt")` of versions 3 and 4 writes it.
//!
//! A row goes left where `x <= threshold`, in f64, or where the bit of its category is set. Bits of a node's
//! `decision_type`: 1 categorical, 2 default left, 4 missing type Zero, 8 missing type NaN. Without a missing type
//! NaN is read as 0. What is at most 1e-35 in magnitude is 0. In a categorical split NaN, negative and unseen codes go right. Leaves hold their shrinkage.

use super::error::ImportError;
use super::lightgbm_text::{Section, Sections};
use super::limits::MAX_CATEGORY;
use super::peer::{
    Arithmetic, Comparison, MissingRule, Output, PeerFeature, PeerModel, PeerNode, PeerTest,
    PeerTree,
};

const FORMAT: &str = "LightGBM's text format";
const CATEGORICAL: u8 = 1;
const DEFAULT_LEFT: u8 = 2;

/// Reads a model.
pub(crate) fn read(bytes: &[u8]) -> Result<PeerModel, ImportError> {
    let malformed = |reason: &str| ImportError::Malformed {
        format: FORMAT,
        reason: reason.to_owned(),
    };
    let text = std::str::from_utf8(bytes).map_err(|_| malformed("it is not UTF-8"))?;
    let Sections {
        header,
        trees: sections,
        pandas_categorical,
    } = Sections::split(text)
        .ok_or_else(|| malformed("expected a first line `tree` and a later line `end of trees`"))?;
    let version = header.get("version")?;
    if !matches!(version, "v3" | "v4") {
        return Err(ImportError::unsupported("version", version, "v3 or v4"));
    }
    for key in ["num_class", "num_tree_per_iteration"] {
        let found = header.get(key)?;
        if found != "1" {
            let expected = "1: a model of two classes";
            return Err(ImportError::unsupported(key, found, expected));
        }
    }
    let output = output_of(&header)?;
    let features = features(&header, pandas_categorical)?;
    let is_average = header.has("average_output");
    let mut trees = Vec::with_capacity(sections.len());
    for (tree_idx, section) in sections.iter().enumerate() {
        let nodes = nodes_of(section, tree_idx)?;
        trees.push(PeerTree { nodes, weight: 1.0 });
    }
    Ok(PeerModel {
        made_by: format!("LightGBM, format {version}"),
        algorithm: if is_average {
            "lightgbm random forest"
        } else {
            "lightgbm"
        }
        .to_owned(),
        features,
        divisor: if is_average {
            trees.len().max(1) as f64
        } else {
            1.0
        },
        trees,
        base: 0.0,
        arithmetic: Arithmetic::F64,
        output,
        leaf_class: 1,
        covers: "LightGBM's leaf_count",
        notes: Vec::new(),
    })
}

fn output_of(header: &Section<'_>) -> Result<Output, ImportError> {
    if !header.has("objective") {
        let found = "a LightGBM model without an objective".to_owned();
        return Ok(Output::Unknown { found });
    }
    let objective = header.get("objective")?;
    let mut words = objective.split_ascii_whitespace();
    let name = words.next().unwrap_or_default();
    match name {
        "binary" => {
            let slope = words
                .find_map(|word| word.strip_prefix("sigmoid:"))
                .map_or(Ok(1.0), str::parse::<f64>);
            match slope {
                Ok(slope) if slope.is_finite() && slope > 0.0 => Ok(Output::LogOdds { slope }),
                _ => Err(ImportError::field(
                    &header.place,
                    "objective",
                    objective,
                    "binary with a positive sigmoid",
                )),
            }
        }
        "cross_entropy" | "xentropy" => Ok(Output::LogOdds { slope: 1.0 }),
        "regression" | "regression_l1" | "huber" | "fair" | "quantile" | "custom" => {
            // With `sqrt` the sum is not the prediction.
            if words.any(|word| word == "sqrt") {
                let expected = "an objective without sqrt";
                return Err(ImportError::unsupported("objective", objective, expected));
            }
            let found = format!("LightGBM's objective {name}");
            Ok(Output::Unknown { found })
        }
        _ => Err(ImportError::unsupported(
            "objective",
            objective,
            "binary, cross_entropy, or with --output a regression",
        )),
    }
}

fn features(
    header: &Section<'_>,
    pandas_categorical: Option<&str>,
) -> Result<Vec<PeerFeature>, ImportError> {
    let names: Vec<&str> = header
        .get("feature_names")?
        .split_ascii_whitespace()
        .collect();
    let max_idx: usize = header.number("max_feature_idx")?;
    if max_idx.checked_add(1) != Some(names.len()) {
        let (found, expected) = (format!("{} names", names.len()), "max_feature_idx + 1");
        return Err(ImportError::field(
            &header.place,
            "feature_names",
            found,
            expected,
        ));
    }
    // Columns without names are Column_0, Column_1 and so on.
    let are_named = names
        .iter()
        .enumerate()
        .any(|(idx, name)| *name != format!("Column_{idx}"));
    let name_of = |name: &&str| are_named.then(|| (*name).to_owned());
    let mut features: Vec<PeerFeature> = names
        .iter()
        .map(|name| PeerFeature {
            name: name_of(name),
            categories: None,
        })
        .collect();
    let lists: Option<Vec<Vec<serde_json::Value>>> = match pandas_categorical {
        None => None,
        Some(text) => serde_json::from_str(text).map_err(|_| {
            let expected = "a list of lists in JSON";
            ImportError::field("end of file", "pandas_categorical", text, expected)
        })?,
    };
    let Some(lists) = lists.filter(|lists| !lists.is_empty()) else {
        return Ok(features);
    };
    let columns = categorical_columns(header, names.len())?;
    if columns.len() != lists.len() {
        return Err(ImportError::field(
            "end of file",
            "pandas_categorical",
            format!("{} lists", lists.len()),
            format!(
                "one for each of the {} features that feature_infos shows as categorical",
                columns.len()
            ),
        ));
    }
    for (column, list) in columns.into_iter().zip(lists) {
        let text = |value: serde_json::Value| match value {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        features[column].categories = Some(list.into_iter().map(text).collect());
    }
    Ok(features)
}

/// The categorical columns: the lists of pandas stand in their order but without their indexes. In
/// `feature_infos` a range has brackets, categories have colons, and a constant column is `none`.
fn categorical_columns(header: &Section<'_>, n_features: usize) -> Result<Vec<usize>, ImportError> {
    let infos: Vec<&str> = header
        .get("feature_infos")?
        .split_ascii_whitespace()
        .collect();
    if infos.len() != n_features {
        let (found, expected) = (format!("{} entries", infos.len()), n_features.to_string());
        return Err(ImportError::field(
            &header.place,
            "feature_infos",
            found,
            expected,
        ));
    }
    let is_categorical = |info: &str| info != "none" && !info.starts_with('[');
    let columns = infos.iter().enumerate();
    Ok(columns
        .filter(|(_, info)| is_categorical(info))
        .map(|(column, _)| column)
        .collect())
}

fn nodes_of(section: &Section<'_>, tree: usize) -> Result<Vec<PeerNode>, ImportError> {
    if section.has("is_linear") && section.get("is_linear")? != "0" {
        let what = format!("{}: is_linear", section.place);
        return Err(ImportError::unsupported(what, 1, "leaves with one value"));
    }
    let n_leaves: usize = section.number("num_leaves")?;
    let values: Vec<f64> = section.numbers("leaf_value", n_leaves)?;
    let Some(n_splits) = n_leaves.checked_sub(1) else {
        return Err(ImportError::EmptyTree { tree });
    };
    let covers: Vec<f64> = if section.has("leaf_count") && !section.get("leaf_count")?.is_empty() {
        section.numbers("leaf_count", n_leaves)?
    } else {
        vec![1.0; n_leaves]
    };
    let leaves = values.iter().zip(covers);
    let leaves = leaves.map(|(value, cover)| PeerNode::Leaf {
        value: *value,
        cover,
    });
    if n_splits == 0 {
        return Ok(leaves.collect());
    }
    let features: Vec<usize> = section.numbers("split_feature", n_splits)?;
    let thresholds: Vec<f64> = section.numbers("threshold", n_splits)?;
    let decisions: Vec<u8> = section.numbers("decision_type", n_splits)?;
    let lefts: Vec<i64> = section.numbers("left_child", n_splits)?;
    let rights: Vec<i64> = section.numbers("right_child", n_splits)?;
    let n_sets: usize = section.number("num_cat")?;
    let sets = if n_sets == 0 {
        Vec::new()
    } else {
        category_sets(section, n_sets)?
    };
    // Inner nodes stand first, then the leaves; a child below 0 is the complement of a leaf's position.
    let position = |node: usize, found: i64| {
        let is_leaf = found < 0;
        let at = usize::try_from(if is_leaf { !found } else { found }).ok();
        let at = at.filter(|at| *at < if is_leaf { n_leaves } else { n_splits });
        at.map(|at| if is_leaf { n_splits + at } else { at })
            .ok_or(ImportError::ChildRange {
                tree,
                node,
                found,
                n_nodes: n_splits,
            })
    };
    let mut nodes = Vec::with_capacity(n_splits + n_leaves);
    for node in 0..n_splits {
        let decision = decisions[node];
        let place = || format!("tree {tree}, node {node}");
        let test = if decision & CATEGORICAL == 0 {
            let default_left = decision & DEFAULT_LEFT != 0;
            let missing = match decision >> 2 {
                0 => MissingRule::NanIsZero,
                1 => MissingRule::ZeroPasses(default_left),
                2 => MissingRule::NanPassesNearZero(default_left),
                _ => {
                    let expected = "a number from 0 to 11";
                    return Err(ImportError::field(
                        place(),
                        "decision_type",
                        decision,
                        expected,
                    ));
                }
            };
            PeerTest::Compare {
                comparison: Comparison::LessEqual,
                threshold: thresholds[node],
                missing,
            }
        } else {
            let set_idx = thresholds[node] as usize;
            let words = sets.get(set_idx).ok_or_else(|| {
                let expected = format!("a category set, less than {n_sets}");
                ImportError::field(place(), "threshold", thresholds[node], expected)
            })?;
            PeerTest::InSet {
                words: words.clone(),
                nan_passes: false,
            }
        };
        nodes.push(PeerNode::Split {
            feature: features[node],
            test,
            yes: position(node, lefts[node])?,
            no: position(node, rights[node])?,
        });
    }
    nodes.extend(leaves);
    Ok(nodes)
}

fn category_sets(section: &Section<'_>, n_sets: usize) -> Result<Vec<Vec<u32>>, ImportError> {
    let boundaries: Vec<usize> = section.any_numbers("cat_boundaries")?;
    if n_sets.checked_add(1) != Some(boundaries.len()) {
        let (found, expected) = (format!("{} numbers", boundaries.len()), "num_cat + 1");
        return Err(ImportError::field(
            &section.place,
            "cat_boundaries",
            found,
            expected,
        ));
    }
    let words: Vec<u32> = section.any_numbers("cat_threshold")?;
    let set_of = |pair: &[usize]| {
        let set = words.get(pair[0]..pair[1]);
        let set = set.filter(|set| set.len() <= MAX_CATEGORY / 32 + 1);
        set.map(<[u32]>::to_vec).ok_or_else(|| {
            let found = format!("{} to {}", pair[0], pair[1]);
            let expected = format!("a part of the {} words of cat_threshold", words.len());
            ImportError::field(&section.place, "cat_boundaries", found, expected)
        })
    };
    boundaries.windows(2).map(set_of).collect()
}
