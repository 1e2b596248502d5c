//! Writing JSON text: a few types, no reader. A library's writer is larger than the scorer.

/// Grows a JSON document from its start to its end.
pub(super) struct JsonText {
    text: String,
    /// How a number is written: JavaScript's own way, where there is JavaScript.
    number_text: fn(f64) -> String,
}

impl JsonText {
    pub(super) fn new(number_text: fn(f64) -> String) -> Self {
        Self {
            text: String::new(),
            number_text,
        }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// An object; `entries` writes its keys.
    pub(super) fn object(&mut self, entries: impl FnOnce(&mut Self)) {
        self.within('{', '}', entries);
    }

    /// An array with one item for each of `items`.
    pub(super) fn array<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        item: impl Fn(&mut Self, T),
    ) {
        self.within('[', ']', |json| {
            for x in items {
                json.separate();
                item(json, x);
            }
        });
    }

    fn within(&mut self, open: char, close: char, content: impl FnOnce(&mut Self)) {
        self.text.push(open);
        content(self);
        self.text.push(close);
    }

    /// A comma before all but the first of a container.
    fn separate(&mut self) {
        if !matches!(self.text.as_bytes().last(), None | Some(b'{' | b'[' | b':')) {
            self.text.push(',');
        }
    }

    /// A key; its value is written next, to what is returned.
    pub(super) fn key(&mut self, key: &str) -> &mut Self {
        self.separate();
        self.string(key);
        self.text.push(':');
        self
    }

    /// A string, or null.
    pub(super) fn optional(&mut self, string: Option<&str>) {
        match string {
            Some(string) => self.string(string),
            None => self.null(),
        }
    }

    pub(super) fn null(&mut self) {
        self.text.push_str("null");
    }

    /// A finite number.
    pub(super) fn number(&mut self, x: f64) {
        self.text.push_str(&(self.number_text)(x));
    }

    pub(super) fn numbers(&mut self, numbers: impl IntoIterator<Item = f64>) {
        self.array(numbers, Self::number);
    }

    pub(super) fn strings(&mut self, strings: &[String]) {
        self.array(strings, |json, string| json.string(string));
    }

    pub(super) fn string(&mut self, string: &str) {
        self.text.push('"');
        for char in string.chars() {
            match char {
                '"' | '\\' => self.text.extend(['\\', char]),
                '\0'..='\x1f' => {
                    let digit = |value: u32| char::from_digit(value, 16).unwrap_or('0');
                    let code = u32::from(char);
                    self.text.push_str("\\u00");
                    self.text.extend([digit(code >> 4), digit(code & 15)]);
                }
                _ => self.text.push(char),
            }
        }
        self.text.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_a_reader_reads() {
        let mut json = JsonText::new(|x| format!("{x:?}"));
        json.object(|json| {
            json.key("a\"\\\n\u{1f}é€").string("\u{0}\t/\u{2028}𝄞");
            json.key("b").numbers([1.0, -0.5, 1e-7]);
            json.key("c").array([1.0, 2.0], |json, x| {
                json.object(|json| json.key("x").number(x));
            });
            json.key("d").optional(None);
            json.key("e")
                .strings(&[String::new(), "[".into(), ",".into()]);
            json.key("f").object(|_| ());
            json.key("g").numbers([]);
        });
        let read: serde_json::Value = serde_json::from_str(&json.into_text()).unwrap();
        assert_eq!(
            read,
            serde_json::json!({
                "a\"\\\n\u{1f}é€": "\u{0}\t/\u{2028}𝄞",
                "b": [1.0, -0.5, 1e-7],
                "c": [{"x": 1.0}, {"x": 2.0}],
                "d": null,
                "e": ["", "[", ","],
                "f": {},
                "g": [],
            })
        );
    }
}
