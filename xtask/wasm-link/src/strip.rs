//! Taking what only tools read out of a core module.

use anyhow::{Context, Result, ensure};

/// Custom sections that no host needs. The linker keeps names whatever the profile says.
const FOR_TOOLS: [&[u8]; 3] = [b"name", b"producers", b"target_features"];
/// `\0asm` and the version of core modules.
const HEADER: &[u8] = b"\0asm\x01\0\0\0";

/// The module without its [`FOR_TOOLS`] sections. Component types stay: encoding needs them.
pub(crate) fn strip(core: &[u8]) -> Result<Vec<u8>> {
    ensure!(core.starts_with(HEADER), "this is no core module");
    let mut kept = HEADER.to_vec();
    let mut rest = &core[HEADER.len()..];
    while let Some(id) = rest.first() {
        let (size, n_size) = number(&rest[1..]).context("a section's size")?;
        let start = 1 + n_size;
        let section = rest
            .get(..start + size)
            .context("a section ends after the module")?;
        if !(*id == 0 && is_for_tools(&section[start..])) {
            kept.extend(section);
        }
        rest = &rest[section.len()..];
    }
    Ok(kept)
}

/// Whether the content of a custom section, which starts with its name, is only for tools.
fn is_for_tools(content: &[u8]) -> bool {
    number(content).is_some_and(|(len, n_len)| {
        let name = content.get(n_len..n_len + len).unwrap_or_default();
        FOR_TOOLS.contains(&name)
    })
}

/// An unsigned LEB128 number of 32 bits, and how many bytes it takes.
fn number(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut number = 0;
    for (index, byte) in bytes.iter().take(5).enumerate() {
        number |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((number, index + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn custom(name: &str, content: &[u8]) -> Vec<u8> {
        let mut section = vec![0, (1 + name.len() + content.len()) as u8, name.len() as u8];
        section.extend(name.bytes());
        section.extend(content);
        section
    }

    #[test]
    fn only_sections_for_tools_go() {
        let types = [1, 4, 1, 0x60, 0, 0];
        let module = |sections: &[Vec<u8>]| [HEADER, &types, &sections.concat()].concat();
        let kept = custom("component-type:x", &[1, 2]);
        let stripped = strip(&module(&[
            custom("name", &[7]),
            kept.clone(),
            custom("producers", &[0; 40]),
        ]))
        .expect("a right module");
        assert_eq!(stripped, module(&[kept]));
    }

    #[test]
    fn a_module_that_ends_early_is_refused() {
        assert!(strip(b"\0asm\x0d\0\x01\0").is_err());
        assert!(strip(&[HEADER, &[1, 9, 0]].concat()).is_err());
        assert!(strip(&[HEADER, &[1, 0x80, 0x80]].concat()).is_err());
    }
}
