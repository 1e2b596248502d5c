//! The service over the model and the page that the component carries.

use bytes::Bytes;
use picket_schema::ArtifactDigest;
use picket_service::{Assets, Limits, NoClock, Scoring, ServedModel, Service};
use picket_wasm_model::Model;

use crate::bundle::{MODEL, MODEL_SHA256, PAGE};

/// The model in the component.
pub(crate) fn model() -> Result<(ServedModel, Model<'static>), String> {
    let bytes = MODEL.ok_or(
        "no model is in this component; `cargo xtask build-wasm spin --spin-model FILE` builds one with it",
    )?;
    let model =
        Model::load(bytes).map_err(|error| format!("the model in this component: {error}"))?;
    let bytes = Bytes::from_static(bytes);
    let served = ServedModel::with_digest(model.artifact(), bytes, digest());
    Ok((served, model))
}

/// The digest of the model in the component, taken when the component was built: an instance lives for some requests
/// only, and would take it for each life.
pub(crate) fn digest() -> ArtifactDigest {
    ArtifactDigest(MODEL_SHA256)
}

/// A service with the page in the component. A component has no clock that could tell how long it computes.
pub(crate) fn service(model: ServedModel, scoring: Box<dyn Scoring>) -> Service {
    let assets: Assets = PAGE
        .iter()
        .map(|(path, body)| (*path, Bytes::from_static(body)))
        .collect();
    Service::new(model, scoring, assets, Box::new(NoClock), Limits::default())
}
