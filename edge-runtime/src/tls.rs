//! The server's certificate and key, read again when the files change.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::StartError;
use crate::file_stamp::FileStamp;

/// The files of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate and those between it and its root, in PEM.
    pub certificate: PathBuf,
    /// The certificate's private key, in PEM.
    pub key: PathBuf,
}

/// Takes TLS connections with the certificate of the moment.
pub(crate) struct Tls {
    files: TlsFiles,
    held: RwLock<Held>,
}

struct Held {
    acceptor: TlsAcceptor,
    stamps: [FileStamp; 2],
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

impl Tls {
    pub(crate) fn open(files: TlsFiles) -> Result<Self, StartError> {
        let held = RwLock::new(Held::read(&files)?);
        Ok(Self { files, held })
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.acceptor.clone()
    }

    /// Reads the files again where they have changed, or in any case; says whether it did. Where they cannot be used
    /// the old ones go on.
    pub(crate) fn reload(&self, in_any_case: bool) -> Result<bool, StartError> {
        let stamps = Held::stamps(&self.files);
        let same = self
            .held
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .stamps
            == stamps;
        if same && !in_any_case {
            return Ok(false);
        }
        let read = Held::read(&self.files);
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        // Also where they cannot be used: one change is told once.
        held.stamps = stamps;
        *held = read?;
        Ok(true)
    }
}

impl Held {
    fn stamps(files: &TlsFiles) -> [FileStamp; 2] {
        [FileStamp::of(&files.certificate), FileStamp::of(&files.key)]
    }

    fn read(files: &TlsFiles) -> Result<Self, StartError> {
        let stamps = Self::stamps(files);
        let config = server_config(files)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Ok(Self { acceptor, stamps })
    }
}

fn server_config(files: &TlsFiles) -> Result<ServerConfig, StartError> {
    let wrong = |path: &Path, reason: String| StartError::Tls {
        path: path.to_owned(),
        reason,
    };
    let certificates = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| wrong(&files.certificate, error.to_string()))?;
    if certificates.is_empty() {
        let reason = "expected a certificate in PEM, found none".to_owned();
        return Err(wrong(&files.certificate, reason));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| wrong(&files.key, error.to_string()))?;
    let provider = Arc::new(ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&files.certificate, error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(|error| {
            let reason = format!("does not go with {}: {error}", files.key.display());
            wrong(&files.certificate, reason)
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
