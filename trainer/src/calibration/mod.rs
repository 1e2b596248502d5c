//! From margins to probabilities.

mod isotonic;
mod method;
mod platt;

pub use isotonic::fit_isotonic;
pub use method::{CalibrationMethod, CalibrationRows, FittedCalibration};
pub use platt::fit_platt;
