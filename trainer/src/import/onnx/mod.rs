//! ONNX files that hold one tree ensemble, as skl2onnx and onnxmltools write them.

mod attributes;
mod ensemble;
mod equal_chains;
mod flat_trees;
mod graph;
mod listed_trees;
pub(crate) mod proto;

use prost::Message;

use super::error::{ImportError, shown};
use super::peer::PeerModel;
use super::positive_class::{ClassChoice, PositiveClass};

const FORMAT: &str = "ONNX";

/// Reads a model. `choice` says which class is the positive one, once the file's labels are known.
pub(crate) fn read(
    bytes: &[u8],
    choice: &ClassChoice<'_>,
) -> Result<(PeerModel, PositiveClass), ImportError> {
    let malformed = |reason: &str| ImportError::Malformed {
        format: FORMAT,
        reason: shown(reason),
    };
    let model = proto::ModelProto::decode(bytes).map_err(|error| malformed(&error.to_string()))?;
    let graph = model.graph.ok_or_else(|| malformed("it has no graph"))?;
    let ensemble = graph::find_ensemble(&graph)?;
    let (mut peer, class) = ensemble::read(&ensemble, choice)?;
    let producer = [
        model.producer_name.unwrap_or_default(),
        model.producer_version.unwrap_or_default(),
    ];
    peer.made_by = shown(producer.join(" ").trim());
    if peer.made_by.is_empty() {
        FORMAT.clone_into(&mut peer.made_by);
    }
    Ok((peer, class))
}
