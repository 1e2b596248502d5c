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

/// Says what went wrong, and gives the code that tells programs so.
fn exit_code(error: &anyhow::Error) -> ExitCode {
    let cause = error.downcast_ref::<TrainerError>();
    if cause.is_some_and(TrainerError::is_broken_pipe) {
        return ExitCode::SUCCESS;
    }
    let is_input_error = cause.is_some_and(TrainerError::is_input_error);
    // The error's own causes; the context above says nothing that an input error needs.
    let chain: Vec<String> = error
        .chain()
        .skip(usize::from(is_input_error))
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
    ExitCode::from(cause.map_or(1, TrainerError::exit_code))
}
