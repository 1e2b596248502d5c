//! A browser driven through chromedriver by the W3C `WebDriver` protocol.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::chromium::Chromium;

/// The key under which `WebDriver` names elements, from its specification.
const ELEMENT_KEY: &str = "element-6066-11e4-a52e-4f735466cecf";
/// A script may take this long; the machine may be busy.
const SCRIPT_TIMEOUT: Duration = Duration::from_mins(2);
/// How long [`Browser::wait_until`] waits.
const WAIT: Duration = Duration::from_mins(1);

/// Keys that are not letters, by their `WebDriver` code points.
pub mod keys {
    /// The tabulator.
    pub const TAB: &str = "\u{e004}";
    /// The enter key.
    pub const ENTER: &str = "\u{e007}";
    /// The space bar.
    pub const SPACE: &str = "\u{e00d}";
    /// To the left.
    pub const ARROW_LEFT: &str = "\u{e012}";
    /// To the right.
    pub const ARROW_RIGHT: &str = "\u{e014}";
}

/// A headless browser with one window. Ends with its session when it is dropped.
#[derive(Debug)]
pub struct Browser {
    driver: Child,
    agent: ureq::Agent,
    session_url: String,
    downloads: TempDir,
    _profile: TempDir,
}

/// An element of the open page.
#[derive(Clone, Debug)]
pub struct Element(String);

