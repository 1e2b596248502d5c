//! Tells alerts by HTTP, so that the receiver can be sure who does.

use std::fmt::{self, Write as _};
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use ureq::Agent;
use ureq::tls::{PemItem, RootCerts, TlsConfig};

use super::error::AlertError;
use super::state::{AlertState, Transition};

/// The header with time and signature.
const SIGNATURE_HEADER: &str = "picket-signature";
/// Shorter secrets can be tried through.
const MIN_SECRET: usize = 16;

/// An address that is told of alerts.
pub struct Webhook {
    url: String,
    secret: Vec<u8>,
    agent: Agent,
    pauses: Vec<Duration>,
}

impl fmt::Debug for Webhook {
    /// Address and secret are secrets, or may hold some.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Webhook")
    }
}

/// The value of the signature's header: `t=<seconds since 1970>,v1=<HMAC-SHA256 of "<t>.<body>" in hexadecimal>`. The
/// time is signed too, so that an old message cannot be sent again as a new one.
#[must_use]
pub fn signature(secret: &[u8], time: u64, body: &[u8]) -> String {
    // HMAC takes keys of every length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else {
        return String::new();
    };
    mac.update(format!("{time}.").as_bytes());
    mac.update(body);
    let mut text = format!("t={time},v1=");
    for byte in mac.finalize().into_bytes() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn agent(limit: Duration, tls: TlsConfig) -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_connect(Some(Duration::from_secs(5)))
        .timeout_global(Some(limit))
        .tls_config(tls)
        .user_agent(concat!("picket-trainer/", env!("CARGO_PKG_VERSION")))
        .build()
        .new_agent()
}

impl Webhook {
    /// An address, `https://…`, or `http://…` on this machine, and the secret shared with the receiver.
    ///
    /// # Errors
    /// [`AlertError::Webhook`] for another address, and for a secret of fewer than 16 bytes.
    pub fn new(url: &str, secret: &[u8]) -> Result<Self, AlertError> {
        let wrong = |reason: &str| AlertError::Webhook {
            reason: reason.to_owned(),
        };
        let secret = secret.trim_ascii();
        if secret.len() < MIN_SECRET {
            return Err(wrong("the secret is short; expected at least 16 bytes"));
        }
        let local = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
        let is_local = |start: &&str| {
            let rest = url.strip_prefix(*start);
            rest.is_some_and(|it| it.is_empty() || it.starts_with([':', '/']))
        };
        if !(url.starts_with("https://") || local.iter().any(is_local)) {
            return Err(wrong("expected https://…, or http:// on this machine"));
        }
        Ok(Self {
            url: url.to_owned(),
            secret: secret.to_vec(),
            agent: agent(Duration::from_secs(10), TlsConfig::default()),
            pauses: [1, 4].map(Duration::from_secs).into(),
        })
    }

    /// The same, to a server whose certificate comes from an authority of this PEM file and from no other.
    ///
    /// # Errors
    /// [`AlertError::Webhook`] where the file cannot be read or holds no certificate.
    pub fn trusting(mut self, file: &Path) -> Result<Self, AlertError> {
        let wrong = |reason: String| AlertError::Webhook {
            reason: format!("{}: {reason}", file.display()),
        };
        let pem = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
        let mut certificates = Vec::new();
        for item in ureq::tls::parse_pem(&pem) {
            if let PemItem::Certificate(one) = item.map_err(|error| wrong(error.to_string()))? {
                certificates.push(one);
            }
        }
        if certificates.is_empty() {
            let reason = "expected an authority's certificate in PEM, found none";
            return Err(wrong(reason.to_owned()));
        }
        let roots = RootCerts::new_with_certs(&certificates);
        let limit = self.agent.config().timeouts().global;
        let tls = TlsConfig::builder().root_certs(roots).build();
        self.agent = agent(limit.unwrap_or(Duration::from_secs(10)), tls);
        Ok(self)
    }

    /// With other pauses between tries and another bound of one, such as for a test.
    #[must_use]
    pub fn with_patience(mut self, pauses: Vec<Duration>, limit: Duration) -> Self {
        self.agent = agent(limit, self.agent.config().tls_config().clone());
        self.pauses = pauses;
        self
    }

    /// Tells what waits, oldest first. What cannot be told now waits on, and what comes after it too: order is kept.
    /// Gives how many were told.
    ///
    /// # Errors
    /// [`AlertError::Webhook`] with what the last try of the first that was not told came to.
    pub fn tell(&self, state: &mut AlertState) -> Result<u64, AlertError> {
        let mut n_told = 0;
        while let Some(transition) = state.waiting().first().cloned() {
            self.patiently(&transition)?;
            state.told();
            n_told += 1;
        }
        Ok(n_told)
    }

    fn patiently(&self, transition: &Transition) -> Result<(), AlertError> {
        let mut pauses = self.pauses.iter();
        loop {
            match (self.send(transition), pauses.next()) {
                (Ok(()), _) => return Ok(()),
                (Err(reason), None) => return Err(AlertError::Webhook { reason }),
                (Err(_), Some(pause)) => thread::sleep(*pause),
            }
        }
    }

