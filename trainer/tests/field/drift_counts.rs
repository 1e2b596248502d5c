//! Counts of the field beside the model's reference: in other bins, and a little different in many rows.

use serde_json::json;

use crate::scene::{Scene, id};

#[test]
fn counts_of_other_bins_are_not_compared_and_said_to_be_there() {
    let mut scene = Scene::new();
    scene.fill_folder();
    let before = scene.look("store");
    let is_aggregate = |it: &&serde_json::Value| it["kind"] == "aggregate";
    let mut other = scene.records.iter().find(is_aggregate).unwrap().clone();
    other["id"] = json!(id(4, 77));
    let features = other["features"].as_array_mut().unwrap();
    let edges = features
        .iter_mut()
        .find_map(|it| it["edges"].as_array_mut().filter(|it| !it.is_empty()));
    let last = edges.unwrap().last_mut().unwrap();
    *last = json!(last.as_f64().unwrap() + 0.25);
    scene.records.push(other);
    scene.fill_folder();
    let view = scene.look("store");
    let drift = |view: &serde_json::Value| {
        let mut drift = view["drift"][0].clone();
        drift["n_unusable"] = json!(null);
        drift
    };
    assert_eq!(view["drift"][0]["n_unusable"], 1);
    assert_eq!(before["drift"][0]["n_unusable"], 0);
    assert_eq!(drift(&view), drift(&before));
}

/// In many rows a small difference is certain; it is no drift as long as it is small.
#[test]
fn a_small_difference_in_many_rows_is_no_drift() {
    let mut scene = Scene::new();
    let is_aggregate = |it: &serde_json::Value| it["kind"] == "aggregate";
    let mut many = scene
        .records
        .iter()
        .find(|it| is_aggregate(it))
        .unwrap()
        .clone();
    scene.records.retain(|it| !is_aggregate(it));
    let times = |value: &mut serde_json::Value| *value = json!(value.as_u64().unwrap() * 10_000);
    let n_rows = many["n_rows"].as_u64().unwrap();
    times(&mut many["n_rows"]);
    times(&mut many["verdicts"]["positive"]);
    many["scores"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .for_each(times);
    let mut moved = None;
    for (idx, feature) in many["features"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .enumerate()
    {
        let counts = feature["counts"].as_array_mut().unwrap();
        counts.iter_mut().for_each(times);
        let large: Vec<usize> = (0..counts.len())
            .filter(|at| counts[*at].as_u64().unwrap() > 2000 * n_rows)
            .collect();
        if let (None, [from, to, ..]) = (moved, &large[..]) {
            // Of each ten rows one stands in another bin.
            let n_moved = 1000 * n_rows;
            let [before, after] = [from, to].map(|at| counts[*at].as_u64().unwrap());
            counts[*from] = json!(before - n_moved);
            counts[*to] = json!(after + n_moved);
            moved = Some(idx);
        }
    }
    scene.records.push(many);
    scene.fill_folder();
    let view = scene.look("store");
    let feature = &view["drift"][0]["features"][moved.expect("a feature with two large bins")];
    assert!(feature["q_value"].as_f64().unwrap() < 0.01, "{feature}");
    let psi = feature["psi"].as_f64().unwrap();
    assert!(psi > 0.0 && psi < 0.1, "{feature}");
    assert_eq!(feature["has_drifted"], false);
    assert_eq!(view["drift"][0]["n_drifted"], 0);
}
