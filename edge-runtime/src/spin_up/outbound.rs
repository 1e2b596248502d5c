//! Where the component may send requests.

use http::Uri;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

/// The hosts of `allowed_outbound_hosts`.
#[derive(Clone, Debug, Default)]
pub(super) struct AllowedHosts(Vec<AllowedHost>);

/// `scheme://host:port`, each of which may be `*`; the host may be `*.` and a domain.
#[derive(Clone, Debug)]
struct AllowedHost {
    scheme: String,
    host: String,
    /// `None` allows every port.
    port: Option<u16>,
}

fn default_port(scheme: &str) -> u16 {
    if scheme == "http" { 80 } else { 443 }
}

impl AllowedHosts {
    pub(super) fn parse(patterns: &[String]) -> Result<Self, String> {
        let wrong =
            |pattern: &str| format!("{pattern:?}: expected scheme://host or scheme://host:port");
        let parse = |pattern: &String| {
            let (scheme, rest) = pattern.split_once("://").ok_or_else(|| wrong(pattern))?;
            let rest = rest.strip_suffix('/').unwrap_or(rest);
            let (host, port) = match rest.rsplit_once(':') {
                Some((host, "*")) => (host, None),
                Some((host, port)) => {
                    let port = port.parse().map_err(|_| wrong(pattern))?;
                    (host, Some(port))
                }
                None => (rest, Some(default_port(scheme))),
            };
            let wild = host.strip_prefix("*.").unwrap_or(host);
            let plain = |it: char| it.is_ascii_alphanumeric() || it == '-' || it == '.';
            if host != "*" && (wild.is_empty() || !wild.chars().all(plain)) {
                return Err(wrong(pattern));
            }
            Ok(AllowedHost {
                scheme: scheme.to_owned(),
                host: host.to_ascii_lowercase(),
                port,
            })
        };
        patterns
            .iter()
            .map(parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    pub(super) fn allow(&self, uri: &Uri) -> bool {
        let Some(scheme) = uri.scheme_str() else {
            return false;
        };
        let Some(host) = uri.host() else { return false };
        let host = host.to_ascii_lowercase();
        let port = uri.port_u16().unwrap_or_else(|| default_port(scheme));
        self.0.iter().any(|allowed| {
            let host_fits = match allowed.host.strip_prefix('*') {
                Some(end) => host.len() > end.len() && host.ends_with(end),
                None => host == allowed.host,
            };
            let scheme_fits = allowed.scheme == "*" || allowed.scheme == scheme;
            host_fits && scheme_fits && allowed.port.is_none_or(|it| it == port)
        })
    }
}

/// Lets requests out to the hosts that are allowed.
#[derive(Debug)]
pub(super) struct Outbound(pub(super) AllowedHosts);

type Sent = Result<
    (
        http::Response<WasiBody>,
        Box<dyn Future<Output = Result<(), Error>> + Send>,
    ),
    Error,
>;

impl WasiHttpHooks for Outbound {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _done: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        if !self.0.allow(request.uri()) {
            return Box::new(async { Err(Error::HttpRequestDenied) });
        }
        Box::new(async move {
            use http_body_util::BodyExt;

            let sent = wasmtime_wasi_http::default_send_request(request, options);
            let (response, io) = sent.await?;
            let io: Box<dyn Future<Output = _> + Send> = Box::new(io);
            Ok((response.map(BodyExt::boxed_unsync), io))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_manifest_names_is_allowed() {
        let patterns = [
            "https://collector.test",
            "http://127.0.0.1:3100",
            "https://*.inner.test:*",
        ];
        let hosts = AllowedHosts::parse(&patterns.map(str::to_owned)).expect("right");
        for (uri, allowed) in [
            ("https://collector.test/records", true),
            ("https://COLLECTOR.test:443/", true),
            ("https://collector.test:444/", false),
            ("http://collector.test/", false),
            ("https://collector.test.evil.test/", false),
            ("https://collector.test@evil.test/", false),
            ("https://evil.test/collector.test", false),
            ("http://127.0.0.1:3100/records", true),
            ("http://127.0.0.1:3101/records", false),
            ("https://a.inner.test:8443/", true),
            ("https://inner.test/", false),
            ("https://evilinner.test/", false),
            ("/records", false),
        ] {
            let uri: Uri = uri.parse().expect("a URI");
            assert_eq!(hosts.allow(&uri), allowed, "{uri}");
        }
        assert!(!AllowedHosts::default().allow(&Uri::from_static("http://a.test/")));
        for wrong in [
            "collector.test",
            "https://",
            "https://a b",
            "https://a:port",
            "https://a/path",
        ] {
            assert!(AllowedHosts::parse(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }
}
