//! The C toolchain: `cc` links every native program, `c++` builds libFuzzer.

use super::apt;
use anyhow::Result;

pub(crate) fn ensure_cc() -> Result<()> {
    apt::ensure_program("cc", &["gcc", "libc6-dev"], "a C compiler")
}

pub(crate) fn ensure_cxx() -> Result<()> {
    apt::ensure_program("c++", &["g++"], "a C++ compiler")
}