    fn send(&self, transition: &Transition) -> Result<(), String> {
        let body = serde_json::to_vec(transition).map_err(|error| error.to_string())?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let time = since.map_or(0, |it| it.as_secs());
        let sent = self
            .agent
            .post(&self.url)
            .header("content-type", "application/json")
            .header(SIGNATURE_HEADER, signature(&self.secret, time, &body))
            .send(&body[..]);
        match sent {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(format!("answered with status {}", answer.status().as_u16())),
            // The error may quote the address, which may hold a token.
            Err(ureq::Error::Timeout(_)) => Err("did not answer in time".to_owned()),
            Err(_) => Err("cannot be reached".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::{Rules, Signal};
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::sync::{Arc, Mutex};

    const SECRET: &[u8] = b"a secret of this test";

    /// What the server does with each request in turn; after the last, it takes all.
    #[derive(Clone, Copy)]
    enum Turn {
        Status(u16),
        BreakOff,
        Slow,
    }

    type Received = Arc<Mutex<Vec<(String, String)>>>;

    fn receive(stream: &TcpStream) -> Option<(String, String)> {
        let mut reader = BufReader::new(stream);
        let (mut signed, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(": ").unwrap_or((line, ""));
            match name.to_ascii_lowercase().as_str() {
                SIGNATURE_HEADER => value.clone_into(&mut signed),
                "content-length" => length = value.parse().ok()?,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        Some((signed, String::from_utf8(body).ok()?))
    }

    fn serve(turns: Vec<Turn>) -> (String, Received) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let received = Received::default();
        let all = Arc::clone(&received);
        thread::spawn(move || {
            let mut turns = turns.into_iter();
            let mut unanswered = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let Some(request) = receive(&stream) else {
                    continue;
                };
                let status = match turns.next() {
                    Some(Turn::BreakOff) => continue,
                    Some(Turn::Slow) => {
                        // Kept open without an answer; who comes after it is not held up.
                        unanswered.push(stream);
                        continue;
                    }
                    Some(Turn::Status(status)) => status,
                    None => 204,
                };
                if status == 204 {
                    all.lock().unwrap().push(request);
                }
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                );
            }
        });
        (url, received)
    }

    fn raised() -> AlertState {
        let mut state = AlertState::in_memory();
        let rules = Rules {
            raise_after: 1,
            ..Rules::default()
        };
        let signal = |node: &str| Signal {
            key: format!("node_silent/{node}"),
            rule: "node_silent",
            is_wrong: true,
            message: "has sent nothing".into(),
            stays_unseen: true,
        };
        state.take(&[signal("a"), signal("b")], &rules, 77);
        state
    }

    fn webhook(url: &str, n_pauses: usize) -> Webhook {
        let pauses = vec![Duration::from_millis(5); n_pauses];
        let webhook = Webhook::new(url, SECRET).unwrap();
        webhook.with_patience(pauses, Duration::from_secs(3))
    }

    #[test]
    fn alerts_reach_a_server_that_fails_breaks_off_and_is_slow_once_and_signed() {
        let turns = vec![Turn::Status(500), Turn::BreakOff, Turn::Slow];
        let (url, received) = serve(turns);
        let mut state = raised();
        assert_eq!(webhook(&url, 4).tell(&mut state).unwrap(), 2);
        assert_eq!(webhook(&url, 4).tell(&mut state).unwrap(), 0);
        // What was given up for lost may have arrived: it comes again under the same id.
        let mut received = received.lock().unwrap().clone();
        received.dedup_by_key(|(_, body)| body.clone());
        assert_eq!(received.len(), 2);
        for ((signed, body), key) in received.iter().zip(["node_silent/a", "node_silent/b"]) {
            let time = signed.split(',').next().unwrap().trim_start_matches("t=");
            assert_eq!(
                *signed,
                signature(SECRET, time.parse().unwrap(), body.as_bytes())
            );
            let told: Transition = serde_json::from_str(body).unwrap();
            assert_eq!((told.key.as_str(), told.state.as_str()), (key, "raised"));
        }
    }

    #[test]
    fn what_cannot_be_told_waits_in_order() {
        let (url, received) = serve(vec![
            Turn::Status(204),
            Turn::Status(503),
            Turn::Status(302),
        ]);
        let mut state = raised();
        let error = webhook(&url, 1).tell(&mut state).unwrap_err().to_string();
        assert!(error.contains("302") && !error.contains("127"), "{error}");
        assert_eq!(state.waiting().len(), 1);
        assert_eq!(webhook(&url, 1).tell(&mut state).unwrap(), 1);
        assert_eq!(received.lock().unwrap().len(), 2);
    }

    #[test]
    fn the_signature_is_an_hmac_of_time_and_body() {
        // By Python: hmac.new(b"a secret of this test", b'1700000000.{"a":1}', "sha256").hexdigest()
        assert_eq!(
            signature(SECRET, 1_700_000_000, b"{\"a\":1}"),
            include_str!("../../tests/golden/webhook_signature.txt").trim()
        );
    }

    #[test]
    fn addresses_in_the_open_and_short_secrets_are_refused() {
        for url in [
            "http://example.net/",
            "ftp://x",
            "",
            "http://localhost.example.net/",
        ] {
            assert!(Webhook::new(url, SECRET).is_err(), "{url}");
        }
        assert!(Webhook::new("https://example.net/", b"short").is_err());
        assert!(Webhook::new("https://example.net/", SECRET).is_ok());
    }
}
