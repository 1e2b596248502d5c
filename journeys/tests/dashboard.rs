//! The trainer's dashboard in a real browser: what it shows, by mouse and by keyboard, light and dark, and what it does
//! where the service asks for a token, knows nothing or is away.

use std::path::{Path, PathBuf};

use picket_journeys::chromium::Chromium;
use picket_journeys::dashboard_site;
use picket_journeys::static_site::StaticSite;
use picket_journeys::webdriver::{Browser, keys};
use serde_json::{Value, json};

fn start(test: &str) -> Option<(Browser, StaticSite)> {
    let browser = Browser::start(&Chromium::find(test)?);
    browser.resize(1280, 900);
    Some((browser, dashboard_site::serve()))
}

fn wait_for_state(browser: &Browser, state: &str) {
    let script = format!("return document.documentElement.dataset.state === '{state}'");
    browser.wait_until(&format!("the state is {state}"), &script);
}

fn picture(browser: &Browser, name: &str) {
    let folder = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"),
        PathBuf::from,
    );
    browser.screenshot(&folder.join("journeys").join(name));
}

fn texts(browser: &Browser, css: &str) -> Vec<String> {
    let script = "return [...document.querySelectorAll(arguments[0])].map((node) => node.textContent.trim())";
    serde_json::from_value(browser.run(script, &[json!(css)])).expect("texts")
}

#[test]
fn every_panel_shows_what_the_service_says() {
    let Some((browser, site)) = start("every_panel_shows_what_the_service_says") else {
        return;
    };
    browser.open(&site.url("home"));
    wait_for_state(&browser, "ready");
    let titles = texts(&browser, "#board section:not([hidden]) h2");
    assert_eq!(
        titles,
        [
            "Alerts",
            "Threats over time",
            "Scores",
            "Top contributing features",
            "Drift by feature",
            "Model versions",
            "Edge nodes",
            "Jobs"
        ]
    );
    // One mark a bin and verdict; heights add up to the rows.
    let heights = browser.run(
        "const sums = {};
         for (const kind of ['positive', 'uncertain', 'negative']) {
           sums[kind] = [...document.querySelectorAll(`#threats .volume.${kind}`)].length;
         }
         return sums",
        &[],
    );
    assert_eq!(heights["positive"], json!(168), "{heights}");
    assert_eq!(texts(&browser, "#alerts .alert.raised").len(), 2);
    assert_eq!(texts(&browser, "#alerts .pill"), ["2 raised"]);
    assert_eq!(texts(&browser, "#scores .bin").len(), 20);
    let reasons = texts(&browser, "#reasons .importance-name");
    assert_eq!(reasons.len(), 10);
    assert_eq!(reasons[0], "having_Sub_Domain");
    assert_eq!(
        reasons[9], "<b>not markup</b>",
        "names are text, never markup"
    );
    // The feature that has drifted furthest first.
    let drifted = texts(&browser, "#drift-table .row-button");
    assert_eq!(drifted[..2], ["web_traffic", "having_Sub_Domain"]);
    let versions = texts(&browser, "#versions-table tbody tr");
    assert_eq!(versions.len(), 2);
    assert!(
        versions[0].contains("champion") && versions[0].contains("92.9 % ("),
        "{versions:?}"
    );
    let nodes = texts(&browser, "#nodes-table tbody tr");
    assert!(
        nodes[0].contains("gate-3") && nodes[0].contains("silent") && nodes[0].contains("5,120"),
        "{nodes:?}"
    );
    let jobs = texts(&browser, "#jobs-table tbody tr");
    assert!(
        jobs[0].contains("search, 62 %") && jobs[2].contains("row 17"),
        "{jobs:?}"
    );
    // All of it is asked of this server, and goes on being asked.
    let others = browser.run(
        "return performance.getEntriesByType('resource').map((entry) => entry.name)
           .filter((name) => new URL(name).host !== location.host)",
        &[],
    );
    assert_eq!(others, json!([]), "another host was asked");
    drop(site.take_requests());
    browser.wait_until("it asks again", "return performance.getEntriesByType('resource').filter((entry) => entry.name.endsWith('/live')).length > 1");
    assert!(
        site.take_requests()
            .iter()
            .any(|path| path.ends_with("/live"))
    );
    assert_eq!(browser.console(), [""; 0]);
}

