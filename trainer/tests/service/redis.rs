//! A Redis server for tests: the one that `PICKET_REDIS_URL` names.

/// The address of a database of the tests' server, or why there is none. Each test has a number of its own.
pub(crate) fn redis_url(database: u8) -> Option<String> {
    let url = std::env::var("PICKET_REDIS_URL")
        .ok()
        .filter(|url| !url.is_empty());
    if url.is_none() {
        println!("skipped: PICKET_REDIS_URL names no Redis server; cargo xtask test starts one");
    }
    Some(format!("{}/{database}", url?.trim_end_matches('/')))
}
