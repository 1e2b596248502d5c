//! What the scorer runs for every tree of every row.
//!
//! These loops have a crate of their own because optimisation is chosen by crate: WebAssembly modules are
//! compiled for size, and only this for speed. So what is called from outside is not generic and not
//! inlined: otherwise the caller's crate would compile it.

mod exit_masks;
mod group_line;
mod pair;
mod row_bits;
mod shap_walk;
mod tail_node;
mod tails;

pub use exit_masks::{ExitMasks, ExitSet, NarrowMasks, TileExits, Waiting, WideMasks, intersect};
pub use group_line::{GroupLine, ThresholdStep};
pub use pair::Pair;
pub use row_bits::{FourConditions, LOOKED_UP, LineSums, RowBits};
pub use shap_walk::{LEFT_BEFORE, MAX_PAIRS, NEW_FEATURE, PathNode, Step, Walk};
pub use tails::{MOST_BITS, RowSum, SIDE_BY_SIDE, Tails, TailsBuilder};
