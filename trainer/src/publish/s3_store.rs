//! Releases in a bucket of S3, or of what speaks its protocol.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{
    Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
};
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use tokio::runtime::Runtime;
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

use crate::publish::error::PublishError;
use crate::publish::store::{ReleaseStore, Revision};

const CONNECT_LIMIT: Duration = Duration::from_secs(5);
const ATTEMPT_LIMIT: Duration = Duration::from_mins(2);
const OPERATION_LIMIT: Duration = Duration::from_mins(6);
/// Where nothing says another one; stores that are not Amazon's mostly ignore it.
const DEFAULT_REGION: &str = "us-east-1";
/// The longest message shown, in characters.
const MAX_MESSAGE_CHARS: usize = 400;

/// Settings of a bucket; what is `None` comes from the environment and the files that AWS's own
/// tools read. The `Debug` form shows no secret.
#[derive(Clone, Default)]
pub struct S3Settings {
    /// The address of a store that is not Amazon's.
    pub endpoint: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// Access key and secret key.
    pub credentials: Option<(String, String)>,
    /// The authorities, in PEM, that the store's certificate must come from, in the place of the system's; else the
    /// variable `AWS_CA_BUNDLE`.
    pub ca_bundle: Option<PathBuf>,
}

impl fmt::Debug for S3Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("S3Settings")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .field("has_credentials", &self.credentials.is_some())
            .field("ca_bundle", &self.ca_bundle)
            .finish()
    }
}

/// Releases in a bucket. Each file is one object, written by one conditional request.
#[derive(Debug)]
pub struct S3Store {
    runtime: Runtime,
    client: Client,
    bucket: String,
    /// Empty, or with a slash at the end.
    prefix: String,
}

impl S3Store {
    /// Opens `s3://bucket/prefix`. Nothing is asked of the store yet.
    ///
    /// # Errors
    /// [`PublishError::Destination`] for another address.
    pub fn open(url: &str, settings: &S3Settings) -> Result<Self, PublishError> {
        let wrong = || PublishError::Destination {
            found: url.to_owned(),
            expected: "s3://bucket or s3://bucket/prefix, of letters, digits, dots, hyphens, underscores and slashes",
        };
        let rest = url.strip_prefix("s3://").ok_or_else(wrong)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let prefix = prefix.trim_matches('/');
        let parts_are_plain = prefix.is_empty()
            || prefix
                .split('/')
                .all(|part| !matches!(part, "" | "." | "..") && part.chars().all(is_plain));
        if bucket.len() < 3 || !bucket.chars().all(is_plain) || !parts_are_plain {
            return Err(wrong());
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| PublishError::Store {
                place: url.to_owned(),
                operation: "starting",
                message: error.to_string(),
            })?;
        let client = runtime.block_on(client(settings))?;
        Ok(Self {
            runtime,
            client,
            bucket: bucket.to_owned(),
            prefix: if prefix.is_empty() {
                String::new()
            } else {
                format!("{prefix}/")
            },
        })
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn wrong(
        &self,
        name: &str,
        operation: &'static str,
        error: &dyn std::error::Error,
    ) -> PublishError {
        let message = DisplayErrorContext(error).to_string();
        let line: String = message
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(MAX_MESSAGE_CHARS)
            .collect();
        PublishError::Store {
            place: format!("s3://{}/{}", self.bucket, self.key(name)),
            operation,
            message: line,
        }
    }

    /// Writes an object under a condition; `false` where the condition does not hold.
    fn put(
        &self,
        name: &str,
        bytes: &[u8],
        expected: Option<&Revision>,
    ) -> Result<bool, PublishError> {
        let request = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(self.key(name))
            .content_type(content_type(name))
            .body(ByteStream::from(bytes.to_vec()));
        let request = match expected {
            Some(Revision(etag)) => request.if_match(etag),
            None => request.if_none_match("*"),
        };
        match self.runtime.block_on(request.send()) {
            Ok(_) => Ok(true),
            Err(error) if is_condition_failed(&error) => Ok(false),
            // What is not there has no content to expect.
            Err(error) if expected.is_some() && error.code() == Some("NoSuchKey") => Ok(false),
            Err(error) => Err(self.wrong(name, "writing", &error)),
        }
    }
}

/// What the connection trusts: the authorities of a file, or those of the system.
fn tls_context(settings: &S3Settings) -> Result<TlsContext, PublishError> {
    let bundle = std::env::var_os("AWS_CA_BUNDLE").filter(|it| !it.is_empty());
    let file = settings
        .ca_bundle
        .clone()
        .or_else(|| bundle.map(PathBuf::from));
    let failed = |message: String| PublishError::Store {
        place: file
            .as_ref()
            .map_or("TLS".to_owned(), |it| it.display().to_string()),
        operation: "reading authorities",
        message,
    };
    let mut builder = TlsContext::builder();
    if let Some(file) = &file {
        let pem = std::fs::read(file).map_err(|error| failed(error.to_string()))?;
        // The client panics on what is no certificate.
        let found = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
        let found = found.map_err(|error| failed(error.to_string()))?;
        if found.is_empty() {
            return Err(failed(
                "expected an authority's certificate in PEM, found none".to_owned(),
            ));
        }
        let mut roots = RootCertStore::empty();
        for certificate in found {
            let added = roots.add(certificate);
            added.map_err(|error| failed(error.to_string()))?;
        }
        builder = builder.with_trust_store(TrustStore::empty().with_pem_certificate(pem));
    }
    builder.build().map_err(|error| failed(error.to_string()))
}

async fn client(settings: &S3Settings) -> Result<Client, PublishError> {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(tls_context(settings)?)
        .build_https();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_LIMIT)
        .operation_attempt_timeout(ATTEMPT_LIMIT)
        .operation_timeout(OPERATION_LIMIT)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .timeout_config(timeouts);
    if let Some(endpoint) = &settings.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    if let Some((key, secret)) = &settings.credentials {
        loader = loader.credentials_provider(Credentials::new(key, secret, None, None, "settings"));
    }
    if let Some(region) = &settings.region {
        loader = loader.region(Region::new(region.clone()));
    }
    let shared = loader.load().await;
    let mut config = aws_sdk_s3::config::Builder::from(&shared);
    if shared.region().is_none() {
        config = config.region(Region::new(DEFAULT_REGION));
    }
    let has_endpoint =
        shared.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some();
    if has_endpoint {
        // Stores that are not Amazon's have no host for each bucket, and some refuse the checksums
        // that the SDK adds by itself. Digests are checked by the manifest.
        config = config
            .force_path_style(true)
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    }
    Ok(Client::from_conf(config.build()))
}

