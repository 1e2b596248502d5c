//! Reads `.env` files: lines `NAME=value`.

use std::io::Read;
use std::path::Path;

/// A larger file is no `.env` file.
const MAX_BYTES: u64 = 1 << 20;

/// The value of the first of `names` that is set: in the environment, else in the file `.env` of the
/// current folder.
pub(crate) fn variable(names: &[&str]) -> Option<String> {
    let is_set = |value: &String| !value.trim().is_empty();
    names
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(is_set))
        .or_else(|| from_file(Path::new(".env"), names))
}

fn from_file(path: &Path, names: &[&str]) -> Option<String> {
    let file = std::fs::File::open(path).ok()?;
    let mut text = String::new();
    file.take(MAX_BYTES).read_to_string(&mut text).ok()?;
    names.iter().find_map(|name| value_in(&text, name))
}

/// The value of `name` in the text of a `.env` file; the last one counts.
fn value_in(text: &str, name: &str) -> Option<String> {
    text.lines()
        .rev()
        .filter_map(|line| {
            let line = line.trim();
            let line = line.strip_prefix("export ").unwrap_or(line);
            let (found, value) = line.split_once('=')?;
            (found.trim() == name).then(|| unquoted(value.trim()))
        })
        .find(|value| !value.is_empty())
}

/// Takes off quotes; without them, what follows a ` #` is a comment.
fn unquoted(value: &str) -> String {
    for quote in ['"', '\''] {
        if let Some(rest) = value.strip_prefix(quote)
            && let Some(end) = rest.find(quote)
        {
            return rest[..end].to_owned();
        }
    }
    let end = value.find(" #").unwrap_or(value.len());
    value[..end].trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_forms_are_read() {
        let text = "# MONGO_DB_URL=no\nMONGO_DB_URL=first\nexport A = \"x # y\" # z\nB='q=1'\nC=v # c\nMONGO_DB_URL=\"mongodb://u:p%40@h/?a=b#c\"\nD=\n";
        assert_eq!(
            value_in(text, "MONGO_DB_URL").as_deref(),
            Some("mongodb://u:p%40@h/?a=b#c")
        );
        assert_eq!(value_in(text, "A").as_deref(), Some("x # y"));
        assert_eq!(value_in(text, "B").as_deref(), Some("q=1"));
        assert_eq!(value_in(text, "C").as_deref(), Some("v"));
        assert_eq!(value_in(text, "D"), None);
        assert_eq!(value_in(text, "E"), None);
    }
}
