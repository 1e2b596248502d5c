//! A web server for files, as plain as static hosting is.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// Serves a folder under a prefix of its own, until it is dropped.
#[derive(Debug)]
pub struct StaticSite {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    /// Pages beside the folder's own, by path.
    extra: Mutex<BTreeMap<String, Page>>,
    /// The token that paths need which ask for one.
    token: Mutex<Option<String>>,
    /// Whether connections are closed without an answer.
    is_away: AtomicBool,
    /// The paths asked for, in order.
    requests: Mutex<Vec<String>>,
    stopped: AtomicBool,
}

#[derive(Clone, Debug)]
struct Page {
    mime: &'static str,
    bytes: Vec<u8>,
    needs_token: bool,
}

/// The site stands in a folder, as on a host that serves many: the page may know no absolute path.
const PREFIX: &str = "/somewhere/below/";

impl StaticSite {
    /// Starts serving `root` on a free port of this machine.
    ///
    /// # Panics
    /// Where no port can be opened.
    #[must_use]
    pub fn serve(root: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("the port's address");
        let shared = Arc::new(Shared {
            root: root.to_owned(),
            extra: Mutex::default(),
            token: Mutex::default(),
            is_away: AtomicBool::new(false),
            requests: Mutex::default(),
            stopped: AtomicBool::new(false),
        });
        let served = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if served.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let served = Arc::clone(&served);
                // A browser opens connections that it never uses: one must not hold up the others.
                if let Ok(stream) = stream {
                    std::thread::spawn(move || {
                        // The other side may hang up at any time; that is its own affair.
                        let _ = served.answer(stream);
                    });
                }
            }
        });
        Self {
            address,
            shared,
            thread: Some(thread),
        }
    }

    /// Adds or replaces a file beside the folder's own.
    ///
    /// # Panics
    /// Where a serving thread has panicked.
    pub fn put(&self, path: &str, bytes: Vec<u8>) {
        self.put_page(path, mime(path), bytes, false);
    }

    /// The same for a path without an ending.
    pub fn put_html(&self, path: &str, bytes: Vec<u8>) {
        self.put_page(path, mime(".html"), bytes, false);
    }

    /// An answer of an API; it needs the token, where one is asked for.
    pub fn put_json(&self, path: &str, answer: &serde_json::Value) {
        self.put_page(
            path,
            "application/json",
            answer.to_string().into_bytes(),
            true,
        );
    }

    fn put_page(&self, path: &str, mime: &'static str, bytes: Vec<u8>, needs_token: bool) {
        let page = Page {
            mime,
            bytes,
            needs_token,
        };
        self.shared
            .extra
            .lock()
            .expect("no panic while serving")
            .insert(path.to_owned(), page);
    }

    /// Asks for a token where an API answers.
    ///
    /// # Panics
    /// Where a serving thread has panicked.
    pub fn ask_token(&self, token: &str) {
        *self.shared.token.lock().expect("no panic while serving") = Some(token.to_owned());
    }

    /// Answers no more, or again.
    pub fn set_away(&self, is_away: bool) {
        self.shared.is_away.store(is_away, Ordering::SeqCst);
    }

    /// The address of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{PREFIX}{path}", self.address)
    }

    /// The paths asked for since the last call.
    ///
    /// # Panics
    /// Where a serving thread has panicked.
    #[must_use]
    pub fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut *self.shared.requests.lock().expect("no panic while serving"))
    }
}

impl Drop for StaticSite {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread, so that it sees it.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Shared {
    fn answer(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut request = String::new();
        reader.read_line(&mut request)?;
        let (mut header, mut presented) = (String::new(), None);
        while reader.read_line(&mut header)? > 2 {
            if let Some((name, value)) = header.split_once(':')
                && name.eq_ignore_ascii_case("authorization")
            {
                presented = value.trim().strip_prefix("Bearer ").map(str::to_owned);
            }
            header.clear();
        }
        if self.is_away.load(Ordering::SeqCst) {
            return Ok(());
        }
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        self.requests
            .lock()
            .map_err(|_| io::Error::other("poisoned"))?
            .push(path.clone());
        let Some(page) = self.find(&path) else {
            return stream.write_all(
                b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            );
        };
        let token = self
            .token
            .lock()
            .map_err(|_| io::Error::other("poisoned"))?;
        if page.needs_token && token.is_some() && *token != presented {
            return stream.write_all(
                b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            );
        }
        drop(token);
        let Page { mime, bytes, .. } = page;
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Type: {mime}\r\nContent-Length: {}\r\n\
             Cache-Control: no-store\r\nConnection: close\r\n\r\n",
            bytes.len()
        )?;
        stream.write_all(&bytes)
    }

    fn find(&self, path: &str) -> Option<Page> {
        let path = path.strip_prefix(PREFIX)?.split('?').next()?;
        let path = if path.is_empty() { "index.html" } else { path };
        if let Some(page) = self.extra.lock().ok()?.get(path) {
            return Some(page.clone());
        }
        let relative = Path::new(path);
        let inside = relative
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        let bytes = std::fs::read(self.root.join(relative))
            .ok()
            .filter(|_| inside)?;
        Some(Page {
            mime: mime(path),
            bytes,
            needs_token: false,
        })
    }
}

fn mime(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript",
        "css" => "text/css",
        "svg" => "image/svg+xml",
        "wasm" => "application/wasm",
        _ => "application/octet-stream",
    }
}
