//! The page in a real browser, on an edge whose model is for those who have a token.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use picket_access::{Role, TokenFile};
use picket_edge_runtime::{AllowedOrigins, Doors, Server, ServerOptions};
use picket_journeys::chromium::Chromium;
use picket_journeys::models;
use picket_journeys::page_site::www;
use picket_journeys::webdriver::{Browser, keys};
use picket_schema::artifact::Operator;
use picket_service::{Assets, Limits, NoClock, Scoring, ScoringError, ServedModel, Service};
use picket_wasm_model::{Explainer, Explanation, OwnedModel, Scored, Scorer};
use serde_json::json;
use tokio::sync::oneshot;

type Tested = Result<(), Box<dyn Error>>;

/// Scores with the model itself: who may have it is what is tested.
struct Native(OwnedModel);

impl Scoring for Native {
    fn score(&self, rows: &[f32]) -> Result<Vec<Scored>, ScoringError> {
        let scored = Scorer::new(self.0.model()).score_batch(rows);
        Ok(scored.expect("checked rows"))
    }

    fn explain(&self, row: &[f32]) -> Result<Explanation, ScoringError> {
        Ok(Explainer::new(self.0.model())
            .explain(row)
            .expect("a checked row"))
    }
}

/// The page's files, by the names that it asks for.
fn assets() -> Result<Assets, Box<dyn Error>> {
    let mut files = Vec::new();
    for (folder, prefix) in [(www(), ""), (www().join("pkg"), "pkg/")] {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                let name = entry.file_name().to_string_lossy().into_owned();
                files.push((format!("{prefix}{name}"), std::fs::read(entry.path())?));
            }
        }
    }
    let mut assets = Assets::new();
    for (name, bytes) in files {
        assets.insert(name, bytes);
    }
    Ok(assets)
}

