//! What a JSON reader does with values of a type that it has no use for.

/// Implements the visits of JSON values that a reader has no use for: each is drained and handed to
/// `other` in words.
macro_rules! other_values {
    ($($kind:ident)*) => { $(other_values!(@ $kind);)* };
    (@ scalars) => {
        fn visit_bool<E>(self, value: bool) -> Result<(), E> {
            self.other(value.to_string());
            Ok(())
        }
        fn visit_unit<E>(self) -> Result<(), E> {
            self.other("null".to_owned());
            Ok(())
        }
        fn visit_i64<E>(self, value: i64) -> Result<(), E> {
            self.other(value.to_string());
            Ok(())
        }
        fn visit_u64<E>(self, value: u64) -> Result<(), E> {
            self.other(value.to_string());
            Ok(())
        }
        fn visit_f64<E>(self, value: f64) -> Result<(), E> {
            self.other(value.to_string());
            Ok(())
        }
        fn visit_str<E>(self, value: &str) -> Result<(), E> {
            self.other(format!("{:?}", $crate::issue::shortened(value)));
            Ok(())
        }
    };
    (@ array) => {
        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
            while items.next_element::<serde::de::IgnoredAny>()?.is_some() {}
            self.other("an array".to_owned());
            Ok(())
        }
    };
    (@ object) => {
        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
            while entries.next_entry::<serde::de::IgnoredAny, serde::de::IgnoredAny>()?.is_some() {}
            self.other("an object".to_owned());
            Ok(())
        }
    };
}

pub(crate) use other_values;
