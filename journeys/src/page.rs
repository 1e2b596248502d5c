//! The page open in a browser.

use std::path::{Path, PathBuf};

use crate::chromium::Chromium;
use crate::page_site;
use crate::static_site::StaticSite;
use crate::webdriver::Browser;

/// The page open in a browser, with a model.
#[derive(Debug)]
pub struct Page {
    /// The browser.
    pub browser: Browser,
    /// Where the page comes from.
    pub site: StaticSite,
}

impl Page {
    /// Opens the page with a model. `None`, said aloud, where there is no browser.
    #[must_use]
    pub fn open(test: &str, artifact: Vec<u8>) -> Option<Self> {
        let browser = Browser::start(&Chromium::find(test)?);
        let site = page_site::serve(artifact);
        browser.resize(1280, 900);
        browser.open(&site.url(""));
        browser.wait_until(
            "the model is loaded",
            "return document.documentElement.dataset.ready === 'true'",
        );
        Some(Self { browser, site })
    }

    /// The score that is shown, with every bit.
    ///
    /// # Panics
    /// Where none is shown.
    #[must_use]
    pub fn score(&self) -> f64 {
        let script = "return Number(document.querySelector('#verdict-score').dataset.score)";
        self.browser.run(script, &[]).as_f64().expect("a score")
    }

    /// Checks that the console has nothing to complain about.
    ///
    /// # Panics
    /// Where it has: with what it says.
    pub fn assert_quiet(&self) {
        assert_eq!(
            self.browser.console(),
            [""; 0],
            "warnings or errors in the console"
        );
    }

    /// Takes a picture into `target/journeys`.
    pub fn picture(&self, name: &str) {
        let folder = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"),
            PathBuf::from,
        );
        self.browser.screenshot(&folder.join("journeys").join(name));
    }
}
