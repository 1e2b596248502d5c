//! What the journeys share: models to try, rows to try them with, a web server and a browser.

pub mod chromium;
pub mod csv_file;
pub mod dashboard_site;
pub mod models;
pub mod page;
pub mod page_site;
pub mod parity;
pub mod random;
pub mod static_site;
pub mod webdriver;
