//! Releases in a bucket: plain reads, signed by AWS Signature Version 4.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>. Reading needs no
//! more of S3 than this, and any store that speaks it will do. No checksum is asked for: the manifest has
//! digests of its own.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit as _, Mac as _};
use picket_schema::sha256;
use sha2::Sha256;

use super::http_source::{HttpSource, HttpTimeouts};
use super::source::{Fetched, ReleaseSource, SourceError, SourcePath};
use crate::trusted_roots::TrustedRoots;

/// The SHA-256 of an empty body.
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Who reads, and where. Never shown.
#[derive(Clone)]
pub struct S3Credentials {
    /// The key's name.
    pub access_key: String,
    /// The key.
    pub secret_key: String,
    /// Stands with short-lived keys.
    pub session_token: Option<String>,
    /// The region, such as `eu-central-1`.
    pub region: String,
    /// The store's address, where it is not AWS: `https://HOST`.
    pub endpoint: Option<String>,
}

impl std::fmt::Debug for S3Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("S3Credentials")
            .field("region", &self.region)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

impl S3Credentials {
    /// Takes `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION` and
    /// `AWS_ENDPOINT_URL` as every S3 client does.
    ///
    /// # Errors
    /// [`SourceError::Unknown`] where a key is missing.
    pub fn from_environment() -> Result<Self, SourceError> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let required = |name: &str| {
            variable(name).ok_or_else(|| SourceError::Unknown {
                found: format!("s3 without {name}"),
                expected: "expected AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment",
            })
        };
        Ok(Self {
            access_key: required("AWS_ACCESS_KEY_ID")?,
            secret_key: required("AWS_SECRET_ACCESS_KEY")?,
            session_token: variable("AWS_SESSION_TOKEN"),
            region: variable("AWS_REGION")
                .or_else(|| variable("AWS_DEFAULT_REGION"))
                .unwrap_or_else(|| "us-east-1".to_owned()),
            endpoint: variable("AWS_ENDPOINT_URL_S3").or_else(|| variable("AWS_ENDPOINT_URL")),
        })
    }
}

/// A bucket with releases under a prefix.
#[derive(Clone, Debug)]
pub struct S3Source {
    http: HttpSource,
    credentials: S3Credentials,
    host: String,
    /// The path of the bucket and the prefix, without a slash at its end.
    root: String,
}

impl S3Source {
    /// Takes releases from `s3://bucket/prefix`.
    ///
    /// # Errors
    /// [`SourceError::Unknown`] for names that no bucket or prefix has, and as [`HttpSource::new`].
    pub fn new(
        address: &str,
        credentials: S3Credentials,
        allow_http: bool,
        timeouts: HttpTimeouts,
    ) -> Result<Self, SourceError> {
        let name = address.strip_prefix("s3://").unwrap_or_default();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/".contains(&byte);
        let name = name.trim_end_matches('/');
        if name.is_empty() || name.starts_with('/') || !name.bytes().all(plain) {
            return Err(SourceError::Unknown {
                found: address.chars().take(200).collect(),
                expected: "expected s3://BUCKET/PREFIX of letters, digits and -._/",
            });
        }
        let endpoint = match &credentials.endpoint {
            Some(endpoint) => endpoint.trim_end_matches('/').to_owned(),
            None => format!("https://s3.{}.amazonaws.com", credentials.region),
        };
        // The bucket stands in the path: that works with every store.
        let root = format!("/{name}");
        let http = HttpSource::new(&format!("{endpoint}{root}"), allow_http, timeouts)?;
        let host = endpoint.split("://").nth(1).unwrap_or_default();
        let host = host.split('/').next().unwrap_or_default().to_owned();
        Ok(Self {
            http,
            credentials,
            host,
            root,
        })
    }

    /// The same, of a store whose certificate comes from one of these authorities and from no other.
    #[must_use]
    pub fn trusting(self, roots: &TrustedRoots) -> Self {
        Self {
            http: self.http.trusting(roots),
            ..self
        }
    }
}

impl ReleaseSource for S3Source {
    fn fetch(
        &self,
        path: SourcePath,
        max_bytes: u64,
        etag: Option<&str>,
    ) -> Result<Fetched, SourceError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let date = amz_date(now.map_or(0, |since| since.as_secs()));
        let mut headers = vec![
            ("x-amz-content-sha256", EMPTY.to_owned()),
            ("x-amz-date", date.clone()),
        ];
        if let Some(token) = &self.credentials.session_token {
            headers.push(("x-amz-security-token", token.clone()));
        }
        let mut signed = vec![("host", self.host.clone())];
        signed.extend(headers.iter().cloned());
        let object = format!("{}/{path}", self.root);
        let authorization = authorization(&self.credentials, &date, &object, &signed);
        headers.push(("authorization", authorization));
        self.http.fetch_with(path, max_bytes, etag, &headers)
    }
}

/// The `Authorization` header of a GET without a query. `headers` are in the order of their names.
fn authorization(
    credentials: &S3Credentials,
    date: &str,
    path: &str,
    headers: &[(&'static str, String)],
) -> String {
    let mut request = format!("GET\n{path}\n\n");
    for (name, value) in headers {
        // Writing to a string cannot fail.
        let _ = writeln!(request, "{name}:{value}");
    }
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let _ = write!(request, "\n{names}\n{EMPTY}");
    let day = &date[..8];
    let scope = format!("{day}/{}/s3/aws4_request", credentials.region);
    let digest = hex(&sha256(request.as_bytes()));
    let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{digest}");
    let first = format!("AWS4{}", credentials.secret_key);
    let mut key = hmac_sha256(first.as_bytes(), day.as_bytes());
    for part in [&credentials.region, "s3", "aws4_request"] {
        key = hmac_sha256(&key, part.as_bytes());
    }
    let signature = hex(&hmac_sha256(&key, to_sign.as_bytes()));
    let id = &credentials.access_key;
    format!("AWS4-HMAC-SHA256 Credential={id}/{scope},SignedHeaders={names},Signature={signature}")
}

fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Seconds since 1970 as `20130524T000000Z`. The date is found as in Hinnant's `civil_from_days`.
fn amz_date(seconds: u64) -> String {
    let (days, second) = (seconds / 86400, seconds % 86400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_as_the_documentation_says() {
        // The GET of the documentation's examples.
        let credentials = S3Credentials {
            access_key: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
            session_token: None,
            region: "us-east-1".to_owned(),
            endpoint: None,
        };
        let headers = [
            ("host", "examplebucket.s3.amazonaws.com".to_owned()),
            ("range", "bytes=0-9".to_owned()),
            ("x-amz-content-sha256", EMPTY.to_owned()),
            ("x-amz-date", "20130524T000000Z".to_owned()),
        ];
        let header = authorization(&credentials, "20130524T000000Z", "/test.txt", &headers);
        let expected = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";
        assert!(header.ends_with(expected), "{header}");
        assert!(!format!("{credentials:?}").contains("EXAMPLEKEY"));
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, date) in [
            (0, "19700101T000000Z"),
            (1_369_353_600, "20130524T000000Z"),
            (951_782_399, "20000228T235959Z"),
            (951_782_400, "20000229T000000Z"),
            (4_107_542_399, "21000228T235959Z"),
            (4_107_542_400, "21000301T000000Z"),
        ] {
            assert_eq!(amz_date(seconds), date);
        }
    }
}
