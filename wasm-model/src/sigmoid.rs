//! The logistic function with the same bits on every host.

/// `1 / (1 + exp(-x))`, with `exp` from the `libm` crate: std's differs between native and wasm.
///
/// ```
/// assert_eq!(picket_wasm_model::sigmoid(0.0), 0.5);
/// ```
#[must_use]
pub fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-x))
}