impl Browser {
    /// Starts driver and browser.
    ///
    /// # Panics
    /// Where either does not start: the message is the driver's.
    #[must_use]
    pub fn start(chromium: &Chromium) -> Self {
        let mut driver = Command::new(&chromium.driver)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", chromium.driver.display()));
        let port = read_port(&mut driver);
        let profile = tempfile::tempdir().expect("a folder for the browser's profile");
        let downloads = tempfile::tempdir().expect("a folder for downloads");
        let mut args = vec![
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
        ];
        args.push(format!("--user-data-dir={}", profile.path().display()));
        let mut options = json!({ "args": args });
        if let Some(browser) = &chromium.browser {
            options["binary"] = json!(browser);
        }
        let agent = ureq::Agent::new_with_config(
            ureq::Agent::config_builder()
                .timeout_global(Some(SCRIPT_TIMEOUT + Duration::from_secs(10)))
                .http_status_as_error(false)
                .build(),
        );
        let mut this = Self {
            driver,
            agent,
            session_url: format!("http://127.0.0.1:{port}/session"),
            downloads,
            _profile: profile,
        };
        let session = this.command(
            "",
            &json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL" },
            "timeouts": { "script": SCRIPT_TIMEOUT.as_millis() as u64 },
        } } }),
        );
        let id = session["sessionId"].as_str().expect("a session has an id");
        this.session_url = format!("{}/{id}", this.session_url);
        let folder = this.downloads.path().display().to_string();
        this.cdp(
            "Browser.setDownloadBehavior",
            &json!({ "behavior": "allow", "downloadPath": folder }),
        );
        this
    }

    /// Opens an address and waits until its document is loaded.
    pub fn open(&self, url: &str) {
        self.command("/url", &json!({ "url": url }));
    }

    /// Runs a script's function body; answers what it returns, a promise's value too.
    #[must_use]
    pub fn run(&self, script: &str, args: &[Value]) -> Value {
        self.command("/execute/sync", &json!({ "script": script, "args": args }))
    }

    /// Runs a script until it answers `true`.
    ///
    /// # Panics
    /// Where it does not within half a minute.
    pub fn wait_until(&self, what: &str, script: &str) {
        self.wait_until_with(what, script, &[]);
    }

    /// As [`Browser::wait_until`], for a script with arguments.
    ///
    /// # Panics
    /// Where the wait is in vain.
    pub fn wait_until_with(&self, what: &str, script: &str, args: &[Value]) {
        let deadline = Instant::now() + WAIT;
        while self.run(script, args) != Value::Bool(true) {
            assert!(
                Instant::now() < deadline,
                "waited in vain until {what}; console: {:?}",
                self.console()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The first element that a CSS selector finds.
    ///
    /// # Panics
    /// Where there is none.
    #[must_use]
    pub fn find(&self, css: &str) -> Element {
        let found = self.command(
            "/element",
            &json!({ "using": "css selector", "value": css }),
        );
        Element(
            found[ELEMENT_KEY]
                .as_str()
                .expect("a found element has an id")
                .to_owned(),
        )
    }

    /// Clicks an element where a user would.
    pub fn click(&self, css: &str) {
        let Element(id) = self.find(css);
        self.command(&format!("/element/{id}/click"), &json!({}));
    }

    /// Types into an element; gives a file input its files.
    pub fn type_into(&self, css: &str, text: &str) {
        let Element(id) = self.find(css);
        self.command(&format!("/element/{id}/value"), &json!({ "text": text }));
    }

    /// Empties a text input and types into it.
    pub fn replace_text(&self, css: &str, text: &str) {
        let Element(id) = self.find(css);
        self.command(&format!("/element/{id}/clear"), &json!({}));
        self.command(&format!("/element/{id}/value"), &json!({ "text": text }));
    }

    /// Presses keys wherever the keyboard is.
    pub fn press(&self, keys: &str) {
        let actions: Vec<Value> = keys
            .chars()
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key })))
            .collect();
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": actions });
        self.command("/actions", &json!({ "actions": [keyboard] }));
    }

    /// The text that an element shows.
    #[must_use]
    pub fn text(&self, css: &str) -> String {
        let Element(id) = self.find(css);
        let text = self.query(&format!("/element/{id}/text"));
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Makes the window's content this large.
    pub fn resize(&self, width: u32, height: u32) {
        self.cdp(
            "Emulation.setDeviceMetricsOverride",
            &json!({
                "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false,
            }),
        );
    }

    /// Lets the page believe that the user prefers `light` or `dark`.
    pub fn prefer_colour_scheme(&self, scheme: &str) {
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.cdp(
            "Emulation.setEmulatedMedia",
            &json!({ "features": [feature] }),
        );
    }

    /// Cuts the browser off from the network, or connects it again.
    pub fn set_offline(&self, offline: bool) {
        self.cdp("Network.enable", &json!({}));
        self.cdp(
            "Network.emulateNetworkConditions",
            &json!({
                "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1,
            }),
        );
    }

    /// Writes what the window shows as a PNG.
    ///
    /// # Panics
    /// Where the file cannot be written.
    pub fn screenshot(&self, path: &Path) {
        let base64 = self.query("/screenshot");
        let png = decode_base64(&base64);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).expect("a folder for screenshots");
        }
        std::fs::write(path, png).expect("writing a screenshot");
    }

    /// What the console has got since the last call: warnings and errors.
    #[must_use]
    pub fn console(&self) -> Vec<String> {
        let log = self.command("/se/log", &json!({ "type": "browser" }));
        let entries = log.as_array().cloned().unwrap_or_default();
        entries
            .iter()
            .filter(|entry| entry["level"] != "INFO" && entry["level"] != "DEBUG")
            .map(|entry| format!("{}: {}", entry["level"], entry["message"]))
            .collect()
    }

    /// Waits for a download and reads it.
    ///
    /// # Panics
    /// Where it does not come within half a minute.
    #[must_use]
    pub fn downloaded(&self, name: &str) -> Vec<u8> {
        let path = self.downloads.path().join(name);
        let deadline = Instant::now() + WAIT;
        let mut before = Vec::new();
        loop {
            // The file stands there before all of it is written: it is complete when it stays as it is.
            let now = std::fs::read(&path).unwrap_or_default();
            if !now.is_empty() && now == before {
                return now;
            }
            assert!(Instant::now() < deadline, "{name} was not downloaded");
            before = now;
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn cdp(&self, command: &str, params: &Value) {
        self.command(
            "/goog/cdp/execute",
            &json!({ "cmd": command, "params": params }),
        );
    }

    fn command(&self, path: &str, body: &Value) -> Value {
        let sent = self
            .agent
            .post(format!("{}{path}", self.session_url))
            .header("content-type", "application/json")
            .send(body.to_string());
        value_of(path, sent)
    }

    fn query(&self, path: &str) -> Value {
        value_of(
            path,
            self.agent.get(format!("{}{path}", self.session_url)).call(),
        )
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ending the session ends the browser; the driver would leave it behind when killed first.
        drop(self.agent.delete(&self.session_url).call());
        drop(self.driver.kill());
        drop(self.driver.wait());
    }
}

/// Bytes from the base64 that `WebDriver` and scripts answer.
///
/// # Panics
/// Where it is not base64.
#[must_use]
pub fn decode_base64(value: &Value) -> Vec<u8> {
    let text = value
        .as_str()
        .unwrap_or_else(|| panic!("expected base64, found {value}"));
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .expect("base64")
}

fn value_of(path: &str, response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Value {
    let mut response = response.unwrap_or_else(|error| panic!("{path}: {error}"));
    let text = response
        .body_mut()
        .with_config()
        .limit(256 << 20)
        .read_to_string()
        .unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut answer: Value =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"));
    let value = answer["value"].take();
    if let Some(error) = value.get("error") {
        panic!("{path}: {error}: {}", value["message"]);
    }
    value
}

/// The driver prints the port it chose.
fn read_port(driver: &mut Child) -> u16 {
    let stdout = driver.stdout.take().expect("the driver's output is piped");
    let mut lines = BufReader::new(stdout).lines();
    let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
        line.split_once("started successfully on port ")?
            .1
            .trim_end_matches('.')
            .parse()
            .ok()
    });
    // Somebody must go on reading, or the driver stops when the pipe is full.
    std::thread::spawn(move || lines.for_each(drop));
    port.expect("chromedriver did not say its port")
}
