//! The options by which a server is reached: tokens, certificate, limits.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use picket_edge_runtime::{AllowedOrigins, ConnectionLimits, Doors, TlsFiles};

#[derive(clap::Args)]
#[command(next_help_heading = "Doors")]
pub(crate) struct DoorArgs {
    /// The file of the tokens that let clients in, as `edge-runtime token add` makes it; read again when it changes
    #[arg(long, value_name = "FILE")]
    tokens: Option<PathBuf>,
    /// The server's certificate and those between it and its root, in PEM; read again when it changes
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// The certificate's private key, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// How long a client may take to send its headers, in seconds; idle connections are closed after that too
    #[arg(long, value_name = "S", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    header_timeout: u64,
    /// How long a client may take to send its body, in seconds
    #[arg(long, value_name = "S", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    body_timeout: u64,
    /// How long a client may leave an answer unread, in seconds; one that reads slowly has to take 64 KiB in that time
    #[arg(long, value_name = "S", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    write_timeout: u64,
    /// The most bytes of a request's line and headers; at least 8192
    #[arg(long, value_name = "BYTES", default_value_t = 65_536, value_parser = clap::value_parser!(u64).range(8192..=1 << 20))]
    max_header_bytes: u64,
    /// The most connections at a time; further ones wait
    #[arg(long, value_name = "COUNT", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    max_connections: u64,
    /// The most connections of one address, of IPv6 of one network of 64 bits; further ones are closed. Behind a proxy all
    /// come from one [default: no limit]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    max_connections_per_address: Option<u64>,
}

impl DoorArgs {
    pub(crate) fn doors(&self, origins: AllowedOrigins) -> Result<Doors> {
        Ok(match &self.tokens {
            Some(path) => Doors::with_tokens(path.clone(), origins)?,
            None => Doors::open(origins),
        })
    }

    pub(crate) fn tls(&self) -> Option<TlsFiles> {
        let (certificate, key) = self.tls_certificate.clone().zip(self.tls_key.clone())?;
        Some(TlsFiles { certificate, key })
    }

    pub(crate) fn limits(&self) -> ConnectionLimits {
        let unlimited = ConnectionLimits::default().max_per_address;
        let most = self.max_connections_per_address;
        ConnectionLimits {
            header_timeout: Duration::from_secs(self.header_timeout),
            body_timeout: Duration::from_secs(self.body_timeout),
            max_header_bytes: self.max_header_bytes as usize,
            write_timeout: Duration::from_secs(self.write_timeout),
            max_connections: self.max_connections as usize,
            max_per_address: most.map_or(unlimited, |it| it as usize),
            ..ConnectionLimits::default()
        }
    }
}
