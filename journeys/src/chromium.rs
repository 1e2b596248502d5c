//! Where the browser and its driver are.

use std::path::PathBuf;

/// Chromium and a chromedriver of the same version.
#[derive(Clone, Debug)]
pub struct Chromium {
    /// The browser; `None` leaves the choice to the driver.
    pub browser: Option<PathBuf>,
    /// The driver.
    pub driver: PathBuf,
}

impl Chromium {
    /// Finds them: `CHROMEDRIVER` and `CHROMIUM`, else by name on the search path. `None`, said
    /// aloud, where there is no driver.
    ///
    /// # Panics
    /// Where a variable names a file that is not there.
    #[must_use]
    pub fn find(test: &str) -> Option<Self> {
        let Some(driver) = named("CHROMEDRIVER").or_else(|| on_path(&["chromedriver"])) else {
            eprintln!("SKIPPED {test}: no chromedriver; `cargo xtask test` installs it");
            return None;
        };
        let names = [
            "chromium",
            "chromium-browser",
            "google-chrome-stable",
            "google-chrome",
        ];
        Some(Self {
            browser: named("CHROMIUM").or_else(|| on_path(&names)),
            driver,
        })
    }
}

fn named(variable: &str) -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os(variable)?);
    assert!(
        path.is_file(),
        "{variable} names {}, which is not a file",
        path.display()
    );
    Some(path)
}

fn on_path(names: &[&str]) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .find(|path| path.is_file())
}
