//! The trainer's command line.

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use picket_trainer::TrainerError;
use picket_trainer::command::Command;

/// Trains threat classifiers and writes them as artifacts that score in WebAssembly.
#[derive(Parser)]
#[command(name = "trainer", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let name = arguments.command.name();
    match arguments
        .command
        .run()
        .with_context(|| format!("trainer {name} failed"))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit_code(&error),
    }
}

/// 2 for what the user can mend, as clap does for wrong options; 3 where all was done and a gate
/// (of validation, drift, acceptance) is closed; 1 for what is our fault.
fn exit_code(error: &anyhow::Error) -> ExitCode {
    let cause = error.downcast_ref::<TrainerError>();
    if cause.is_some_and(TrainerError::is_broken_pipe) {
        return ExitCode::SUCCESS;
    }
    let is_input_error = cause.is_some_and(TrainerError::is_input_error);
    let is_gate = cause.is_some_and(TrainerError::is_gate);
    // The error's own causes; the context above says nothing that an input error needs.
    let chain: Vec<String> = error
        .chain()
        .skip(usize::from(is_input_error || is_gate))
        .map(ToString::to_string)
        .collect();
    let mut shown: Vec<&str> = Vec::new();
    for text in &chain {
        // Some errors already end in their cause.
        if !shown
            .last()
            .is_some_and(|last| last.contains(text.as_str()))
        {
            shown.push(text);
        }
    }
    eprintln!("error: {}", shown.join(": "));
    ExitCode::from(match (is_gate, is_input_error) {
        (true, _) => 3,
        (false, true) => 2,
        (false, false) => 1,
    })
}
