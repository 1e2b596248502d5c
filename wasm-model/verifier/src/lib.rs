//! Verifies a signed release for the page, with the schema crate's own code.
//!
//! A module of its own, so that a page that scores an unsigned model does not load what signatures need. What the page
//! remembers between visits, keys and marks, goes in and comes out as one text, [`Memory`].

#[cfg(feature = "browser")]
mod browser;
mod memory;
mod verdict;

pub use memory::{Memory, MemoryError};
pub use verdict::{Golden, Signed, verify};