#[test]
fn it_is_readable_light_and_dark_wide_and_narrow() {
    let Some((browser, site)) = start("it_is_readable_light_and_dark_wide_and_narrow") else {
        return;
    };
    for (width, size) in [(1280, "wide"), (390, "narrow")] {
        for scheme in ["light", "dark"] {
            browser.prefer_colour_scheme(scheme);
            browser.resize(width, 900);
            browser.open(&site.url("home"));
            wait_for_state(&browser, "ready");
            let overflow = browser.run(
                "return document.documentElement.scrollWidth - innerWidth",
                &[],
            );
            assert!(
                overflow.as_f64().is_some_and(|it| it <= 0.0),
                "{size}: {overflow} pixels too wide"
            );
            let height = browser.run("return document.documentElement.scrollHeight", &[]);
            browser.resize(
                width,
                height
                    .as_u64()
                    .and_then(|it| u32::try_from(it).ok())
                    .expect("a height"),
            );
            picture(&browser, &format!("dashboard-{size}-{scheme}.png"));
            let contrasts = browser.run(CONTRASTS, &[]);
            let poor: Vec<&Value> = contrasts
                .as_array()
                .expect("contrasts")
                .iter()
                .filter(|one| one[0].as_f64().is_some_and(|ratio| ratio < 4.5))
                .collect();
            assert!(poor.is_empty(), "{scheme}: {poor:?}");
        }
    }
    assert_eq!(browser.console(), [""; 0]);
}

/// The contrast of every text with its background, as the Web Content Accessibility Guidelines 2.2 compute it.
const CONTRASTS: &str = "
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const rgba = (colour) => {
      canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
      return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const light = ([r, g, b]) => {
      const of = (value) => { const s = value / 255; return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4; };
      return 0.2126 * of(r) + 0.7152 * of(g) + 0.0722 * of(b);
    };
    const found = [];
    for (const node of document.querySelectorAll('#board *')) {
      const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim() !== '');
      if (!own || node.closest('svg') || node.checkVisibility?.() === false) continue;
      let ground = node;
      while (ground && rgba(getComputedStyle(ground).backgroundColor)[3] < 250) ground = ground.parentElement;
      const [a, b] = [rgba(getComputedStyle(node).color), rgba(getComputedStyle(ground ?? document.body).backgroundColor)].map(light);
      found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), node.textContent.slice(0, 40), node.className]);
    }
    return found";

#[test]
fn a_keyboard_and_a_screen_reader_are_enough() {
    let Some((browser, site)) = start("a_keyboard_and_a_screen_reader_are_enough") else {
        return;
    };
    browser.open(&site.url("home"));
    wait_for_state(&browser, "ready");
    // Everything that takes the keyboard, in the order of the page.
    let mut seen = Vec::new();
    for _ in 0..60 {
        browser.press(keys::TAB);
        let script =
            "const node = document.activeElement; return node.id || node.className || node.tagName";
        let at = browser
            .run(script, &[])
            .as_str()
            .unwrap_or_default()
            .to_owned();
        if at == "BODY" {
            break;
        }
        seen.push(at);
    }
    assert_eq!(seen.first().map(String::as_str), Some("skip"));
    for id in [
        "threats-chart",
        "scores-chart",
        "drift-of-web_traffic",
        "drift-all",
        "drift-history-chart",
        "versions-table",
        "nodes-table",
        "jobs-table",
    ] {
        assert!(
            seen.iter().any(|one| one == id),
            "{id} cannot be reached: {seen:?}"
        );
    }
    // Each chart says what it shows, and its numbers stand in a table.
    let charts = browser.run(
        "return [...document.querySelectorAll('.chart-box')].map((box) => [
           box.id, box.getAttribute('role'), box.getAttribute('aria-label').length > 40,
           box.closest('section').querySelectorAll(`#${box.id.replace('-chart', '-table')} tbody tr`).length > 5])",
        &[],
    );
    let expected: Vec<Value> = ["threats-chart", "scores-chart", "drift-history-chart"]
        .map(|id| json!([id, "img", true, true]))
        .into();
    assert_eq!(charts, Value::Array(expected));
    // Arrow keys read a chart out.
    assert_eq!(
        browser.run("document.querySelector('#scores-chart').focus()", &[]),
        Value::Null
    );
    browser.press(keys::ARROW_RIGHT);
    browser.press(keys::ARROW_RIGHT);
    let said = browser.text("#scores .readout");
    assert!(
        said.contains("5 to 10 %") && said.contains("in training"),
        "{said}"
    );
    browser.press(keys::ARROW_LEFT);
    assert!(browser.text("#scores .readout").contains("0 to 5 %"));
    // A feature is chosen by the space bar, keeps the keyboard, and still has it when new numbers come.
    assert_eq!(
        browser.run(
            "document.querySelector('#drift-of-having_Sub_Domain').focus()",
            &[]
        ),
        Value::Null
    );
    browser.press(keys::SPACE);
    assert_eq!(browser.text("#drift-detail-title"), "having_Sub_Domain");
    let focused = "return document.activeElement.id";
    assert_eq!(
        browser.run(focused, &[]),
        json!("drift-of-having_Sub_Domain")
    );
    // Every control has a name, every table heads, every section a title.
    let nameless = browser.run(
        "return [...document.querySelectorAll('#board button, #board [tabindex], #board section')]
           .filter((node) => !node.textContent.trim() && !node.getAttribute('aria-label') && !node.getAttribute('aria-labelledby'))
           .map((node) => node.outerHTML.slice(0, 80))",
        &[],
    );
    assert_eq!(nameless, json!([]));
    assert_eq!(browser.console(), [""; 0]);
}

