//! Who is let in: tokens with roles and rates, and pages of which origins.
//!
//! Without a token file everybody who reaches the server is let in; [`crate::Server`] then listens on this machine
//! alone unless it is told that this is meant. With one, every route has the role that it needs
//! ([`needed_role`]): those that the table does not know need the highest.

mod live_tokens;
mod needed_role;
mod origins;
mod request_id;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue, Method, Request, Response, header};
use picket_access::{Identity, RateLimiter, Role};
use picket_service::{Problem, ProblemKind};

use crate::error::StartError;
use live_tokens::LiveTokens;

pub(crate) use needed_role::{Needed, needed_role};
pub use origins::AllowedOrigins;
pub(crate) use request_id::{REQUEST_ID, RequestId};

/// Tells the instant; tests tell their own.
type Clock = Arc<dyn Fn() -> Instant + Send + Sync>;

/// Who is let in.
pub struct Doors {
    tokens: Option<LiveTokens>,
    origins: AllowedOrigins,
    limiter: RateLimiter,
    clock: Clock,
}

/// Why a request is not let in.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) problem: Problem,
    /// Whose token it was, where it was known.
    pub(crate) identity: Option<Identity>,
    pub(crate) challenge: Option<&'static str>,
    pub(crate) retry_after: Option<Duration>,
}

impl std::fmt::Debug for Doors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Doors")
            .field("tokens", &self.tokens)
            .field("origins", &self.origins)
            .finish_non_exhaustive()
    }
}

impl Default for Doors {
    fn default() -> Self {
        Self::open(AllowedOrigins::default())
    }
}

impl Doors {
    /// Lets everybody in.
    #[must_use]
    pub fn open(origins: AllowedOrigins) -> Self {
        Self {
            tokens: None,
            origins,
            limiter: RateLimiter::new(),
            clock: Arc::new(Instant::now),
        }
    }

    /// Lets in who has a token of a file. The file is read again when it changes.
    ///
    /// # Errors
    /// [`StartError::Tokens`] where it cannot be used.
    pub fn with_tokens(path: PathBuf, origins: AllowedOrigins) -> Result<Self, StartError> {
        let tokens = Some(LiveTokens::open(path)?);
        Ok(Self {
            tokens,
            ..Self::open(origins)
        })
    }

