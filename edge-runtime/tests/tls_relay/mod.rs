//! TLS in front of a server, with a certificate by an authority of the test's own.

use std::error::Error;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

type Made<T> = Result<T, Box<dyn Error>>;

/// Passes on what comes over TLS, until the tests end.
pub(crate) struct TlsRelay {
    pub(crate) address: SocketAddr,
    /// The authority's certificate, in PEM.
    pub(crate) authority: PathBuf,
    /// Another authority's certificate.
    pub(crate) stranger: PathBuf,
    folder: tempfile::TempDir,
}

fn authority(name: &str) -> Made<(Issuer<'static, KeyPair>, String)> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let distinguished = &mut params.distinguished_name;
    distinguished.push(rcgen::DnType::CommonName, name);
    let key = KeyPair::generate()?;
    let pem = params.self_signed(&key)?.pem();
    Ok((Issuer::new(params, key), pem))
}

/// Reads one request to its end: closing a connection with something unread would reset it, answer and all.
fn answer_one(stream: std::net::TcpStream, answer: &str) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink())?;
    reader.get_mut().write_all(answer.as_bytes())
}

impl TlsRelay {
    /// In front of a server that answers every request alike: what is tested is who is talked to.
    pub(crate) fn answering(answer: String) -> Made<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = answer_one(stream, &answer);
            }
        });
        Self::start(address)
    }

    /// In front of a server of this machine.
    pub(crate) fn start(to: SocketAddr) -> Made<Self> {
        let folder = tempfile::tempdir()?;
        let (issuer, ours) = authority("an authority")?;
        let (_, other) = authority("another authority")?;
        let files = ["authority.pem", "stranger.pem"].map(|name| folder.path().join(name));
        std::fs::write(&files[0], ours)?;
        std::fs::write(&files[1], other)?;
        let key = KeyPair::generate()?;
        let params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])?;
        let certificate = params.signed_by(&key, &issuer)?;
        let der = PrivateKeyDer::try_from(key.serialize_der())?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], der)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                let address = listener.local_addr().expect("an address");
                sender.send(address).expect("the test waits");
                loop {
                    let (stream, _) = listener.accept().await.expect("a connection");
                    let acceptor = acceptor.clone();
                    tokio::spawn(async move {
                        // Whoever does not trust the authority ends it here.
                        let Ok(mut client) = acceptor.accept(stream).await else {
                            return;
                        };
                        let Ok(mut server) = TcpStream::connect(to).await else {
                            return;
                        };
                        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                    });
                }
            });
        });
        let [authority, stranger] = files;
        Ok(Self {
            address: receiver.recv()?,
            authority,
            stranger,
            folder,
        })
    }

    /// `https://127.0.0.1:PORT`
    pub(crate) fn origin(&self) -> String {
        format!("https://{}", self.address)
    }

    /// A file that holds no certificate.
    pub(crate) fn no_authority(&self) -> Made<PathBuf> {
        let file = self.folder.path().join("none.pem");
        std::fs::write(&file, "none\n")?;
        Ok(file)
    }
}
