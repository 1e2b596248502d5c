//! Authorities that servers' certificates may come from, where they are not the public ones.

use std::path::{Path, PathBuf};

use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::error::StartError;

/// The authorities of a file, in the place of the public ones: a server whose certificate comes from another is not
/// talked to.
#[derive(Clone)]
pub struct TrustedRoots {
    file: PathBuf,
    certificates: Vec<Certificate<'static>>,
}

impl std::fmt::Debug for TrustedRoots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrustedRoots")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

impl TrustedRoots {
    /// Reads the certificates of a PEM file.
    ///
    /// # Errors
    /// [`StartError::Tls`] where it cannot be read, holds no certificate, or one that cannot be used.
    pub fn read(file: &Path) -> Result<Self, StartError> {
        let wrong = |reason: String| StartError::Tls {
            path: file.to_owned(),
            reason,
        };
        let found = CertificateDer::pem_file_iter(file)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| wrong(error.to_string()))?;
        if found.is_empty() {
            return Err(wrong(
                "expected an authority's certificate in PEM, found none".to_owned(),
            ));
        }
        let mut store = RootCertStore::empty();
        for certificate in &found {
            // Said now, and not as an unknown issuer at every try.
            let added = store.add(certificate.clone());
            added.map_err(|error| wrong(error.to_string()))?;
        }
        let certificates = found.iter().map(|it| Certificate::from_der(it).to_owned());
        Ok(Self {
            file: file.to_owned(),
            certificates: certificates.collect(),
        })
    }

    /// The file.
    #[cfg(feature = "mongodb")]
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// What a client needs to know: these authorities, or the public ones.
    pub(crate) fn tls(roots: Option<&Self>) -> TlsConfig {
        let Some(roots) = roots else {
            return TlsConfig::default();
        };
        let certificates = RootCerts::new_with_certs(&roots.certificates);
        TlsConfig::builder().root_certs(certificates).build()
    }
}
