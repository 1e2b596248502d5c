//! The browser and its driver, for the tests of the page.

use super::apt;
use crate::command;
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::Command;

/// A browser that WebDriver can drive.
pub(crate) struct Browser {
    pub(crate) chromium: PathBuf,
    pub(crate) chromedriver: PathBuf,
}

const CHROMIUM_NAMES: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
];

const HOW_TO_GET_IT: &str = "install Chromium (or Chrome) and a chromedriver of the same version \
    and put both on the search path, or name them in the variables CHROMIUM and CHROMEDRIVER (on \
    Debian: `sudo apt-get install chromium chromium-driver`)";

impl Browser {
    pub(crate) fn ensure() -> Result<Self> {
        if find("CHROMIUM", &CHROMIUM_NAMES)?.is_none() || find_driver()?.is_none() {
            apt::install(&["chromium", "chromium-driver"]).with_context(|| {
                format!("the browser tests lack their browser: {HOW_TO_GET_IT}")
            })?;
        }
        let missing = |what: &str| format!("{what} is still missing: {HOW_TO_GET_IT}");
        let browser = Self {
            chromium: find("CHROMIUM", &CHROMIUM_NAMES)?.with_context(|| missing("Chromium"))?,
            chromedriver: find_driver()?.with_context(|| missing("chromedriver"))?,
        };
        browser.check_versions()?;
        Ok(browser)
    }

    /// A driver of another major version refuses the browser with an obscure message; say it here.
    fn check_versions(&self) -> Result<()> {
        let browser = command::capture(Command::new(&self.chromium).arg("--version"))?;
        let driver = command::capture(Command::new(&self.chromedriver).arg("--version"))?;
        println!("browser: {} ({})", self.chromium.display(), browser.trim());
        println!("driver: {}", self.chromedriver.display());
        if major_version(&browser) != major_version(&driver) {
            bail!(
                "`{}` cannot drive `{}`: {HOW_TO_GET_IT}",
                driver.trim(),
                browser.trim()
            );
        }
        Ok(())
    }
}

/// The program that the variable names; else the first of the names on the search path.
fn find(variable: &str, names: &[&str]) -> Result<Option<PathBuf>> {
    if let Some(path) = std::env::var_os(variable).map(PathBuf::from) {
        if !path.is_file() {
            bail!("{variable} names {}, which is not a file", path.display());
        }
        return Ok(Some(path));
    }
    Ok(names.iter().find_map(|name| command::find(name)))
}

fn find_driver() -> Result<Option<PathBuf>> {
    // Public runners keep the driver that matches their Chrome in a folder of this name.
    let on_runner = std::env::var_os("CHROMEWEBDRIVER")
        .map(|folder| PathBuf::from(folder).join("chromedriver"))
        .filter(|path| path.is_file());
    Ok(find("CHROMEDRIVER", &["chromedriver"])?.or(on_runner))
}

/// The number before the first dot of the first word that starts with a digit.
fn major_version(line: &str) -> Option<u32> {
    line.split_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?
        .split('.')
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::major_version;

    #[test]
    fn versions_are_read_from_what_the_programs_print() {
        assert_eq!(
            major_version("Chromium 156.0.8078.79 built on Debian"),
            Some(156)
        );
        assert_eq!(major_version("ChromeDriver 155.0.1 (abc123)"), Some(155));
        assert_eq!(major_version("no version"), None);
    }
}
