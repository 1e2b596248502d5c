//! Models of other libraries become Picket's, rule by rule, and wrong files are refused with their place.

mod lightgbm;
mod onnx;
mod onnx_bytes;
mod onnx_refusals;
mod subject;
mod xgboost;
