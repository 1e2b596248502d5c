//! XGBoost's JSON, as `Booster.save_model("model.json")` of versions 1 to 3 writes it.
//!
//! A row goes left where `x < split_condition`, in f32; a category of a node's list goes right. A leaf's value
//! stands in `split_conditions`. Numbers are read as f32 from their own text: a detour by f64 could round twice.

use serde_json::value::RawValue;

use super::error::{ImportError, shown};
use super::limits::MAX_CATEGORY;
use super::peer::{
    Arithmetic, Comparison, MissingRule, Output, PeerFeature, PeerModel, PeerNode, PeerTest,
    PeerTree,
};
use super::xgboost_document::{Booster, Document, Encoding, Tree, TreeModel};

const FORMAT: &str = "XGBoost's JSON";

/// Reads a model.
pub(crate) fn read(bytes: &[u8]) -> Result<PeerModel, ImportError> {
    let document: Document<'_> =
        serde_json::from_slice(bytes).map_err(|error| ImportError::Malformed {
            format: FORMAT,
            reason: shown(&error.to_string()),
        })?;
    let Document { learner, version } = document;
    let parameters = &learner.parameters;
    for (what, found) in [
        ("num_class", &parameters.num_class),
        ("num_target", &parameters.num_target),
    ] {
        if let Some(found) = found
            && !matches!(found.as_str(), "0" | "1")
        {
            return Err(ImportError::unsupported(
                what,
                found,
                "a model of two classes with one output",
            ));
        }
    }
    let (model, weights) = tree_model(learner.gradient_booster)?;
    let n_features = parameters.num_feature.parse::<usize>().map_err(|_| {
        ImportError::field(
            "learner_model_param",
            "num_feature",
            &parameters.num_feature,
            "a count",
        )
    })?;
    let base_score = base_score(&parameters.base_score)?;
    let (base, output) = link(&learner.objective.name, base_score)?;
    let mut trees = Vec::with_capacity(model.trees.len());
    for (tree_idx, tree) in model.trees.iter().enumerate() {
        let weight = weights
            .as_ref()
            .map_or(1.0, |weights| f64::from(weights[tree_idx]));
        let nodes = nodes_of(tree, tree_idx)?;
        trees.push(PeerTree { nodes, weight });
    }
    let mut notes = Vec::new();
    if let Some(best) = learner.attributes.get("best_iteration") {
        notes.push(format!(
            "The file says best_iteration {}; all {} trees are carried, as Booster.predict does.",
            shown(best),
            trees.len()
        ));
    }
    let version: Vec<String> = version.iter().take(3).map(ToString::to_string).collect();
    Ok(PeerModel {
        made_by: format!("XGBoost {}", version.join(".")),
        algorithm: if weights.is_some() {
            "xgboost dart"
        } else {
            "xgboost gbtree"
        }
        .to_owned(),
        features: features(
            n_features,
            &learner.feature_names,
            model.cats.map(|cats| cats.enc).unwrap_or_default(),
        )?,
        trees,
        base: f64::from(base),
        divisor: 1.0,
        arithmetic: Arithmetic::F32,
        output,
        leaf_class: 1,
        covers: "XGBoost's sum_hessian",
        notes,
    })
}

fn tree_model(booster: Booster<'_>) -> Result<(TreeModel<'_>, Option<Vec<f32>>), ImportError> {
    let place = "gradient_booster";
    match booster.name.as_str() {
        "gbtree" => {
            let model = booster
                .model
                .ok_or_else(|| ImportError::missing(place, "model"))?;
            Ok((model, None))
        }
        "dart" => {
            let model = booster
                .gbtree
                .ok_or_else(|| ImportError::missing(place, "gbtree"))?
                .model;
            let weights = booster
                .weight_drop
                .ok_or_else(|| ImportError::missing(place, "weight_drop"))?;
            if weights.len() != model.trees.len() {
                return Err(ImportError::field(
                    place,
                    "weight_drop",
                    format!("{} numbers", weights.len()),
                    format!("one for each of {} trees", model.trees.len()),
                ));
            }
            let weights = weights
                .iter()
                .map(|text| number(text, place, "weight_drop"))
                .collect::<Result<_, _>>()?;
            Ok((model, Some(weights)))
        }
        other => Err(ImportError::unsupported("booster", other, "gbtree or dart")),
    }
}

