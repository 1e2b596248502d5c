//! What a token may do.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::TokenError;

/// What a token may do. One type for every server; each server takes the roles that it has routes for.
///
/// An edge has `viewer < score < feedback < admin`, a trainer `viewer < trainer < admin`, a collector
/// `deliver < admin`: see [`Role::includes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Looks: metrics, the model's description, pages.
    Viewer,
    /// Asks for scores.
    Score,
    /// Also tells how predictions turned out.
    Feedback,
    /// Delivers records to a collector, and reads none.
    Deliver,
    /// Starts training and reads what came of it.
    Trainer,
    /// May do everything that the server does.
    Admin,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 6] = [
        Self::Viewer,
        Self::Score,
        Self::Feedback,
        Self::Deliver,
        Self::Trainer,
        Self::Admin,
    ];
    /// The roles that the edge's API and its collector know.
    pub const EDGE: [Self; 5] = [
        Self::Viewer,
        Self::Score,
        Self::Feedback,
        Self::Deliver,
        Self::Admin,
    ];
    /// The roles that the trainer's server knows.
    pub const TRAINER: [Self; 3] = [Self::Viewer, Self::Trainer, Self::Admin];

    /// Whether who has this role may do what needs `needed`.
    #[must_use]
    pub const fn includes(self, needed: Self) -> bool {
        match self {
            Self::Admin => true,
            Self::Viewer => matches!(needed, Self::Viewer),
            Self::Score => matches!(needed, Self::Viewer | Self::Score),
            Self::Feedback => matches!(needed, Self::Viewer | Self::Score | Self::Feedback),
            Self::Deliver => matches!(needed, Self::Deliver),
            Self::Trainer => matches!(needed, Self::Viewer | Self::Trainer),
        }
    }

    /// The role's name, as it stands in token files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Score => "score",
            Self::Feedback => "feedback",
            Self::Deliver => "deliver",
            Self::Trainer => "trainer",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| TokenError::UnknownRole {
                found: text.to_owned(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_roles_is_as_the_documents_say() {
        // Rows: who has it; columns in the order of ALL: what is needed.
        let expected = [
            (Role::Viewer, [true, false, false, false, false, false]),
            (Role::Score, [true, true, false, false, false, false]),
            (Role::Feedback, [true, true, true, false, false, false]),
            (Role::Deliver, [false, false, false, true, false, false]),
            (Role::Trainer, [true, false, false, false, true, false]),
            (Role::Admin, [true, true, true, true, true, true]),
        ];
        for (role, allowed) in expected {
            for (needed, expected) in Role::ALL.into_iter().zip(allowed) {
                assert_eq!(role.includes(needed), expected, "{role} for {needed}");
            }
        }
    }

    #[test]
    fn names_are_read_back_and_others_refused() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse::<Role>().ok(), Some(role));
        }
        for wrong in ["", "Admin", "root", "admin "] {
            assert!(wrong.parse::<Role>().is_err(), "{wrong:?}");
        }
    }
}