    /// Counts requests by another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Fn() -> Instant + Send + Sync>) -> Self {
        self.clock = clock;
        self
    }

    /// Whether tokens are asked for.
    #[must_use]
    pub const fn are_guarded(&self) -> bool {
        self.tokens.is_some()
    }

    pub(crate) fn reload(&self, in_any_case: bool) -> Result<bool, StartError> {
        match &self.tokens {
            Some(tokens) => tokens.reload(in_any_case),
            None => Ok(false),
        }
    }

    /// Lets a request in, with the identity of its token where one was needed.
    pub(crate) fn enter<B>(
        &self,
        request: &Request<B>,
        needed: Needed,
    ) -> Result<Option<Identity>, Box<Refusal>> {
        self.expect_own_page(request)?;
        let (Some(tokens), Needed::Role(role)) = (&self.tokens, needed) else {
            return Ok(None);
        };
        let presented = match bearer(request.headers()) {
            Presented::Token(token) => token,
            Presented::Nothing => {
                return Err(Refusal::unauthorized(
                    "expected the header Authorization: Bearer with a token",
                    "Bearer realm=\"picket\"",
                ));
            }
            Presented::Malformed => {
                return Err(Refusal::unauthorized(
                    "expected one header Authorization: Bearer with a token",
                    "Bearer realm=\"picket\", error=\"invalid_request\"",
                ));
            }
        };
        let Some(identity) = tokens.check(presented) else {
            return Err(Refusal::unauthorized(
                "the token is not one of this server",
                "Bearer realm=\"picket\", error=\"invalid_token\"",
            ));
        };
        // Before the role: asking for what one may not have is no way around the rate.
        if let Err(wait) = self.limiter.take(&identity, (self.clock)()) {
            return Err(Refusal::too_many(identity, wait));
        }
        if identity.role().includes(role) {
            Ok(Some(identity))
        } else {
            Err(Refusal::forbidden(identity, role))
        }
    }

    /// A page of another origin may not make this browser post here, unless that origin is allowed. Programs do not
    /// send the header by which browsers tell.
    fn expect_own_page<B>(&self, request: &Request<B>) -> Result<(), Box<Refusal>> {
        if [Method::GET, Method::HEAD].contains(request.method()) {
            return Ok(());
        }
        let site = request.headers().get("sec-fetch-site");
        let foreign = site.is_some_and(|it| it == "cross-site" || it == "same-site");
        if !foreign || self.origins.of(request.headers()).is_some() {
            return Ok(());
        }
        let detail = "a page of another origin asks; --allow-origin lets one in";
        let problem = Problem::new(ProblemKind::Forbidden, detail);
        Err(Box::new(Refusal::of(problem)))
    }

    /// The answer to a browser that asks before it asks; `None` where the request is no such question.
    pub(crate) fn preflight<B, T: Default>(
        &self,
        request: &Request<B>,
    ) -> Option<Result<Response<T>, Box<Refusal>>> {
        self.origins.preflight(request)
    }

    /// Lets the page of an allowed origin read the response.
    pub(crate) fn show_to(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        self.origins.show_to(origin, headers);
    }

    /// The request's origin where it is allowed.
    pub(crate) fn allowed_origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        self.origins.of(headers).cloned()
    }
}

enum Presented<'h> {
    Token(&'h str),
    Nothing,
    Malformed,
}

/// The token of the one header; several would leave open which one counts.
fn bearer(headers: &HeaderMap) -> Presented<'_> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Presented::Nothing;
    };
    let token = value.to_str().ok().and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        let token = token.trim();
        (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
    });
    match (token, values.next()) {
        (Some(token), None) => Presented::Token(token),
        _ => Presented::Malformed,
    }
}

impl Refusal {
    pub(crate) const fn of(problem: Problem) -> Self {
        Self {
            problem,
            identity: None,
            challenge: None,
            retry_after: None,
        }
    }

    fn unauthorized(detail: &str, challenge: &'static str) -> Box<Self> {
        let problem = Problem::new(ProblemKind::Unauthorized, detail);
        Box::new(Self {
            challenge: Some(challenge),
            ..Self::of(problem)
        })
    }

    fn forbidden(identity: Identity, needed: Role) -> Box<Self> {
        let (name, role) = (identity.name(), identity.role());
        let detail = format!("the token {name} has the role {role}; this route needs {needed}");
        Box::new(Self {
            challenge: Some("Bearer realm=\"picket\", error=\"insufficient_scope\""),
            identity: Some(identity),
            ..Self::of(Problem::new(ProblemKind::Forbidden, detail))
        })
    }

    fn too_many(identity: Identity, wait: Duration) -> Box<Self> {
        let rate = identity.rate().map(|it| it.to_string());
        let (name, rate) = (identity.name(), rate.unwrap_or_default());
        let detail = format!("the token {name} may be used {rate}");
        Box::new(Self {
            identity: Some(identity),
            retry_after: Some(wait),
            ..Self::of(Problem::new(ProblemKind::TooManyRequests, detail))
        })
    }

    /// Adds what the response to this refusal says beside its body.
    pub(crate) fn headers(
        challenge: Option<&'static str>,
        wait: Option<Duration>,
        headers: &mut HeaderMap,
    ) {
        if let Some(challenge) = challenge {
            let challenge = HeaderValue::from_static(challenge);
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(wait) = wait {
            // Whole seconds, rounded up: sooner would be refused again.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
    }
}

#[cfg(test)]
mod tests;
