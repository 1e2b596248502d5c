//! The address of a MongoDB server, which may hold a password.

use std::fmt;

use super::dotenv;

/// The variables that may hold it, the first that is set.
const VARIABLES: [&str; 2] = ["MONGO_DB_URL", "MONGODB_URI"];

/// What stands in a text in place of a secret.
const HIDDEN: &str = "***";

/// Fewer characters of a password are not looked for: any sentence has them.
const SHORTEST_PART: usize = 4;

/// A connection string. It shows itself without user and password.
#[derive(Clone)]
pub(crate) struct MongoAddress(String);

impl MongoAddress {
    /// An address that was given.
    pub(crate) fn new(address: &str) -> Self {
        Self(address.to_owned())
    }

    /// The address from the environment or the file `.env`.
    pub(crate) fn from_environment() -> Result<Self, String> {
        dotenv::variable(&VARIABLES).map(Self).ok_or_else(|| {
            format!(
                "found no address of a server; expected one, such as mongodb://localhost:27017, in the variable {} or {}, or in the file .env",
                VARIABLES[0], VARIABLES[1]
            )
        })
    }

    /// The connection string itself, for the driver alone.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// `text` without the password, whatever part of it a driver's message quotes.
    pub(crate) fn scrub(&self, text: &str) -> String {
        let text = text.replace(&self.0, &self.to_string());
        let password = self.password();
        let secrets = [percent_decoded(password), password.to_owned()];
        let (mut scrubbed, mut rest) = (String::with_capacity(text.len()), text.as_str());
        while let Some(first) = rest.chars().next() {
            let quoted = secrets.iter().map(|secret| quoted_bytes(rest, secret));
            let n_quoted = quoted.max().unwrap_or_default();
            if n_quoted == 0 {
                scrubbed.push(first);
                rest = &rest[first.len_utf8()..];
            } else {
                scrubbed.push_str(HIDDEN);
                rest = &rest[n_quoted..];
            }
        }
        scrubbed
    }

    /// The text between the first `:` and the last `@`: as long as it can be.
    fn password(&self) -> &str {
        let rest = self.0.split_once("://").map_or(&*self.0, |(_, rest)| rest);
        let user_info = rest.rsplit_once('@').map_or("", |(user_info, _)| user_info);
        user_info
            .split_once(':')
            .map_or("", |(_, password)| password)
    }
}

/// How many bytes at the start of `text` are a part of `secret`; 0 for fewer characters than tell
/// anything of it.
fn quoted_bytes(text: &str, secret: &str) -> usize {
    let shortest = secret.chars().count().min(SHORTEST_PART);
    let mut n_quoted = 0;
    for (n_chars, (start, letter)) in text.char_indices().enumerate() {
        let end = start + letter.len_utf8();
        if !secret.contains(&text[..end]) {
            break;
        }
        if n_chars + 1 >= shortest {
            n_quoted = end;
        }
    }
    n_quoted
}

impl fmt::Display for MongoAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("mongodb", &self.0));
        let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        let host = host.split(['/', '?']).next().unwrap_or_default();
        write!(f, "{scheme}://{host}")
    }
}

impl fmt::Debug for MongoAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut decoded, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let code = bytes
            .get(at + 1..at + 3)
            .filter(|_| bytes[at] == b'%')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(code.unwrap_or(bytes[at]));
        at += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_form_of_the_password_gets_through() {
        let address =
            MongoAddress("mongodb+srv://reader:s3cr%40t@db.example.net/x?tls=true".into());
        assert_eq!(address.to_string(), "mongodb+srv://db.example.net");
        assert_eq!(format!("{address:?}"), "mongodb+srv://db.example.net");
        for text in [
            "auth failed for reader:s3cr%40t",
            "bad password s3cr@t",
            "cannot parse mongodb+srv://reader:s3cr%40t@db.example.net/x?tls=true",
            "quoted s3cr%40t@db",
        ] {
            let scrubbed = address.scrub(text);
            assert!(!scrubbed.contains("s3cr"), "{scrubbed}");
        }
        assert_eq!(address.scrub("nothing to hide"), "nothing to hide");
    }

    #[test]
    fn a_raw_at_sign_or_no_user_hides_enough() {
        let address = MongoAddress("mongodb://u:pa@ss:wo/rd@h:27017".into());
        assert!(!address.to_string().contains("ss"));
        assert!(!address.scrub("invalid host 'ss:wo/rd@h'").contains("ss:wo"));
        let open = MongoAddress("mongodb://localhost:27017/db".into());
        assert_eq!(open.to_string(), "mongodb://localhost:27017");
        assert_eq!(
            open.scrub("no server at localhost"),
            "no server at localhost"
        );
    }
}
