use ndarray::Array2;

use super::*;
use crate::learn::boosting::gradient::pack;
use crate::learn::matrix::Matrix;
use crate::random::Random;

/// A table of random whole numbers; feature `i` has `n_values[i]` values and perhaps missing ones.
fn table(n_rows: usize, n_values: &[usize], has_missing: bool) -> Table {
    let mut random = Random::stream(5, 0);
    let features = Array2::from_shape_fn((n_rows, n_values.len()), |(_, feature)| {
        let n_values = n_values[feature];
        match random.below(n_values + usize::from(has_missing && n_values > 1)) {
            missing if missing == n_values => f32::NAN,
            value => value as f32,
        }
    });
    let labels: Vec<bool> = (0..n_rows).map(|row| row % 2 == 0).collect();
    Table::new(&Matrix::new(features.view(), labels).unwrap())
}

const N_VALUES: [usize; 9] = [2, 3, 3, 2, 1, 7, 200, 16, 15];

#[test]
fn marginals_are_the_features_own_histograms() {
    for has_missing in [false, true] {
        let table = table(3000, &N_VALUES, has_missing);
        let bundles = Bundles::new(&table).unwrap();
        assert!(bundles.n_bundles() < 7, "{bundles:?}");
        let rows: Vec<u32> = (0..table.n_groups() as u32)
            .filter(|row| row % 3 != 0)
            .collect();
        let gradients: Vec<Packed> = rows
            .iter()
            .map(|&row| pack(row.cast_signed() - 900, row))
            .collect();
        for features in [vec![0, 1, 2, 3, 4, 5, 6, 7, 8], vec![1, 4, 6], vec![7]] {
            let used = UsedBundles::new(&bundles, &features);
            let mut sums = used.no_sums();
            used.add(&rows, &gradients, &mut sums);
            let mut found = vec![[0; CODES]; features.len()];
            used.take_marginals(&mut sums, |place, bin, sum| {
                found[place][usize::from(bin)] = sum;
            });
            for (place, &feature) in features.iter().enumerate() {
                let mut expected = [0; CODES];
                // A feature with one bin cannot be split: it is in no bundle.
                if feature != 4 {
                    for (&row, &gradient) in rows.iter().zip(&gradients) {
                        let bin = table.group(row as usize)[feature as usize];
                        let cell: &mut Packed = &mut expected[usize::from(bin)];
                        *cell = cell.wrapping_add(gradient);
                    }
                }
                assert_eq!(found[place], expected, "feature {feature}");
            }
        }
    }
}

#[test]
fn codes_go_where_bins_go() {
    let table = table(2000, &N_VALUES, true);
    let bundles = Bundles::new(&table).unwrap();
    let tests = [
        BinTest::AtMost {
            bin: 1,
            missing_left: false,
        },
        BinTest::AtMost {
            bin: 1,
            missing_left: true,
        },
        BinTest::Within {
            left: [0b101, 0, 0, 0],
        },
    ];
    for feature in (0..table.n_features).filter(|&feature| feature != 4) {
        for test in &tests {
            let of_codes = bundles.left_codes(feature, test).unwrap();
            for group in 0..table.n_groups() {
                assert_eq!(
                    of_codes.goes_left(group as u32),
                    test.goes_left(table.group(group)[feature]),
                    "feature {feature}, group {group}"
                );
            }
        }
    }
    assert!(bundles.left_codes(4, &tests[0]).is_none());
}

#[test]
fn features_that_find_no_other_are_left_alone() {
    assert!(Bundles::new(&table(2000, &[200, 150, 180, 2], false)).is_none());
}
