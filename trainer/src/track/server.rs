//! Which tracking server, and with which credentials.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::track::error::TrackError;

const URI: &str = "MLFLOW_TRACKING_URI";
const USERNAME: &str = "MLFLOW_TRACKING_USERNAME";
const PASSWORD: &str = "MLFLOW_TRACKING_PASSWORD";
const TOKEN: &str = "MLFLOW_TRACKING_TOKEN";

/// Pauses between attempts.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(300),
    Duration::from_secs(1),
    Duration::from_secs(3),
];

/// A tracking server and how to be let in. Its `Debug` form shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct TrackingServer {
    /// Without credentials and without a slash at the end.
    uri: String,
    /// The value of the `Authorization` header.
    authorization: Option<String>,
    /// What must not be shown, as it may come back in a message.
    secrets: Vec<String>,
    pauses: Vec<Duration>,
}

impl fmt::Debug for TrackingServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TrackingServer")
            .field("uri", &self.uri)
            .field("has_credentials", &self.authorization.is_some())
            .finish_non_exhaustive()
    }
}

impl TrackingServer {
    /// The server that MLflow's own variables name, looked up by `variable`; `None` where
    /// `MLFLOW_TRACKING_URI` is not set. Of token and password the token counts, as in MLflow.
    ///
    /// # Errors
    /// [`TrackError::Setting`] for an address that is not `http://` or `https://`.
    pub fn from_variables(
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, TrackError> {
        let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let Some(uri) = set(URI) else {
            return Ok(None);
        };
        let mut server = Self::new(&uri)?;
        if let Some(token) = set(TOKEN) {
            server = server.with_token(token.trim());
        } else if let Some(username) = set(USERNAME) {
            server = server.with_password(&username, &set(PASSWORD).unwrap_or_default());
        }
        Ok(Some(server))
    }

    /// As [`TrackingServer::from_variables`], from the environment.
    ///
    /// # Errors
    /// As [`TrackingServer::from_variables`].
    pub fn from_environment() -> Result<Option<Self>, TrackError> {
        Self::from_variables(&|name| std::env::var(name).ok())
    }

    /// A server by its address, which may hold `user:password@`.
    ///
    /// # Errors
    /// [`TrackError::Setting`] for an address that is not `http://` or `https://`.
    pub fn new(uri: &str) -> Result<Self, TrackError> {
        // The address is not shown: it may hold a password.
        let wrong = || TrackError::Setting {
            variable: URI,
            expected: "an address that starts with http:// or https:// and has no query",
        };
        let uri = uri.trim().trim_end_matches('/');
        let (scheme, rest) = uri.split_once("://").ok_or_else(wrong)?;
        let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '"' | '<' | '>');
        if !matches!(scheme, "http" | "https") || rest.is_empty() || !rest.chars().all(is_plain) {
            return Err(wrong());
        }
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let (user_info, host) = authority
            .rsplit_once('@')
            .map_or((None, authority), |(user, host)| (Some(user), host));
        if host.is_empty() {
            return Err(wrong());
        }
        let server = Self {
            uri: format!("{scheme}://{host}{path}"),
            authorization: None,
            secrets: Vec::new(),
            pauses: PAUSES.to_vec(),
        };
        Ok(match user_info {
            Some(user_info) => {
                let (username, password) = user_info.split_once(':').unwrap_or((user_info, ""));
                server.with_password(&percent_decoded(username), &percent_decoded(password))
            }
            None => server,
        })
    }

    /// The same server, asked with a token (`Authorization: Bearer`).
    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        self.authorization = Some(format!("Bearer {token}"));
        self.secrets = vec![token.to_owned()];
        self
    }

    /// The same server, asked with a name and a password (`Authorization: Basic`).
    #[must_use]
    pub fn with_password(mut self, username: &str, password: &str) -> Self {
        let encoded = STANDARD.encode(format!("{username}:{password}"));
        self.authorization = Some(format!("Basic {encoded}"));
        self.secrets = vec![password.to_owned(), encoded];
        self
    }

    /// The same server, asked once more after each of these pauses where it does not answer; by
    /// default after 0.3, 1 and 3 seconds.
    #[must_use]
    pub fn with_pauses(mut self, pauses: &[Duration]) -> Self {
        self.pauses = pauses.to_vec();
        self
    }

    /// Its address, without credentials.
    #[must_use]
    pub fn uri(&self) -> &str {
        &self.uri
    }

    pub(super) fn pauses(&self) -> &[Duration] {
        &self.pauses
    }

    pub(super) fn authorization(&self) -> Option<&str> {
        self.authorization.as_deref()
    }

    /// A message of the server or of the network, made fit to show: without secrets, on one line,
    /// not long.
    pub(super) fn fit_to_show(&self, message: &str) -> String {
        const LONGEST: usize = 300;
        let mut text = message.to_owned();
        for secret in self.secrets.iter().filter(|secret| !secret.is_empty()) {
            text = text.replace(secret, "…");
        }
        let line: String = text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        if line.chars().count() <= LONGEST {
            return line;
        }
        line.chars().take(LONGEST).chain(['…']).collect()
    }
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let digits = tail
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let code = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code {
            Some(code) if *first == b'%' => {
                bytes.push(code);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Option<TrackingServer> {
        let pairs: Vec<(String, String)> = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        TrackingServer::from_variables(&|name| {
            let pair = pairs.iter().find(|(known, _)| known == name);
            pair.map(|(_, value)| value.clone())
        })
        .expect("good settings")
    }

    #[test]
    fn settings_are_those_of_mlflow() {
        assert_eq!(of(&[]), None);
        let server = of(&[(URI, "https://dagshub.com/a/b.mlflow/")]).unwrap();
        assert_eq!(server.uri(), "https://dagshub.com/a/b.mlflow");
        assert_eq!(server.authorization(), None);
        let basic = of(&[
            (URI, "http://h:5000"),
            (USERNAME, "Aladdin"),
            (PASSWORD, "open sesame"),
        ]);
        // The example of RFC 7617.
        assert_eq!(
            basic.unwrap().authorization(),
            Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
        );
        let token = of(&[(URI, "http://h"), (USERNAME, "u"), (TOKEN, "t0k")]).unwrap();
        assert_eq!(token.authorization(), Some("Bearer t0k"));
    }

    #[test]
    fn credentials_in_the_address_do_not_stay_there() {
        let server = TrackingServer::new("http://us%40er:p%3Aw@host:1/x").unwrap();
        assert_eq!(server.uri(), "http://host:1/x");
        let expected = STANDARD.encode("us@er:p:w");
        assert_eq!(
            server.authorization(),
            Some(format!("Basic {expected}").as_str())
        );
    }

    #[test]
    fn no_secret_is_shown() {
        let server = TrackingServer::new("http://h")
            .unwrap()
            .with_password("user", "hunter2");
        let header = server.authorization().unwrap_or_default().to_owned();
        let shown = format!(
            "{server:?} {}",
            server.fit_to_show(&format!("bad password hunter2 in {header}\n"))
        );
        assert!(
            !shown.contains("hunter2") && !shown.contains(&header[6..]),
            "{shown}"
        );
        assert!(!shown.contains('\n'));
        for wrong in [
            "file:///tmp/x",
            "dagshub.com",
            "http://",
            "http://a?b",
            "http://u:secret@",
        ] {
            let error = TrackingServer::new(wrong).expect_err(wrong).to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
