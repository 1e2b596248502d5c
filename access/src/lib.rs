//! Who may do what, how often, and what was done.
//!
//! [`TokenFile`] keeps the tokens of a server as digests, each with a [`Role`] and a [`Rate`].
//! [`RateLimiter`] counts against the rate. [`AuditLog`] writes down what was done, in lines chained
//! by digests; [`audit::verify`] tells whether any was changed.
//!
//! Nothing here knows a network, a thread or a clock: the servers of the edge and of the trainer give
//! the instant, and decide which route needs which role.

pub mod audit;
mod error;
mod identity;
mod private_file;
mod rate;
mod rate_limiter;
mod role;
mod secret;
mod token_file;

pub use audit::{AuditEvent, AuditLog, Outcome};
pub use error::{AuditError, TokenError};
pub use identity::{Identity, NewToken};
pub use rate::Rate;
pub use rate_limiter::RateLimiter;
pub use role::Role;
pub use token_file::{TokenEntry, TokenFile};
