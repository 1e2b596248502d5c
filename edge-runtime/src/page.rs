//! The page's files, read once.

use std::path::Path;

use picket_service::Assets;

use crate::error::StartError;

/// The most that the page's files may hold together: a wrong folder should not fill the memory.
const MAX_BYTES: usize = 64 << 20;

/// Reads every file below `folder`, hidden ones apart.
///
/// # Errors
/// [`StartError::PageUnreadable`] names the file that cannot be read, [`StartError::PageTooLarge`]
/// is for a folder that holds more than a page.
pub(crate) fn read(folder: &Path) -> Result<Assets, StartError> {
    let mut assets = Assets::new();
    let mut n_bytes = 0;
    let mut folders = vec![(folder.to_owned(), String::new())];
    while let Some((path, prefix)) = folders.pop() {
        let unreadable = |source| StartError::PageUnreadable {
            path: path.clone(),
            source,
        };
        for entry in std::fs::read_dir(&path).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name();
            // A name that is not text cannot be asked for.
            let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else {
                continue;
            };
            let file = entry.path();
            let unreadable = |source| StartError::PageUnreadable {
                path: file.clone(),
                source,
            };
            let kind = entry.file_type().map_err(unreadable)?;
            if kind.is_dir() {
                folders.push((file, format!("{prefix}{name}/")));
            } else if kind.is_file() {
                n_bytes += entry.metadata().map_err(unreadable)?.len() as usize;
                if n_bytes > MAX_BYTES {
                    return Err(StartError::PageTooLarge {
                        path: folder.to_owned(),
                        max: MAX_BYTES,
                    });
                }
                assets.insert(
                    format!("{prefix}{name}"),
                    std::fs::read(&file).map_err(unreadable)?,
                );
            }
        }
    }
    Ok(assets)
}
