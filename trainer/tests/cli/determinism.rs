//! The same rows and seed give the same bytes.

use std::fs::read;

use crate::bench_rows::Bench;

const KINDS: [&[&str]; 5] = [
    &[
        "--model",
        "boosting",
        "--trees",
        "20",
        "--row-fraction",
        "0.8",
        "--column-fraction",
        "0.7",
    ],
    &["--model", "forest", "--trees", "20"],
    &["--model", "extra-trees", "--trees", "20"],
    &["--model", "tree"],
    &["--model", "logistic"],
];

#[test]
fn artifacts_do_not_depend_on_process_or_threads() {
    let bench = Bench::new(600);
    for kind in KINDS {
        let with = |name: &str, threads: &str, seed: &str| {
            let more = [kind, &["--threads", threads, "--seed", seed]].concat();
            read(bench.train(name, &more)).unwrap()
        };
        let first = with("a.picket", "1", "9");
        assert_eq!(
            first,
            with("b.picket", "1", "9"),
            "{kind:?}: another process"
        );
        assert_eq!(first, with("c.picket", "2", "9"), "{kind:?}: two threads");
        assert_eq!(first, with("d.picket", "7", "9"), "{kind:?}: seven threads");
        assert_ne!(first, with("e.picket", "1", "10"), "{kind:?}: another seed");
    }
}
