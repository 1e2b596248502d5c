//! The scorer: reads an artifact in place and scores rows, with the same bits on every host.
//!
//! Pure: no I/O, clock, randomness or threads. A row walks through it in one direction:
//! bytes → [`Model`] → [`Scorer`] → margin → score → verdict.

#[cfg(feature = "browser")]
mod browser;
mod byte_bounds;
mod calibrated;
#[cfg(feature = "component")]
mod component;
mod condition_masks;
mod explain;
mod fast;
mod gauss_legendre;
mod kernel;
mod kernel_shap;
mod linear;
mod member_scorer;
mod model;
pub mod naive;
mod naive_rows;
mod nearest;
mod neighbours;
mod owned;
mod prepared_trees;
mod row;
mod row_distances;
mod row_transform;
mod scorer;
mod sigmoid;
mod tree_factors;
mod tree_numbers;
mod tree_paths;
mod tree_shap;

/// A third of the code of the standard library's.
#[cfg(all(
    target_family = "wasm",
    any(feature = "browser", feature = "component")
))]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

pub use calibrated::calibrated;
pub use explain::{Explainer, Explanation, ExplanationUnit};
pub use model::{Model, Scored};
pub use owned::OwnedModel;
pub use row::{RowError, Unexplainable};
pub use row_transform::{RowTransform, TransformScratch};
pub use scorer::Scorer;
pub use sigmoid::sigmoid;
