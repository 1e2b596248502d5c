//! Releases from a web server.

use std::io::Read as _;
use std::time::Duration;

use super::source::{Fetched, ReleaseSource, SourceError, SourcePath};
use crate::trusted_roots::TrustedRoots;

/// How long a source may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpTimeouts {
    /// To connect.
    pub connect: Duration,
    /// For a whole file: a server that drips bytes is cut off too.
    pub whole: Duration,
}

/// A web server with releases under one address.
#[derive(Clone, Debug)]
pub struct HttpSource {
    origin: String,
    timeouts: HttpTimeouts,
    agent: ureq::Agent,
}

fn agent(timeouts: HttpTimeouts, roots: Option<&TrustedRoots>) -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_connect(Some(timeouts.connect))
        .timeout_global(Some(timeouts.whole))
        .tls_config(TrustedRoots::tls(roots))
        .user_agent(concat!("picket-edge-runtime/", env!("CARGO_PKG_VERSION")))
        .build();
    ureq::Agent::new_with_config(config)
}

impl HttpSource {
    /// Takes releases from below an address. Redirects are not followed.
    ///
    /// # Errors
    /// [`SourceError::Unknown`] for an address with a password, a query or a fragment in it, and for `http://`
    /// to another machine, unless `allow_http`.
    pub fn new(
        address: &str,
        allow_http: bool,
        timeouts: HttpTimeouts,
    ) -> Result<Self, SourceError> {
        check_address(address, allow_http)?;
        Ok(Self {
            origin: address.trim_end_matches('/').to_owned(),
            timeouts,
            agent: agent(timeouts, None),
        })
    }

    /// The same, of a server whose certificate comes from one of these authorities and from no other.
    #[must_use]
    pub fn trusting(self, roots: &TrustedRoots) -> Self {
        Self {
            agent: agent(self.timeouts, Some(roots)),
            ..self
        }
    }

    /// As [`ReleaseSource::fetch`], with more headers.
    pub(super) fn fetch_with(
        &self,
        path: SourcePath,
        max_bytes: u64,
        etag: Option<&str>,
        headers: &[(&'static str, String)],
    ) -> Result<Fetched, SourceError> {
        let failed = |reason: String| SourceError::Failed { path, reason };
        let mut request = self.agent.get(format!("{}/{path}", self.origin));
        if let Some(etag) = etag {
            request = request.header("if-none-match", etag);
        }
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let response = request.call().map_err(|error| failed(error.to_string()))?;
        match response.status().as_u16() {
            200 => {}
            304 if etag.is_some() => return Ok(Fetched::Unchanged),
            404 => return Ok(Fetched::Absent),
            found => return Err(SourceError::Status { path, found }),
        }
        let tag = response.headers().get("etag");
        let tag = tag
            .and_then(|tag| tag.to_str().ok())
            .filter(|tag| tag.len() <= 256)
            .map(str::to_owned);
        let stated = response.body().content_length();
        let too_large = || SourceError::TooLarge {
            path,
            expected: max_bytes,
        };
        if stated.is_some_and(|stated| stated > max_bytes) {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        response
            .into_body()
            .into_reader()
            .take(max_bytes.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|error| failed(error.to_string()))?;
        if bytes.len() as u64 > max_bytes {
            return Err(too_large());
        }
        Ok(Fetched::Found { bytes, etag: tag })
    }
}

impl ReleaseSource for HttpSource {
    fn fetch(
        &self,
        path: SourcePath,
        max_bytes: u64,
        etag: Option<&str>,
    ) -> Result<Fetched, SourceError> {
        self.fetch_with(path, max_bytes, etag, &[])
    }
}

fn check_address(address: &str, allow_http: bool) -> Result<(), SourceError> {
    let unknown = |expected: &'static str| SourceError::Unknown {
        // The scheme alone: the rest may hold a password.
        found: address.split("://").next().unwrap_or_default().to_owned(),
        expected,
    };
    let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
    let authority = rest.split('/').next().unwrap_or_default();
    if authority.is_empty() || authority.contains('@') || rest.contains(['?', '#']) {
        return Err(unknown(
            "expected an address without a password, query or fragment",
        ));
    }
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let loopback = host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback());
    if scheme == "https" || (scheme == "http" && (allow_http || loopback)) {
        return Ok(());
    }
    Err(unknown(
        "expected https://, for http:// to another machine is taken with --allow-http alone",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_stays_on_this_machine() {
        for good in [
            "https://a.example/x",
            "http://localhost:9000",
            "http://127.0.0.1/x",
            "http://[::1]:80/x",
        ] {
            assert!(check_address(good, false).is_ok(), "{good}");
        }
        for bad in [
            "http://a.example/x",
            "http://127.0.0.1.example/",
            "http://localhost.example",
            "https://u:secret@a.example",
            "https://a.example/?x",
            "https://",
        ] {
            let error = check_address(bad, false).expect_err(bad);
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        assert!(check_address("http://a.example", true).is_ok());
    }
}
