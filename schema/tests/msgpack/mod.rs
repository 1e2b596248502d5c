//! MessagePack written by hand, so that the tests do not trust the encoder they test.
#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod document;

/// A string of up to 255 bytes.
pub(crate) fn text(s: &str) -> Vec<u8> {
    let mut bytes = match s.len() {
        n @ 0..=31 => vec![0xa0 | n as u8],
        n => vec![0xd9, n as u8],
    };
    bytes.extend(s.as_bytes());
    bytes
}

/// A `bin` of up to 255 bytes.
pub(crate) fn bin(content: &[u8]) -> Vec<u8> {
    let n = content.len() as u32;
    let [a, b, c, d] = n.to_be_bytes();
    let mut bytes = match n {
        0..256 => vec![0xc4, d],
        256..65_536 => vec![0xc5, c, d],
        _ => vec![0xc6, a, b, c, d],
    };
    bytes.extend(content);
    bytes
}

/// A number from 0 to 127.
pub(crate) fn uint(n: u8) -> Vec<u8> {
    assert!(n < 128);
    vec![n]
}

pub(crate) fn float(x: f64) -> Vec<u8> {
    let mut bytes = vec![0xcb];
    bytes.extend(x.to_be_bytes());
    bytes
}

pub(crate) fn float32(x: f32) -> Vec<u8> {
    let mut bytes = vec![0xca];
    bytes.extend(x.to_be_bytes());
    bytes
}

pub(crate) fn nil() -> Vec<u8> {
    vec![0xc0]
}

/// An array of up to 15 values.
pub(crate) fn array(values: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![0x90 | values.len() as u8];
    bytes.extend(values.concat());
    bytes
}

/// A map of up to 15 entries.
pub(crate) fn map(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = if entries.len() < 16 {
        vec![0x80 | entries.len() as u8]
    } else {
        vec![0xde, 0, entries.len() as u8]
    };
    for (key, value) in entries {
        bytes.extend(text(key));
        bytes.extend(value);
    }
    bytes
}

/// A map as [`map`], with some values replaced.
pub(crate) fn map_with(entries: &[(&str, Vec<u8>)], replaced: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut entries = entries.to_vec();
    for (key, value) in replaced {
        let entry = entries.iter_mut().find(|entry| entry.0 == *key);
        entry
            .unwrap_or_else(|| panic!("no key {key}"))
            .1
            .clone_from(value);
    }
    map(&entries)
}