/// An edge with a token of each role; it stops when this is dropped.
struct Edge {
    origin: String,
    secrets: BTreeMap<&'static str, String>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Edge {
    fn start(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let bytes = models::trees("guarded", &models::phishing(), Operator::LessEqual, 40, 6).bytes;
        let model = ServedModel::decode(&bytes.clone().into())?;
        let scoring = Box::new(Native(OwnedModel::load(bytes)?));
        let limits = Limits::default();
        let service = Service::new(model, scoring, assets()?, Box::new(NoClock), limits);
        let service = Arc::new(service);
        let path = folder.join("tokens.json");
        let (mut tokens, mut secrets) = (TokenFile::new(), BTreeMap::new());
        for role in Role::EDGE {
            let made = tokens.add(role.as_str(), role, None)?;
            secrets.insert(role.as_str(), made.secret().to_owned());
        }
        tokens.write(&path)?;
        let options = ServerOptions {
            doors: Doors::with_tokens(path, AllowedOrigins::default())?,
            ..ServerOptions::default()
        };
        let (stop, stopped) = oneshot::channel();
        let (told, bound) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .expect("threads");
            runtime.block_on(async {
                let address = ([127, 0, 0, 1], 0).into();
                let server = Server::bind_with(service, address, options).await;
                let server = server.expect("a port");
                told.send(server.address().expect("an address"))
                    .expect("the test listens");
                server.serve(async { drop(stopped.await) }).await;
            });
        });
        Ok(Self {
            origin: format!("http://{}/", bound.recv()?),
            secrets,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    fn secret(&self, role: &str) -> &str {
        &self.secrets[role]
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

const READY: &str = "return document.documentElement.dataset.ready === 'true'";

fn wait_for_words(browser: &Browser, words: &str) {
    let script = "return document.querySelector('#token-wrong').textContent.includes(arguments[0]) && !document.querySelector('#token-use').disabled";
    browser.wait_until_with("the token is refused", script, &[json!(words)]);
    let focused = "return [document.activeElement.id, document.querySelector('#token-input').getAttribute('aria-invalid')]";
    assert_eq!(browser.run(focused, &[]), json!(["token-input", "true"]));
}

/// Whether the section can be read: the contrast of its words and of its field's edge, by WCAG.
fn assert_readable(browser: &Browser, scheme: &str) {
    browser.prefer_colour_scheme(scheme);
    let script = "
      const numbers = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map(Number);
      const light = (colour) => numbers(colour).map((x) => x / 255)
        .map((x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4))
        .reduce((sum, x, idx) => sum + x * [0.2126, 0.7152, 0.0722][idx], 0);
      const contrast = (a, b) => {
        const [low, high] = [light(a), light(b)].sort((x, y) => x - y);
        return (high + 0.05) / (low + 0.05);
      };
      const style = (css) => getComputedStyle(document.querySelector(css));
      const ground = style('#token').backgroundColor;
      return [
        contrast(style('#token-words').color, ground),
        contrast(style('#token-wrong').color, ground),
        contrast(style('#token-input').color, style('#token-input').backgroundColor),
        contrast(style('#token-input').borderTopColor, ground),
      ]";
    let found = browser.run(script, &[]);
    let found: Vec<f64> = serde_json::from_value(found).expect("numbers");
    assert!(
        found[..3].iter().all(|it| *it >= 4.5),
        "{scheme}: {found:?}"
    );
    assert!(found[3] >= 3.0, "{scheme}: {found:?}");
}

#[test]
fn the_page_asks_for_a_token_and_keeps_it_in_the_tab_alone() -> Tested {
    let test = "the_page_asks_for_a_token_and_keeps_it_in_the_tab_alone";
    let Some(chromium) = Chromium::find(test) else {
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    let edge = Edge::start(folder.path())?;
    let browser = Browser::start(&chromium);
    browser.resize(1280, 900);
    browser.open(&edge.origin);
    browser.wait_until("the page has decided", READY);
    // It asks, in words that belong to the field, and the keyboard is there already.
    let shown = "
      const [section, input] = ['#token', '#token-input'].map((css) => document.querySelector(css));
      return [section.hidden, section.getAttribute('aria-labelledby'), input.type, input.labels[0].textContent,
        input.getAttribute('aria-describedby'), document.querySelector('#token-wrong').getAttribute('role'),
        document.activeElement === input, input.hasAttribute('aria-invalid'), document.querySelector('#workspace').hidden]";
    assert_eq!(
        browser.run(shown, &[]),
        json!([
            false,
            "token-title",
            "password",
            "Token",
            "token-words token-wrong",
            "alert",
            true,
            false,
            true
        ])
    );
    assert_eq!(browser.text("#token-title"), "This server asks for a token");
    assert_eq!(browser.text("#token-wrong"), "");

    // What is no token, one that is wrong, one whose role is too small: each said, none kept.
    browser.type_into("#token-input", "two words");
    browser.press(keys::ENTER);
    wait_for_words(&browser, "without spaces");
    browser.replace_text("#token-input", &format!("{}x", edge.secret("viewer")));
    browser.press(keys::ENTER);
    wait_for_words(&browser, "does not know");
    browser.type_into("#token-input", edge.secret("deliver"));
    browser.press(keys::ENTER);
    wait_for_words(&browser, "too small");
    assert_eq!(browser.run("return sessionStorage.length", &[]), json!(0));
    for scheme in ["dark", "light"] {
        assert_readable(&browser, scheme);
    }

    // The right one opens the model, and stays in this tab's storage alone.
    let secret = edge.secret("viewer");
    browser.type_into("#token-input", secret);
    browser.press(keys::ENTER);
    let opened = "return !document.querySelector('#workspace').hidden";
    browser.wait_until("the model is open", opened);
    assert_eq!(browser.text("#model-name"), "guarded");
    let kept = "return [document.querySelector('#token').hidden, Object.values(sessionStorage), localStorage.length,
      document.cookie, location.href.includes(arguments[0]), document.documentElement.outerHTML.includes(arguments[0]),
      performance.getEntriesByType('resource').some((it) => it.name.includes(arguments[0]))]";
    assert_eq!(
        browser.run(kept, &[json!(secret)]),
        json!([true, [secret], 0, "", false, false, false])
    );
    browser.open(&edge.origin);
    browser.wait_until("the model is open", opened);

    // Forgotten, it is asked for again; a model that is open stays open.
    browser.click("#forget-token");
    let forgotten = "return [document.querySelector('#token').hidden, document.querySelector('#forget-token').hidden, sessionStorage.length, document.activeElement.id]";
    assert_eq!(
        browser.run(forgotten, &[]),
        json!([false, true, 0, "token-input"])
    );
    assert_eq!(browser.text("#model-name"), "guarded");
    // The browser itself notes each answer; the page has nothing to add, and no token stands there.
    let others: Vec<String> = browser
        .console()
        .into_iter()
        .filter(|line| !line.contains("401") && !line.contains("403"))
        .collect();
    assert_eq!(others, [""; 0]);
    Ok(())
}

#[test]
fn without_a_token_a_file_of_ones_own_is_opened() -> Tested {
    let Some(chromium) = Chromium::find("without_a_token_a_file_of_ones_own_is_opened") else {
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    let edge = Edge::start(folder.path())?;
    let browser = Browser::start(&chromium);
    browser.open(&edge.origin);
    browser.wait_until("the page has decided", READY);
    let bytes = models::trees("own", &models::phishing(), Operator::LessEqual, 40, 6).bytes;
    let file = folder.path().join("own.picket");
    std::fs::write(&file, bytes)?;
    browser.type_into("#model-file", &file.display().to_string());
    let opened = "return document.querySelector('#token').hidden && document.querySelector('#model-name').textContent === 'own'";
    browser.wait_until("the file is open", opened);
    Ok(())
}
