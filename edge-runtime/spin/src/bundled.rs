//! The service over the model and the page that the component carries.

use bytes::Bytes;
use picket_service::{Assets, Limits, NoClock, Scoring, ServedModel, Service};
use picket_wasm_model::Model;

use crate::bundle::{MODEL, PAGE};

/// The model in the component.
pub(crate) fn model() -> Result<(ServedModel, Model<'static>), String> {
    let bytes = MODEL.ok_or(
        "no model is in this component; `cargo xtask build-wasm spin --spin-model FILE` builds one with it",
    )?;
    let model =
        Model::load(bytes).map_err(|error| format!("the model in this component: {error}"))?;
    let served = ServedModel::new(model.artifact(), Bytes::from_static(bytes));
    Ok((served, model))
}

/// A service with the page in the component. A component has no clock that could tell how long it computes.
pub(crate) fn service(model: ServedModel, scoring: Box<dyn Scoring>) -> Service {
    let assets: Assets = PAGE
        .iter()
        .map(|(path, body)| (*path, Bytes::from_static(body)))
        .collect();
    Service::new(model, scoring, assets, Box::new(NoClock), Limits::default())
}
