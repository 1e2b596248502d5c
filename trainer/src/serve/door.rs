//! Who may come in: tokens, rates, and the log of what was changed.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use http::{HeaderMap, StatusCode, header};
use picket_access::{AuditEvent, AuditLog, Identity, Outcome, Rate, RateLimiter, Role, TokenFile};
use serde_json::json;

use crate::serve::error::ServeError;
use crate::serve::problem::Problem;
use picket_telemetry::log;

/// How often the token file is looked at for changes.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What a token may do that names no rate: (requests, seconds, burst).
const DEFAULT_RATE: (u32, u32, u32) = (1200, 60, 300);
/// What an address may try without a token that is known.
const STRANGER_RATE: (u32, u32, u32) = (30, 60, 30);
/// The name that everybody has where no tokens are asked for.
const LOCAL: &str = "local";

/// The name that the service itself has in the audit log.
const SERVICE: &str = "service";

/// Who sends a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The token's name.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

/// Lets callers in, or not.
#[derive(Debug)]
pub struct Door {
    tokens: Option<Mutex<Tokens>>,
    limiter: RateLimiter,
    default_rate: Rate,
    stranger_rate: Rate,
    audit: Arc<AuditLog>,
    /// Whether the last event came onto the disk. Nothing is changed that cannot be written down.
    is_audited: AtomicBool,
}

#[derive(Debug)]
struct Tokens {
    file: PathBuf,
    known: TokenFile,
    modified: Option<SystemTime>,
    looked: Instant,
}

/// Where a state folder's audit log is.
#[must_use]
pub fn audit_place(state: &Path) -> PathBuf {
    state.join("audit.jsonl")
}

impl Door {
    /// A door for those who have a token of this file.
    ///
    /// # Errors
    /// [`ServeError::NoTokens`], [`ServeError::Tokens`], [`ServeError::Audit`].
    pub fn with_tokens(file: &Path, audit: &Path) -> Result<Self, ServeError> {
        if !file.exists() {
            return Err(ServeError::NoTokens {
                file: file.to_owned(),
            });
        }
        let known = read(file)?;
        if known.entries().is_empty() {
            return Err(ServeError::NoTokens {
                file: file.to_owned(),
            });
        }
        let tokens = Tokens {
            file: file.to_owned(),
            known,
            modified: modified(file),
            looked: Instant::now(),
        };
        Self::new(Some(tokens), audit)
    }

    /// A door that is open to everybody on this machine.
    ///
    /// # Errors
    /// [`ServeError::Audit`].
    pub fn open_locally(audit: &Path) -> Result<Self, ServeError> {
        Self::new(None, audit)
    }

    fn new(tokens: Option<Tokens>, audit: &Path) -> Result<Self, ServeError> {
        let audit = AuditLog::open(audit)?;
        let ((n_events, head), n_torn_bytes) = (audit.head(), audit.n_torn_bytes());
        // Kept where the log goes, the digest shows later that nothing before it was changed or cut off.
        log(
            if n_torn_bytes == 0 { "info" } else { "warn" },
            "audit_log_opened",
            &[
                ("n_events", json!(n_events)),
                ("head", json!(head)),
                ("n_torn_bytes", json!(n_torn_bytes)),
            ],
        );
        let rate = |(requests, period, burst)| Rate::new(requests, period, burst);
        Ok(Self {
            tokens: tokens.map(Mutex::new),
            limiter: RateLimiter::new(),
            default_rate: rate(DEFAULT_RATE)?,
            stranger_rate: rate(STRANGER_RATE)?,
            audit: Arc::new(audit),
            is_audited: AtomicBool::new(true),
        })
    }

