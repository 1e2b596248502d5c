//! `edge-runtime spin-up`.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use picket_edge_runtime::{SpinConfig, SpinUp, default_cache_dir};

/// How many requests an instance answers.
#[derive(Clone, Copy, Debug)]
struct Reuse(usize);

impl FromStr for Reuse {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self(1)),
            text => match text.parse() {
                Ok(count @ 1..) => Ok(Self(count)),
                _ => Err("expected off or a number from 1".to_owned()),
            },
        }
    }
}

#[derive(clap::Args)]
pub(crate) struct SpinUpArgs {
    /// The application's manifest
    #[arg(long, value_name = "FILE", default_value = "spin.toml")]
    from: PathBuf,
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
    /// Where the key-value stores are kept; this program's alone
    #[arg(long, value_name = "DIR", default_value = ".spin-state")]
    state: PathBuf,
    /// How many requests an instance answers before a new one takes its place; off for a new one each time
    #[arg(long, value_name = "COUNT|off", default_value = "10000")]
    reuse: Reuse,
    /// How many requests an instance answers at the same time; where one of them fails, the others in it fail too
    #[arg(long, value_name = "COUNT", default_value_t = SpinConfig::default().concurrent)]
    concurrent: usize,
    /// How many requests are let in at the same time; further ones wait
    #[arg(long, value_name = "COUNT", default_value_t = SpinConfig::default().max_requests)]
    max_requests: usize,
    /// How long a request may take, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 30_000)]
    timeout: u64,
    /// The most memory of an instance
    #[arg(long, value_name = "BYTES", default_value_t = SpinConfig::default().max_memory)]
    max_memory: usize,
    /// The most bytes in a key-value store
    #[arg(long, value_name = "BYTES", default_value_t = SpinConfig::default().max_state)]
    max_state: u64,
    /// A variable's value; secrets are better in the environment, as `SPIN_VARIABLE_NAME`
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    variable: Vec<(String, String)>,
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl SpinUpArgs {
    pub(crate) fn run(self) -> Result<()> {
        let config = SpinConfig {
            manifest: self.from,
            state_dir: self.state,
            variables: self.variable.into_iter().collect(),
            reuse: self.reuse.0,
            concurrent: self.concurrent,
            max_requests: self.max_requests,
            timeout: Duration::from_millis(self.timeout),
            max_memory: self.max_memory,
            max_state: self.max_state,
            cache_dir: default_cache_dir(),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("cannot start the threads")?;
        runtime.block_on(async {
            let spin = SpinUp::new(&config)?;
            let stop = crate::stop_signal().context("cannot listen for signals")?;
            let listening = |address| {
                // A closed standard output is no reason not to serve.
                let _ = writeln!(std::io::stdout(), "listening on http://{address}");
            };
            spin.serve(self.listen, listening, stop).await?;
            Ok(())
        })
    }
}