/// Whether the object is not as the request's condition has it. A conflict is another writer at the
/// same moment.
fn is_condition_failed<E>(error: &SdkError<E>) -> bool
where
    E: ProvideErrorMetadata,
{
    let status = error
        .raw_response()
        .map(|response| response.status().as_u16());
    matches!(status, Some(409 | 412))
        || matches!(
            error.code(),
            Some("PreconditionFailed" | "ConditionalRequestConflict")
        )
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.') {
        Some((_, "json")) => "application/json",
        Some((_, "md")) => "text/markdown; charset=utf-8",
        _ => "application/octet-stream",
    }
}

impl ReleaseStore for S3Store {
    fn address(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.prefix.trim_end_matches('/'))
    }

    fn read(
        &self,
        name: &str,
        max_bytes: u64,
    ) -> Result<Option<(Vec<u8>, Revision)>, PublishError> {
        let get = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(self.key(name));
        self.runtime.block_on(async {
            let object = match get.send().await {
                Ok(object) => object,
                Err(error)
                    if error
                        .as_service_error()
                        .is_some_and(GetObjectError::is_no_such_key) =>
                {
                    return Ok(None);
                }
                Err(error) => return Err(self.wrong(name, "reading", &error)),
            };
            let too_large = |found: u64| PublishError::Damaged {
                place: format!("s3://{}/{}", self.bucket, self.key(name)),
                found: format!("{found} bytes or more"),
                expected: format!("at most {max_bytes}"),
            };
            let etag = object.e_tag.unwrap_or_default();
            let (mut body, mut bytes) = (object.body, Vec::new());
            while let Some(part) = body.next().await {
                let part = part.map_err(|error| self.wrong(name, "reading", &error))?;
                bytes.extend_from_slice(&part);
                if bytes.len() as u64 > max_bytes {
                    return Err(too_large(bytes.len() as u64));
                }
            }
            Ok(Some((bytes, Revision(etag))))
        })
    }

    fn create(&self, name: &str, bytes: &[u8]) -> Result<bool, PublishError> {
        self.put(name, bytes, None)
    }

    fn replace(&self, name: &str, bytes: &[u8], expected: &Revision) -> Result<bool, PublishError> {
        self.put(name, bytes, Some(expected))
    }

    fn folders(&self, name: &str) -> Result<Vec<String>, PublishError> {
        let prefix = format!("{}/", self.key(name));
        let mut pages = self
            .client
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(&prefix)
            .delimiter("/")
            .into_paginator()
            .send();
        self.runtime.block_on(async {
            let mut names = Vec::new();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|error| self.wrong(name, "listing", &error))?;
                let found = page.common_prefixes().iter().filter_map(|x| x.prefix());
                names.extend(found.filter_map(|found| {
                    let name = found.strip_prefix(&prefix)?.trim_end_matches('/');
                    Some(name.to_owned())
                }));
            }
            Ok(names)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_buckets_and_prefixes() {
        let settings = S3Settings {
            endpoint: Some("http://127.0.0.1:1".to_owned()),
            credentials: Some(("key".to_owned(), "s3cret".to_owned())),
            ..S3Settings::default()
        };
        assert!(!format!("{settings:?}").contains("s3cret"));
        let store = S3Store::open("s3://models/a/b/", &settings).unwrap();
        assert_eq!(store.address(), "s3://models/a/b");
        assert_eq!(
            store.key("releases/1/model.picket"),
            "a/b/releases/1/model.picket"
        );
        for wrong in [
            "s3://",
            "s3://ab",
            "s3://models/../x",
            "s3://models/a//b",
            "s3://m?x/y",
            "http://x",
        ] {
            let opened = S3Store::open(wrong, &settings);
            assert!(
                matches!(opened, Err(PublishError::Destination { .. })),
                "{wrong}"
            );
        }
    }
}
