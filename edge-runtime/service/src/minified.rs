//! JSON text without the space between its tokens, so that it fits in one line.

/// Takes valid JSON and leaves out the white space outside strings. Nothing else changes: numbers
/// keep their digits and objects their order.
pub(crate) fn minified(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let (mut in_string, mut escaped) = (false, false);
    for c in json.chars() {
        if in_string {
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
        } else if matches!(c, ' ' | '\t' | '\r' | '\n') {
            continue;
        } else {
            in_string = c == '"';
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::minified;

    #[test]
    fn keeps_strings_and_numbers() {
        let json = "{ \"a \\\" b\" :\n [ 1.50, -0e1 ,\"\\\\\" ] }\r\n";
        assert_eq!(minified(json), r#"{"a \" b":[1.50,-0e1,"\\"]}"#);
    }
}
