//! Text in quotes, for messages. `{:?}` would bring tables of all printable characters: 7 KB of WebAssembly.

use core::fmt::{self, Write};

/// A text as messages show it: in double quotes, what cannot be seen or turns text around as `\u{…}`.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for char in self.0.chars() {
            match char {
                '"' | '\\' => {
                    f.write_char('\\')?;
                    f.write_char(char)?;
                }
                '\0'..='\x1f'
                | '\x7f'..='\u{9f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}' => write!(f, "\\u{{{:x}}}", u32::from(char))?,
                _ => f.write_char(char)?,
            }
        }
        f.write_char('"')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_escaped() {
        let shown = |text| Quoted(text).to_string();
        assert_eq!(shown("Größe 2"), "\"Größe 2\"");
        assert_eq!(shown("a\"\\"), r#""a\"\\""#);
        assert_eq!(shown("\n\u{202e}\u{0}"), r#""\u{a}\u{202e}\u{0}""#);
    }
}