/// `5E-1`, or since 3.1 `[5E-1]`.
fn base_score(text: &str) -> Result<f32, ImportError> {
    let inner = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    match inner.trim().parse::<f32>() {
        Ok(score) if score.is_finite() => Ok(score),
        _ => Err(ImportError::field(
            "learner_model_param",
            "base_score",
            text,
            "one finite number",
        )),
    }
}

/// The margin before any tree, and what margins mean.
fn link(objective: &str, base_score: f32) -> Result<(f32, Output), ImportError> {
    match objective {
        // Its base score is a margin already.
        "binary:logitraw" => Ok((base_score, Output::LogOdds { slope: 1.0 })),
        "binary:logistic" | "reg:logistic" => {
            if !(base_score > 0.0 && base_score < 1.0) {
                return Err(ImportError::field(
                    "learner_model_param",
                    "base_score",
                    base_score,
                    "a probability above 0 and below 1",
                ));
            }
            // As XGBoost computes it, in f32.
            let base = -libm::logf(1.0 / base_score - 1.0);
            Ok((base, Output::LogOdds { slope: 1.0 }))
        }
        "reg:squarederror"
        | "reg:linear"
        | "reg:absoluteerror"
        | "reg:pseudohubererror"
        | "reg:quantileerror" => {
            let found = format!("XGBoost's objective {objective}");
            Ok((base_score, Output::Unknown { found }))
        }
        other => Err(ImportError::unsupported(
            "objective",
            other,
            "binary:logistic, reg:logistic, binary:logitraw, or with --output a regression such as reg:squarederror",
        )),
    }
}

fn features(
    n_features: usize,
    names: &[String],
    encodings: Vec<Encoding>,
) -> Result<Vec<PeerFeature>, ImportError> {
    let place = "learner";
    // Features are at least named or split on; a count alone must not make this large.
    let max = picket_schema::limits::MAX_FEATURES;
    if n_features > max {
        let expected = format!("at most {max}");
        return Err(ImportError::field(
            "learner_model_param",
            "num_feature",
            n_features,
            expected,
        ));
    }
    if !names.is_empty() && names.len() != n_features {
        return Err(ImportError::field(
            place,
            "feature_names",
            format!("{} names", names.len()),
            format!("{n_features}, the value of num_feature"),
        ));
    }
    let mut features = vec![PeerFeature::default(); n_features];
    for (feature, name) in features.iter_mut().zip(names) {
        feature.name = Some(name.clone());
    }
    for (feature_idx, (feature, encoding)) in features.iter_mut().zip(encodings).enumerate() {
        feature.categories = category_names(&encoding).map_err(|expected| {
            let found = format!("the encoding of feature {feature_idx}");
            ImportError::field("cats", "enc", found, expected)
        })?;
    }
    Ok(features)
}

fn category_names(encoding: &Encoding) -> Result<Option<Vec<String>>, &'static str> {
    if encoding.values.is_empty() {
        return Ok(None);
    }
    let Some(offsets) = &encoding.offsets else {
        let texts = encoding.values.iter().map(ToString::to_string);
        return Ok(Some(texts.collect()));
    };
    let bytes: Option<Vec<u8>> = encoding
        .values
        .iter()
        // XGBoost's bytes are signed.
        .map(|value| value.as_i64().map(|byte| byte as u8))
        .collect();
    let bytes = bytes.ok_or("bytes")?;
    let names = offsets
        .windows(2)
        .map(|pair| bytes.get(pair[0]..pair[1]))
        .map(|name| name.map(|name| String::from_utf8_lossy(name).into_owned()));
    let names: Option<Vec<String>> = names.collect();
    names.map(Some).ok_or("ascending offsets within its values")
}

fn number(text: &RawValue, place: &str, field: &str) -> Result<f32, ImportError> {
    let text = text.get();
    // 1.x writes infinite numbers in quotes or bare; neither is a sum that can be carried.
    text.parse::<f32>()
        .map_err(|_| ImportError::field(place, field, text, "a number"))
}

