//! The HTTP bench's other programs: the load, and the servers that the device host is measured beside.
//! `cargo xtask bench http` starts them.

mod bare_route;
mod front;
mod load;

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};

const USAGE: &str = "\
picket-bench-http axum ADDRESS
picket-bench-http load ADDRESS PATH BODIES CONNECTIONS WARM_UP SECONDS SEED [RATE]";

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let address =
        |word: &str| -> Result<SocketAddr> { word.parse().with_context(|| word.to_owned()) };
    match words.as_slice() {
        ["axum", listen] => bare_route::run(address(listen)?),
        ["load", target, rest @ ..] => load::run(address(target)?, rest),
        _ => bail!("{USAGE}"),
    }
}
