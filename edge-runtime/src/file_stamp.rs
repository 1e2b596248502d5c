//! Whether a file is another than before.

use std::path::Path;
use std::time::SystemTime;

/// What changes when a file is written or replaced; nothing where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileStamp(Option<(u64, Option<SystemTime>, u64)>);

impl FileStamp {
    pub(crate) fn of(path: &Path) -> Self {
        let stamp = std::fs::metadata(path).ok().map(|it| {
            #[cfg(unix)]
            let number = std::os::unix::fs::MetadataExt::ino(&it);
            #[cfg(not(unix))]
            let number = 0;
            (it.len(), it.modified().ok(), number)
        });
        Self(stamp)
    }
}
