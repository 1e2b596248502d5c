//! Who a token belongs to, and a token that was just made.

use std::fmt;
use std::sync::Arc;

use crate::error::TokenError;
use crate::rate::Rate;
use crate::role::Role;

/// Who a token belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    name: Arc<str>,
    role: Role,
    rate: Option<Rate>,
}

/// A token that was just made: the one time its secret is there.
pub struct NewToken {
    pub(crate) name: String,
    pub(crate) secret: String,
}

impl Identity {
    /// An identity that no token file knows, such as for a server whose doors are open.
    ///
    /// # Errors
    /// [`TokenError::BadName`].
    pub fn new(name: &str, role: Role, rate: Option<Rate>) -> Result<Self, TokenError> {
        check_name(name)?;
        let name = Arc::from(name);
        Ok(Self { name, role, rate })
    }

    /// The token's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it may do.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// How often; `None` for no limit.
    #[must_use]
    pub const fn rate(&self) -> Option<Rate> {
        self.rate
    }
}

impl NewToken {
    /// The token's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its owner presents. It is kept nowhere: show it once.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.secret
    }
}

impl fmt::Debug for NewToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewToken")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

fn check_name(name: &str) -> Result<(), TokenError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if (1..=64).contains(&name.len()) && name.bytes().all(plain) {
        Ok(())
    } else {
        Err(TokenError::BadName {
            found: name.chars().take(64).collect(),
        })
    }
}
