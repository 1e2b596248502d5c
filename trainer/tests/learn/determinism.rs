//! The same model every time, for every number of threads.

use picket_trainer::learn::RandomForestParams;

use crate::data::{Data, fit_all};

#[test]
fn the_number_of_threads_changes_nothing() {
    // Enough rows for histograms to be built in as many parts as there are threads.
    let data = Data::mixed(30_000);
    let fit_with = |n_threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(n_threads)
            .build();
        pool.expect("a pool").install(|| fit_all(&data.matrix()))
    };
    let one = fit_with(1);
    for n_threads in [2, 3, 4] {
        assert!(fit_with(n_threads) == one, "{n_threads} threads");
    }
}

#[test]
fn the_seed_matters() {
    let data = Data::mixed(500);
    let forest = |seed| {
        let params = RandomForestParams::new().n_trees(3).seed(seed);
        params
            .fit_matrix(&data.matrix())
            .expect("a forest")
            .ensemble
    };
    assert!(forest(1) == forest(1));
    assert!(forest(1) != forest(2));
}