#[test]
fn a_token_is_asked_for_and_kept_in_the_tab_alone() {
    let Some((browser, site)) = start("a_token_is_asked_for_and_kept_in_the_tab_alone") else {
        return;
    };
    site.ask_token("picket_right");
    browser.open(&site.url("home"));
    wait_for_state(&browser, "sign-in");
    picture(&browser, "dashboard-sign-in.png");
    assert_eq!(
        browser.run("return document.activeElement.id", &[]),
        json!("token")
    );
    assert_eq!(
        browser.run("return document.querySelector('#board').hidden", &[]),
        json!(true)
    );
    browser.type_into("#token", "picket_wrong");
    browser.press(keys::ENTER);
    browser.wait_until(
        "the token is refused",
        "return document.querySelector('#token-error').textContent.includes('does not know')",
    );
    browser.type_into("#token", "picket_right");
    browser.press(keys::ENTER);
    wait_for_state(&browser, "ready");
    let kept = "return [Object.values(sessionStorage), localStorage.length, document.cookie, location.href.includes('picket_right'), document.documentElement.outerHTML.includes('picket_right')]";
    assert_eq!(
        browser.run(kept, &[]),
        json!([["picket_right"], 0, "", false, false])
    );
    browser.click("#sign-out");
    wait_for_state(&browser, "sign-in");
    assert_eq!(browser.run("return sessionStorage.length", &[]), json!(0));
    // The browser itself notes each 401; the page has nothing to add.
    let other: Vec<String> = browser
        .console()
        .into_iter()
        .filter(|line| !line.contains("401"))
        .collect();
    assert_eq!(other, [""; 0]);
}

#[test]
fn it_says_when_there_is_nothing_and_when_the_service_is_away() {
    let Some((browser, site)) = start("it_says_when_there_is_nothing_and_when_the_service_is_away")
    else {
        return;
    };
    site.put_json("live", &dashboard_site::live_without_records());
    site.put_json("alerts", &json!({ "looked_ms": null, "alerts": [] }));
    site.put_json("task", &json!({ "tasks": [], "total": 0 }));
    browser.open(&site.url("home"));
    wait_for_state(&browser, "no-data");
    picture(&browser, "dashboard-no-data.png");
    assert!(browser.text("#nothing-words").contains("--store"));
    assert!(
        browser
            .text("#jobs")
            .contains("No training has been asked for")
    );
    assert_eq!(
        browser.run("return document.querySelector('#threats').hidden", &[]),
        json!(true)
    );
    site.set_away(true);
    wait_for_state(&browser, "away");
    let words = browser.text("#notice");
    assert!(
        words.contains("does not answer") && words.contains("10 s") && words.contains("said last"),
        "{words}"
    );
    picture(&browser, "dashboard-away.png");
    site.set_away(false);
    wait_for_state(&browser, "no-data");
    assert_eq!(
        browser.run("return document.querySelector('#notice').hidden", &[]),
        json!(true)
    );
}
