//! The token file of the moment.

use std::path::PathBuf;
use std::sync::{PoisonError, RwLock};

use picket_access::{Identity, Role, TokenError, TokenFile};

use crate::error::StartError;
use crate::file_stamp::FileStamp;

/// A token file that is read again when it changes.
#[derive(Debug)]
pub(crate) struct LiveTokens {
    path: PathBuf,
    held: RwLock<(TokenFile, FileStamp)>,
}

impl LiveTokens {
    pub(crate) fn open(path: PathBuf) -> Result<Self, StartError> {
        let stamp = FileStamp::of(&path);
        let held = RwLock::new((read(&path)?, stamp));
        Ok(Self { path, held })
    }

    pub(crate) fn check(&self, presented: &str) -> Option<Identity> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.0.check(presented)
    }

    /// Reads the file again where it has changed, or in any case; says whether it did. A file that cannot be used
    /// leaves the tokens as they were.
    pub(crate) fn reload(&self, in_any_case: bool) -> Result<bool, StartError> {
        let stamp = FileStamp::of(&self.path);
        let same = self.held.read().unwrap_or_else(PoisonError::into_inner).1 == stamp;
        if same && !in_any_case {
            return Ok(false);
        }
        let tokens = read(&self.path);
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        // Also where it cannot be used: one change is told once.
        held.1 = stamp;
        held.0 = tokens?;
        Ok(true)
    }
}

fn read(path: &std::path::Path) -> Result<TokenFile, TokenError> {
    let tokens = TokenFile::read(path)?;
    tokens.expect_roles(&Role::EDGE)?;
    Ok(tokens)
}