    /// Whether everybody on this machine is let in.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.tokens.is_none()
    }

    /// Lets a caller in whose role is enough for `what`. That a known caller tried what is not theirs is written down.
    ///
    /// # Errors
    /// A [`Problem`] with 401, 403 or 429.
    pub(crate) fn admit(
        &self,
        headers: &HeaderMap,
        address: IpAddr,
        needed: Role,
        what: &str,
    ) -> Result<Caller, Problem> {
        let now = Instant::now();
        let Some(tokens) = &self.tokens else {
            let rate = self.default_rate;
            self.limiter.take_at(LOCAL, rate, now).map_err(too_many)?;
            return Ok(Caller {
                name: LOCAL.to_owned(),
                role: Role::Admin,
            });
        };
        let presented = bearer(headers);
        let identity = presented.and_then(|presented| check(tokens, presented));
        let Some(identity) = identity else {
            // A name that no token can have.
            let stranger = format!("address {address}");
            let rate = self.stranger_rate;
            self.limiter
                .take_at(&stranger, rate, now)
                .map_err(too_many)?;
            let detail = if presented.is_some() {
                log(
                    "warn",
                    "token_refused",
                    &[("address", json!(address.to_string()))],
                );
                "the token is not known here"
            } else {
                "expected the header `authorization: Bearer TOKEN`"
            };
            return Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                detail,
            ));
        };
        let rate = identity.rate().unwrap_or(self.default_rate);
        self.limiter
            .take_at(identity.name(), rate, now)
            .map_err(too_many)?;
        if !identity.role().includes(needed) {
            let detail = format!("found the role {}; expected {needed}", identity.role());
            // Where it cannot be written nothing more is changed, as after any other line; this was refused anyway.
            let details = [("request", what)];
            let _ = self.append(identity.name(), "request", Outcome::Refused, &details);
            return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail));
        }
        Ok(Caller {
            name: identity.name().to_owned(),
            role: identity.role(),
        })
    }

    /// Whether changes can be written down.
    ///
    /// # Errors
    /// A [`Problem`] where the last could not, or the file is no longer where it was: then nothing is changed.
    pub(crate) fn expect_audit(&self) -> Result<(), Problem> {
        if self.is_audited.load(Ordering::Relaxed) {
            return self.audit.check().map_err(|error| {
                self.is_audited.store(false, Ordering::Relaxed);
                log_not_audited("audit.check", &error.to_string());
                not_audited()
            });
        }
        // Nothing else would find out that the disk takes lines again.
        let resumed = self.append(SERVICE, "audit.resume", Outcome::Done, &[]);
        resumed.map_err(|_| not_audited())
    }

    /// Writes a change, or an attempt at one, into the audit log.
    ///
    /// # Errors
    /// A [`Problem`] where the disk does not take it.
    pub(crate) fn audit(
        &self,
        caller: &str,
        action: &str,
        outcome: Outcome,
        details: &[(&str, &str)],
    ) -> Result<(), Problem> {
        let appended = self.append(caller, action, outcome, details);
        appended.map_err(|_| not_audited())
    }

    /// Writes a change that nobody sent a request for into the audit log.
    ///
    /// # Errors
    /// [`ServeError::Audit`] where the disk does not take it.
    pub(crate) fn append(
        &self,
        caller: &str,
        action: &str,
        outcome: Outcome,
        details: &[(&str, &str)],
    ) -> Result<(), ServeError> {
        let mut event = AuditEvent::new(SystemTime::now(), caller, action, outcome);
        for (key, value) in details {
            event = event.with(key, *value);
        }
        let appended = self.audit.append(&event);
        self.is_audited.store(appended.is_ok(), Ordering::Relaxed);
        if let Err(error) = &appended {
            log_not_audited(action, &error.to_string());
        }
        appended?;
        Ok(())
    }
}

fn not_audited() -> Problem {
    Problem::unavailable(
        "the audit log takes no lines, so nothing is changed; the service's log says why",
    )
}

fn log_not_audited(action: &str, reason: &str) {
    let fields = [("action", json!(action)), ("reason", json!(reason))];
    log("error", "not_audited", &fields);
}

fn read(file: &Path) -> Result<TokenFile, ServeError> {
    let known = TokenFile::read(file)?;
    known.expect_roles(&Role::TRAINER)?;
    Ok(known)
}

fn modified(file: &Path) -> Option<SystemTime> {
    std::fs::metadata(file).ok()?.modified().ok()
}

fn check(tokens: &Mutex<Tokens>, presented: &str) -> Option<Identity> {
    let mut tokens = tokens.lock().unwrap_or_else(PoisonError::into_inner);
    if tokens.looked.elapsed() > LOOK_EVERY {
        tokens.looked = Instant::now();
        let found = modified(&tokens.file);
        if found != tokens.modified {
            // A file that is gone or wrong lets nobody in: a token that was taken away must not work.
            tokens.known = read(&tokens.file).unwrap_or_else(|error| {
                log(
                    "error",
                    "tokens_unreadable",
                    &[("reason", json!(error.to_string()))],
                );
                TokenFile::new()
            });
            tokens.modified = found;
        }
    }
    tokens.known.check(presented)
}

/// The token of `authorization: Bearer TOKEN`.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn too_many(wait: Duration) -> Problem {
    let seconds = wait.as_secs() + 1;
    let detail = format!("too many requests; try again in {seconds} s");
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", detail).after(seconds)
}
