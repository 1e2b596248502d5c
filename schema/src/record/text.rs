//! The forms that texts of a record have.

use super::error::RecordError;

/// The longest name of a node.
pub const MAX_NODE_BYTES: usize = 64;
/// The longest version of a model and the longest class, in characters.
pub(super) const MAX_NAME_CHARS: usize = 255;

fn is_hexadecimal(text: &str, n_digits: usize) -> bool {
    text.len() == n_digits
        && text
            .bytes()
            .all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether a text is the id of a record: 32 lower-case hexadecimal digits.
#[must_use]
pub fn is_record_id(text: &str) -> bool {
    is_hexadecimal(text, 32)
}

/// Whether a text is a pseudonym: 32 lower-case hexadecimal digits.
#[must_use]
pub fn is_pseudonym(text: &str) -> bool {
    is_hexadecimal(text, 32)
}

/// Whether a text can name a node: 1 to 64 letters, digits, dots, underscores and hyphens.
#[must_use]
pub fn is_node(text: &str) -> bool {
    (1..=MAX_NODE_BYTES).contains(&text.len())
        && text
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || b"._-".contains(&it))
}

pub(super) fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:")
        .is_some_and(|digits| is_hexadecimal(digits, 64))
}

/// Fails with the field's name where a text is not as it should be.
pub(super) fn expect(
    holds: bool,
    field: &'static str,
    expected: &'static str,
    found: impl std::fmt::Display,
) -> Result<(), RecordError> {
    if holds {
        return Ok(());
    }
    // A hostile text may be long.
    let found = found.to_string().chars().take(80).collect();
    Err(RecordError::Field {
        field,
        expected,
        found,
    })
}

pub(super) fn expect_name(text: &str, field: &'static str) -> Result<(), RecordError> {
    let n_chars = text.chars().take(MAX_NAME_CHARS + 1).count();
    let holds = (1..=MAX_NAME_CHARS).contains(&n_chars);
    expect(holds, field, "1 to 255 characters", text)
}

pub(super) fn expect_id(text: &str, field: &'static str) -> Result<(), RecordError> {
    let expected = "32 lower-case hexadecimal digits";
    expect(is_record_id(text), field, expected, text)
}

pub(super) fn expect_count(count: u64, field: &'static str) -> Result<(), RecordError> {
    expect(
        count <= super::MAX_INTEGER,
        field,
        "a whole number up to 2^53 - 1",
        count,
    )
}
