//! Models of other libraries become Picket's, rule by rule, and wrong files are refused with their place.

#![allow(clippy::unwrap_used, reason = "a test fails by unwrapping")]

mod lightgbm;
mod onnx;
mod onnx_bytes;
mod onnx_refusals;
mod subject;
mod xgboost;
