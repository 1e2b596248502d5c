//! The core module's exports: numbers only. A host reserves room, writes into the memory, prepares,
//! and runs passes.

// An exported name is an unsafe attribute; nothing else in here is unsafe.
#![allow(unsafe_code, reason = "exported names")]

use std::cell::RefCell;

use crate::{Mode, Runner};

#[derive(Default)]
struct Guest {
    artifact: Vec<u8>,
    rows: Vec<f32>,
    runner: Option<Runner>,
}

thread_local! {
    static GUEST: RefCell<Guest> = RefCell::default();
}

/// Where to write the artifact's bytes.
#[unsafe(no_mangle)]
extern "C" fn reserve_artifact(n_bytes: usize) -> *const u8 {
    GUEST.with_borrow_mut(|guest| {
        guest.artifact = vec![0; n_bytes];
        guest.artifact.as_ptr()
    })
}

/// Where to write the rows' values.
#[unsafe(no_mangle)]
extern "C" fn reserve_rows(n_values: usize) -> *const f32 {
    GUEST.with_borrow_mut(|guest| {
        guest.rows = vec![0.0; n_values];
        guest.rows.as_ptr()
    })
}

/// Loads the model; 1 where it took artifact and rows.
#[unsafe(no_mangle)]
extern "C" fn prepare() -> u32 {
    GUEST.with_borrow_mut(|guest| {
        let (artifact, rows) = (
            std::mem::take(&mut guest.artifact),
            std::mem::take(&mut guest.rows),
        );
        guest.runner = Runner::new(artifact, rows).ok();
        u32::from(guest.runner.is_some())
    })
}

/// One pass; gives the number of items.
#[unsafe(no_mangle)]
extern "C" fn run(mode: u32) -> usize {
    with_runner(mode, Runner::run)
}

/// How many numbers the last pass gave.
#[unsafe(no_mangle)]
extern "C" fn output_len(mode: u32) -> usize {
    with_runner(mode, |runner, mode| runner.output(mode).len())
}

/// Where they stand.
#[unsafe(no_mangle)]
extern "C" fn output(mode: u32) -> *const f64 {
    with_runner(mode, |runner, mode| runner.output(mode).as_ptr())
}

fn with_runner<T>(mode: u32, work: impl FnOnce(&mut Runner, Mode) -> T) -> T {
    GUEST.with_borrow_mut(|guest| {
        let runner = guest.runner.as_mut().expect("prepared");
        work(runner, Mode::from_code(mode).expect("a mode's code"))
    })
}
