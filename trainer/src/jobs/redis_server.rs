//! Where the queue's Redis server is, and how its certificate is checked.

use std::path::Path;

use apalis_redis::ConnectionManager;
use redis::{Client, ErrorKind, RedisError, TlsCertificates};
use tokio_rustls::rustls::crypto::ring;

use crate::error::TrainerError;
use crate::jobs::error::JobError;
use crate::jobs::queue::failed;

/// No honest file of authorities is larger.
const MAX_CA_BYTES: u64 = 4 << 20;
/// What an address looks like.
const EXPECTED: &str =
    "redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], or rediss://… for a server with TLS";

/// A Redis server that is not connected to yet.
#[derive(Clone)]
pub struct RedisServer {
    client: Client,
}

impl std::fmt::Debug for RedisServer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A server's address may hold a password.
        formatter.write_str("RedisServer")
    }
}

impl RedisServer {
    /// The server at `redis://…` or, with TLS, `rediss://…`. Its certificate must be of the system's authorities, or of
    /// those in the PEM file `ca`.
    ///
    /// # Errors
    /// [`JobError::RedisUrl`], [`JobError::RedisCa`], and [`TrainerError::Read`] where the file cannot be read.
    pub fn new(url: &str, ca: Option<&Path>) -> Result<Self, TrainerError> {
        let is_tls = url.starts_with("rediss://");
        // What is wrong with an address is not quoted: it may hold a password.
        let wrong = |found: &str, expected| JobError::RedisUrl {
            found: found.to_owned(),
            expected,
        };
        if url.ends_with("#insecure") {
            let expected =
                "a server whose certificate is checked; --redis-ca takes private authorities";
            return Err(wrong("an address that ends with #insecure", expected).into());
        }
        let client = match ca {
            Some(_) if !is_tls => {
                let found = "--redis-ca with an address without TLS";
                return Err(wrong(found, "rediss://…").into());
            }
            Some(file) => {
                let certificates = TlsCertificates {
                    client_tls: None,
                    root_cert: Some(authorities(file)?),
                };
                Client::build_with_tls(url, certificates)
            }
            None => Client::open(url),
        };
        let client = client.map_err(|error| match (ca, error.kind()) {
            (Some(file), ErrorKind::Io) => JobError::RedisCa {
                file: file.display().to_string(),
                reason: reason(&error),
            },
            _ => wrong("another address", EXPECTED),
        })?;
        Ok(Self { client })
    }

    /// Connects. A connection that breaks later is made again.
    ///
    /// # Errors
    /// [`JobError::Queue`].
    pub(super) async fn connect(&self) -> Result<ConnectionManager, JobError> {
        // The library asks for a provider of the whole process; where there is one it is left as it is.
        let _ = ring::default_provider().install_default();
        let connected = self.client.get_connection_manager().await;
        connected.map_err(|error| {
            let reason = reason(&error);
            let reason = format!("the server at REDIS_URL cannot be reached, or refuses: {reason}");
            failed("connecting to Redis", &reason)
        })
    }
}

/// The certificates in a file.
fn authorities(file: &Path) -> Result<Vec<u8>, TrainerError> {
    let name = || file.display().to_string();
    let wrong = |reason: String| JobError::RedisCa {
        file: name(),
        reason,
    };
    let cannot_read = |source| TrainerError::Read {
        file: name(),
        source,
    };
    let n_bytes = std::fs::metadata(file).map_err(cannot_read)?.len();
    if n_bytes > MAX_CA_BYTES {
        let reason = format!("{n_bytes} bytes; at most {MAX_CA_BYTES} are taken");
        return Err(wrong(reason).into());
    }
    let bytes = std::fs::read(file).map_err(cannot_read)?;
    // The library takes a file without any, and then believes nobody.
    let marker = b"-----BEGIN CERTIFICATE-----";
    if !bytes.windows(marker.len()).any(|window| window == marker) {
        return Err(wrong("there is no certificate in it".to_owned()).into());
    }
    Ok(bytes)
}

/// What went wrong, without anything of the address: the library's own text may quote it.
fn reason(error: &RedisError) -> String {
    use std::error::Error;
    match (error.kind(), error.source()) {
        (ErrorKind::Io, Some(cause)) => cause.to_string(),
        _ => error.category().to_owned(),
    }
}
