//! The page's files, held in memory: a request can name no file that the host did not give.

use std::collections::BTreeMap;

use bytes::Bytes;

/// Files by their path below the root, such as `pkg/picket.js`.
#[derive(Clone, Debug, Default)]
pub struct Assets {
    files: BTreeMap<String, Bytes>,
}

impl Assets {
    /// No file: the root then answers with a short page that names the routes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file under its path below the root, with `/` between folders and none at the start.
    pub fn insert(&mut self, path: impl Into<String>, body: impl Into<Bytes>) {
        self.files.insert(path.into(), body.into());
    }

    /// How many files there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is no file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The file that a URL path names; a folder's path names its `index.html`.
    pub(crate) fn find(&self, url_path: &str) -> Option<(&str, Bytes)> {
        let path = url_path.strip_prefix('/')?;
        let (path, body) = if path.is_empty() || path.ends_with('/') {
            self.files.get_key_value(&format!("{path}index.html"))?
        } else {
            self.files.get_key_value(path)?
        };
        Some((path, body.clone()))
    }
}

impl<P: Into<String>, B: Into<Bytes>> FromIterator<(P, B)> for Assets {
    fn from_iter<I: IntoIterator<Item = (P, B)>>(files: I) -> Self {
        let mut assets = Self::new();
        for (path, body) in files {
            assets.insert(path, body);
        }
        assets
    }
}

/// The media type of a file, by the end of its name.
pub(crate) fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("csv") => "text/csv; charset=utf-8",
        Some("txt" | "md") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
