//! What a fuzzer begins with where no file of the repository is such an input.

use anyhow::{Context, Result};
use std::path::Path;

/// The first byte chooses path and content type: see the target's `ROUTES`.
const HTTP: &[&[u8]] = &[
    b"\x00{\"features\":{\"duration\":0,\"protocol_type\":\"tcp\",\"service\":\"http\",\"src_bytes\":1e3}}",
    b"\x00{\"features\":[0,\"udp\",null],\"metadata\":{\"a\":1}}",
    b"\x01{\"features\":{\"flag\":\"SF\",\"count\":-1}}",
    b"\x02[{\"features\":{\"duration\":2}},{\"features\":{}}]",
    b"\x02{\"rows\":[{\"duration\":2},{}]}",
    b"\x03{\"features\":{\"duration\":2}}\n\n{\"duration\":3}\n",
    b"\x04duration,protocol_type\n1,tcp\n\"2\",\"udp\"\n",
    b"\x05--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\nduration\n1\n\r\n--x--\r\n",
    b"\x06{\"prediction\":\"00112233445566778899aabbccddeeff\",\"label\":\"normal\"}",
    b"\x06[{\"prediction\":\"00112233445566778899aabbccddeeff\",\"label\":\"attack\"}]",
    b"\x07{\"prediction\":\"00112233445566778899aabbccddeeff\",\"label\":\"attack\"}\n{}\n",
];

const COLLECTOR: &[&[u8]] = &[
    b"{\"kind\":\"label\",\"id\":\"00112233445566778899aabbccddeeff\",\"label\":\"a\"}\n",
    b"{\"kind\":\"pr\\u0065diction\",\"id\":\"00112233445566778899aabbccddeeff\"}\n\n{\"kind\":1}\n[]",
    b"{\"id\":\"00112233445566778899aabbccddeeff\",\"id\":\"0\",\"kind\":\"aggregate\"}",
];

/// Steps: 0 appends, 2 delivers, 3 replays, 4 checkpoints, 5 meddles with the files and opens them again.
const SPOOL: &[&[u8]] = &[
    &[0, 40, 1, 200, 4, 2, 0, 0, 10, 5, 0, 0, 0, 9],
    &[0, 40, 0, 40, 5, 0, 0, 1, 30, 7, 2, 1, 3, 2, 0],
    &[0, 9, 4, 5, 1, 4, 0, 1, 9, 2, 5, 2, 1, 0, 0],
    &[
        0, 250, 0, 250, 0, 250, 0, 250, 0, 250, 5, 0, 3, 1, 70, 0, 9, 2, 0,
    ],
    &[0, 9, 0, 9, 2, 0, 5, 0, 4, 0, 0, 1, 1, 4, 1, 1, 1, 1, 0],
    &[0, 9, 5, 0, 5, 1, 90, 0, 9, 5, 0, 6, 1, 0, 3, 2, 255],
    // A segment under the name of another: its records count for neither.
    &[
        0, 9, 148, 4, 5, 113, 117, 97, 114, 110, 97, 5, 217, 1, 0, 0, 0, 5, 0,
    ],
    // A file of bytes that are none of its records: they must not fill the spool.
    &[250, 57, 251, 109, 250, 57, 250, 59, 77],
    // A ledger whose generation has no next one.
    &[
        8, 0, 9, 9, 202, 238, 4, 5, 254, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
    ],
];

/// The seeds of a target; none where it reads artifacts, which the repository has.
pub(super) fn of(target: &str) -> &'static [&'static [u8]] {
    match target {
        "http" => HTTP,
        "collector" => COLLECTOR,
        "spool" => SPOOL,
        _ => &[],
    }
}

/// Writes seeds into a folder, a file each.
pub(super) fn write(seeds: &[&[u8]], folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).context("making a folder for seeds")?;
    for (idx, seed) in seeds.iter().enumerate() {
        std::fs::write(folder.join(format!("seed-{idx}")), seed)?;
    }
    Ok(())
}
