use super::*;
use ndarray::{Array1, arr1};

fn numeric(values: &[f32]) -> FeatureBins {
    FeatureBins::fit(arr1(values).view(), Column::Numeric)
}

#[test]
fn few_values_get_a_bin_each_and_nan_none() {
    let bins = numeric(&[1.0, -1.0, f32::NAN, 0.0, 1.0]);
    assert_eq!(bins.n_bins(), 3);
    let of = [-1.0, 0.0, 1.0, f32::NAN, -0.0].map(|value| bins.bin(value));
    assert_eq!(of, [1, 2, 3, MISSING, 2]);
    assert_eq!(
        [1, 2, 3].map(|bin| bins.threshold(bin)),
        [-0.5, 0.5, f32::MAX]
    );
}

#[test]
fn a_column_without_values_has_no_bins() {
    let bins = numeric(&[f32::NAN, f32::NAN]);
    assert_eq!(
        (bins.n_bins(), bins.n_cuts(), bins.bin(3.0)),
        (0, 0, MISSING)
    );
}

#[test]
fn infinities_are_numbers_and_thresholds_stay_finite() {
    let bins = numeric(&[f32::NEG_INFINITY, 0.0, f32::MAX, f32::INFINITY]);
    assert_eq!(bins.n_bins(), 4);
    assert_eq!(
        [f32::NEG_INFINITY, 0.0, f32::MAX, f32::INFINITY].map(|v| bins.bin(v)),
        [1, 2, 3, 4]
    );
    assert_eq!(bins.n_cuts(), 3, "nothing finite lies above +inf");
    for bin in 1..=3 {
        assert!(bins.threshold(bin).is_finite());
    }
}

#[test]
fn thresholds_separate_even_neighbouring_floats() {
    let edges = [
        -f32::MAX,
        -1.0,
        -f32::MIN_POSITIVE,
        0.0,
        1e-45,
        1.0,
        3.5,
        f32::MAX,
    ];
    for below in edges {
        for above in [below.next_up(), below.next_up().next_up(), f32::INFINITY] {
            let threshold = threshold_between(below, above).expect("a finite lower value");
            assert!(below <= threshold && threshold < above && threshold.is_finite());
        }
    }
    assert_eq!(threshold_between(f32::NEG_INFINITY, f32::MIN), None);
    assert_eq!(
        threshold_between(f32::NEG_INFINITY, f32::INFINITY),
        Some(0.0)
    );
}

#[test]
fn many_values_share_quantile_bins() {
    let values: Array1<f32> = (0..10_000_u16).map(f32::from).collect();
    let bins = FeatureBins::fit(values.view(), Column::Numeric);
    assert_eq!(bins.n_bins(), MAX_BINS);
    let mut counts = vec![0; MAX_BINS + 1];
    for &value in &values {
        counts[usize::from(bins.bin(value))] += 1;
    }
    assert_eq!(counts[usize::from(MISSING)], 0);
    assert!(
        counts[1..].iter().all(|n| (30..=50).contains(n)),
        "{counts:?}"
    );
}

#[test]
fn a_frequent_value_has_a_quantile_bin_of_its_own() {
    let spread = (0..1_000_u16).map(f32::from);
    let values: Array1<f32> = spread.chain(std::iter::repeat_n(500.0, 5_000)).collect();
    let bins = FeatureBins::fit(values.view(), Column::Numeric);
    assert!(bins.bin(499.0) < bins.bin(500.0) && bins.bin(500.0) < bins.bin(501.0));
}

#[test]
fn categories_are_codes_and_the_rest_is_missing() {
    let column = Column::Categorical { n_categories: 3 };
    let bins = FeatureBins::fit(arr1(&[0.0, 2.0]).view(), column);
    let values = [0.0, 1.0, 2.0, 3.0, -1.0, 0.5, f32::NAN, f32::INFINITY];
    assert_eq!(values.map(|v| bins.bin(v)), [1, 2, 3, 0, 0, 0, 0, 0]);
}

#[test]
fn past_255_categories_the_rarest_share_a_bin() {
    let column = Column::Categorical { n_categories: 300 };
    // Code c occurs c + 1 times: the 46 lowest codes are the rarest.
    let values: Array1<f32> = (0..300_u16)
        .flat_map(|c| std::iter::repeat_n(f32::from(c), usize::from(c) + 1))
        .collect();
    let bins = FeatureBins::fit(values.view(), column);
    assert_eq!(bins.n_bins(), MAX_BINS);
    assert_eq!(bins.bin(299.0), 1);
    assert_eq!(bins.bin(46.0), 254);
    assert!((0..46_u16).all(|code| bins.bin(f32::from(code)) == 255));
    let mut shared = [0; 4];
    add_bin(&mut shared, 255);
    let set = bins.categories(&shared);
    assert!((0..300).all(|code| set.contains(code) == (code < 46)));
}
