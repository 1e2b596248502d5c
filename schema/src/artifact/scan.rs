//! A first pass over the bytes, before anything is allocated: every length must fit into the
//! input, nesting and number of values are capped, and nothing may follow the document.

use super::error::ArtifactError;
use crate::limits;

/// Checks the MessagePack structure of `bytes` as one document.
///
/// # Errors
/// Truncation, trailing bytes, unknown markers, too deep nesting, too many values.
pub(super) fn scan(bytes: &[u8]) -> Result<(), ArtifactError> {
    // How many values each open container still expects; a map of n expects 2n.
    let mut open = [0_usize; limits::MAX_NESTING];
    let mut depth = 0;
    let mut offset = 0;
    let mut n_values = 0;
    loop {
        n_values += 1;
        if n_values > limits::MAX_VALUES {
            return Err(ArtifactError::TooManyValues);
        }
        let (header, payload, children) = value(bytes, offset)?;
        let end = offset
            .checked_add(header)
            .and_then(|end| end.checked_add(payload));
        match end {
            Some(end) if end <= bytes.len() => {
                if children > 0 {
                    if depth == limits::MAX_NESTING {
                        return Err(ArtifactError::TooDeep { offset });
                    }
                    open[depth] = children;
                    depth += 1;
                }
                offset = end;
            }
            _ => return Err(ArtifactError::Truncated { offset }),
        }
        if children == 0 {
            // This value is complete, and with it every container that waited for its last child.
            while depth > 0 {
                open[depth - 1] -= 1;
                if open[depth - 1] > 0 {
                    break;
                }
                depth -= 1;
            }
            if depth == 0 {
                break;
            }
        }
    }
    match bytes.len() - offset {
        0 => Ok(()),
        count => Err(ArtifactError::TrailingBytes { count }),
    }
}

/// The value at `offset`: bytes of its header, bytes of its payload, number of child values.
fn value(bytes: &[u8], offset: usize) -> Result<(usize, usize, usize), ArtifactError> {
    let marker = *bytes
        .get(offset)
        .ok_or(ArtifactError::Truncated { offset })?;
    let length = |width: usize| -> Result<usize, ArtifactError> {
        let field = bytes
            .get(offset + 1..offset + 1 + width)
            .ok_or(ArtifactError::Truncated { offset })?;
        Ok(field
            .iter()
            .fold(0, |length, byte| length << 8 | usize::from(*byte)))
    };
    let low = |mask: u8| usize::from(marker & mask);
    Ok(match marker {
        0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => (1, 0, 0),
        0x80..=0x8f => (1, 0, 2 * low(0x0f)),
        0x90..=0x9f => (1, 0, low(0x0f)),
        0xa0..=0xbf => (1, low(0x1f), 0),
        0xc4 | 0xd9 => (2, length(1)?, 0),
        0xc5 | 0xda => (3, length(2)?, 0),
        0xc6 | 0xdb => (5, length(4)?, 0),
        0xcc | 0xd0 => (1, 1, 0),
        0xcd | 0xd1 => (1, 2, 0),
        0xca | 0xce | 0xd2 => (1, 4, 0),
        0xcb | 0xcf | 0xd3 => (1, 8, 0),
        0xdc => (3, 0, length(2)?),
        0xdd => (5, 0, length(4)?),
        0xde => (3, 0, 2 * length(2)?),
        0xdf => (5, 0, length(4)?.saturating_mul(2)),
        _ => return Err(ArtifactError::UnexpectedMarker { offset, marker }),
    })
}