fn nodes_of(tree: &Tree<'_>, tree_idx: usize) -> Result<Vec<PeerNode>, ImportError> {
    let place = format!("tree {tree_idx}");
    if let Some(size) = &tree.parameters.size_leaf_vector
        && !matches!(size.as_str(), "0" | "1")
    {
        return Err(ImportError::unsupported(
            format!("{place}: size_leaf_vector"),
            size,
            "one output a leaf",
        ));
    }
    let n_nodes = tree.left_children.len();
    for (field, found) in [
        ("right_children", tree.right_children.len()),
        ("split_indices", tree.split_indices.len()),
        ("split_conditions", tree.split_conditions.len()),
        ("default_left", tree.default_left.len()),
    ] {
        if found != n_nodes {
            return Err(ImportError::field(
                place,
                field,
                format!("{found} entries"),
                format!("{n_nodes}, as left_children has"),
            ));
        }
    }
    let sets = category_sets(tree, tree_idx)?;
    let mut nodes = Vec::with_capacity(n_nodes);
    for (node, set) in sets.into_iter().enumerate() {
        let place = || format!("tree {tree_idx}, node {node}");
        let value = number(tree.split_conditions[node], &place(), "split_conditions")?;
        let (left, right) = (tree.left_children[node], tree.right_children[node]);
        if left == -1 && right == -1 {
            let cover = tree.sum_hessian.get(node).map_or(Ok(1.0), |text| {
                number(text, &place(), "sum_hessian").map(f64::from)
            })?;
            let value = f64::from(value);
            nodes.push(PeerNode::Leaf { value, cover });
            continue;
        }
        let index = |found: i64| {
            let child = usize::try_from(found).ok().filter(|child| *child < n_nodes);
            child.ok_or(ImportError::ChildRange {
                tree: tree_idx,
                node,
                found,
                n_nodes,
            })
        };
        let (left, right) = (index(left)?, index(right)?);
        let feature = usize::try_from(tree.split_indices[node]).map_err(|_| {
            ImportError::field(
                place(),
                "split_indices",
                tree.split_indices[node],
                "a feature's index",
            )
        })?;
        let default_left = tree.default_left[node].is_set();
        nodes.push(match tree.split_type.get(node).copied().unwrap_or(0) {
            0 => PeerNode::Split {
                feature,
                test: PeerTest::Compare {
                    comparison: Comparison::Less,
                    threshold: f64::from(value),
                    missing: MissingRule::NanPasses(default_left),
                },
                yes: left,
                no: right,
            },
            1 => PeerNode::Split {
                feature,
                test: PeerTest::InSet {
                    words: set.ok_or_else(|| {
                        ImportError::missing(place(), "the list in categories_nodes")
                    })?,
                    nan_passes: !default_left,
                },
                yes: right,
                no: left,
            },
            other => {
                return Err(ImportError::field(place(), "split_type", other, "0 or 1"));
            }
        });
    }
    Ok(nodes)
}

/// For each node with a categorical split the bits of the categories that go right.
fn category_sets(tree: &Tree<'_>, tree_idx: usize) -> Result<Vec<Option<Vec<u32>>>, ImportError> {
    let mut sets = vec![None; tree.left_children.len()];
    for (at, found) in tree.categories_nodes.iter().enumerate() {
        let place = format!("tree {tree_idx}, entry {at}");
        let node = usize::try_from(*found).ok().filter(|n| *n < sets.len());
        let node = node.ok_or_else(|| {
            ImportError::field(&place, "categories_nodes", found, "a node of the tree")
        })?;
        let part = |field: &str, list: &[i64]| {
            let found = list
                .get(at)
                .ok_or_else(|| ImportError::missing(&place, field))?;
            usize::try_from(*found)
                .map_err(|_| ImportError::field(&place, field, found, "a position"))
        };
        let start = part("categories_segments", &tree.categories_segments)?;
        let size = part("categories_sizes", &tree.categories_sizes)?;
        let end = start.checked_add(size);
        let codes = end.and_then(|end| tree.categories.get(start..end));
        let codes = codes.ok_or_else(|| {
            ImportError::field(
                &place,
                "categories_segments",
                format!("{start} with {size} entries"),
                format!("a part of the {} categories", tree.categories.len()),
            )
        })?;
        let mut words = Vec::new();
        for found in codes {
            let code = usize::try_from(*found).ok().filter(|c| *c <= MAX_CATEGORY);
            let code = code.ok_or_else(|| {
                let expected = format!("a category from 0 to {MAX_CATEGORY}");
                ImportError::field(&place, "categories", found, expected)
            })?;
            if words.len() <= code / 32 {
                words.resize(code / 32 + 1, 0);
            }
            words[code / 32] |= 1 << (code % 32);
        }
        sets[node] = Some(words);
    }
    Ok(sets)
}
