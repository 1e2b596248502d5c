//! The same bits in a native process and in a browser: margins, scores and explanations.

use std::fmt::Write as _;

use picket_journeys::chromium::Chromium;
use picket_journeys::webdriver::{Browser, decode_base64};
use picket_journeys::{models, page_site, parity};
use picket_wasm_model::OwnedModel;

/// At least as many rows for each model, of them at most half real.
const N_ROWS: usize = 12_000;
/// Explanations are long; fewer rows will do.
const N_EXPLAINED: usize = 1_500;

/// A page with nothing but the module. Scripts on it answer with bytes in base64.
const BARE_PAGE: &str = "<!doctype html><title>Parity</title><link rel=icon href=icon.svg>";

/// Loads the model and the rows beside the page and scores them; then explains the first ones.
const SCRIPT: &str = r"
    const [explained] = arguments;
    return (async () => {
        const bytes = async (path) => new Uint8Array(await (await fetch(path)).arrayBuffer());
        const { default: init, Model } = await import(new URL('./pkg/picket.js', location.href).href);
        await init({ module_or_path: new URL('./pkg/picket_bg.wasm', location.href) });
        const model = new Model(await bytes('model.picket'));
        const width = JSON.parse(model.describe()).n_features;
        const rows = new Float32Array((await bytes('rows.bin')).buffer);
        const scored = model.score(rows);
        const explanations = [];
        for (let row = 0; row < explained; row += 1) {
            try {
                explanations.push(model.explain(rows.subarray(row * width, (row + 1) * width)));
            } catch (error) {
                // Of such a model there are no native explanations either.
                if (!String(error).includes('scores are not affected')) throw error;
            }
        }
        const base64 = async (arrays) => {
            const url = await new Promise((resolve) => {
                const reader = new FileReader();
                reader.onload = () => resolve(reader.result);
                reader.readAsDataURL(new Blob(arrays));
            });
            return url.slice(url.indexOf(',') + 1);
        };
        return [await base64([scored]), await base64(explanations)];
    })()";

#[test]
fn a_browser_gives_the_same_bits() {
    let Some(chromium) = Chromium::find("a_browser_gives_the_same_bits") else {
        return;
    };
    let browser = Browser::start(&chromium);
    let mut report = String::new();
    let artifacts = [models::every_kind(), models::trained()].concat();
    for artifact in artifacts {
        let name = &artifact.name;
        let model = OwnedModel::load(artifact.bytes.clone()).expect("our own artifact");
        let model = model.model();
        let real = parity::real_rows(model.schema(), N_ROWS / 2);
        let rows = parity::rows(model, &real, N_ROWS, 3);
        let n_rows = rows.len() / model.n_features();
        // Explanations of every sort of row: the last ones are the made ones.
        let explained = &rows[rows.len() - N_EXPLAINED * model.n_features()..];
        let scores = parity::native_scores(model, &rows);
        let explanations = parity::native_explanations(model, explained);

        let site = page_site::serve(artifact.bytes.clone());
        site.put("parity.html", BARE_PAGE.into());
        // The explained rows first, so that the script needs to know only how many they are.
        let in_order = [explained, &rows].concat();
        site.put(
            "rows.bin",
            in_order.iter().flat_map(|x| x.to_le_bytes()).collect(),
        );
        browser.open(&site.url("parity.html"));
        let answer = browser.run(SCRIPT, &[N_EXPLAINED.into()]);
        // Margin, score and verdict of each row; the verdict follows from the score.
        let triples = bits(&decode_base64(&answer[0]));
        let theirs: Vec<u64> = triples
            .chunks_exact(3)
            .skip(N_EXPLAINED)
            .flat_map(|triple| [triple[0], triple[1]])
            .collect();
        if let Some((at, ours, theirs)) = parity::first_difference(&scores, &theirs) {
            let row = &rows[at / 2 * model.n_features()..][..model.n_features()];
            panic!("{name}: native {ours}, browser {theirs} on {row:?}");
        }
        let theirs = bits(&decode_base64(&answer[1]));
        if let Some((at, ours, theirs)) = parity::first_difference(&explanations, &theirs) {
            panic!("{name}: explanation {at}: native {ours}, browser {theirs}");
        }
        let n_real = real.len() / model.n_features();
        let _ = writeln!(
            report,
            "{name}: {n_rows} rows ({n_real} real) and {N_EXPLAINED} explanations agree in every bit"
        );
    }
    println!("{report}");
    assert_eq!(browser.console(), [""; 0]);
}

fn bits(bytes: &[u8]) -> Vec<u64> {
    let (chunks, rest) = bytes.as_chunks();
    assert!(rest.is_empty(), "whole numbers");
    chunks
        .iter()
        .map(|chunk| u64::from_le_bytes(*chunk))
        .collect()
}
