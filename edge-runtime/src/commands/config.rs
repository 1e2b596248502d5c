//! `edge-runtime config`: the settings of a command and where each comes from.

use std::ffi::OsString;
use std::io::Write as _;

use anyhow::Result;

use super::settings::Settings;

#[derive(clap::Args)]
pub(crate) struct Config {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Prints every setting of a command, its value and where it comes from: flag, environment, file or default;
    /// secrets are masked
    Explain(Explain),
}

#[derive(clap::Args)]
struct Explain {
    /// The command and its flags, as it would be called: `serve --listen 0.0.0.0:3000`
    #[arg(
        value_name = "COMMAND",
        trailing_var_arg = true,
        allow_hyphen_values = true,
        default_value = "serve"
    )]
    call: Vec<OsString>,
}

impl Config {
    pub(crate) fn run(self) -> Result<()> {
        let Command::Explain(Explain { call }) = self.command;
        let program = OsString::from("edge-runtime");
        let settings = Settings::of(std::iter::once(program).chain(call).collect())?;
        let text = settings.explain()?;
        std::io::stdout().write_all(text.as_bytes())?;
        Ok(())
    }
}
