//! Packed rows: the bits themselves, what is refused, and what comes back.

use proptest::prelude::*;

use super::*;

/// Two columns: three levels in two bits, and two with missing in two bits. Three rows, five times.
fn packed() -> PackedRows<'static> {
    PackedRows::pack(2, &[-1.0, 5.0, 0.0, f32::NAN, 1.0, 7.0].repeat(5))
}

#[test]
fn literal_bits() {
    let packed = packed();
    let levels = |levels: &[f32]| Levels::of(levels);
    let expected = [levels(&[-1.0, 0.0, 1.0]), levels(&[5.0, 7.0, f32::NAN])];
    assert_eq!(packed.levels, expected);
    assert_eq!(packed.bits[..3], [0b00_00, 0b10_01, 0b01_10]);
    packed.validate(2).unwrap();
}

#[test]
fn thirty_columns_of_three_levels_take_eight_bytes() {
    let rows: Vec<f32> = (0..30 * 50).map(|i| (i * 7 / 3 % 3) as f32 - 1.0).collect();
    let packed = PackedRows::pack(30, &rows);
    assert_eq!((packed.row_bytes(), packed.bits.len()), (8, 400));
}

#[test]
fn a_column_of_many_values_is_raw() {
    let rows: Vec<f32> = (0..100).flat_map(|i| [i as f32 / 3.0, 1.0]).collect();
    let packed = PackedRows::pack(2, &rows);
    assert_eq!(
        (packed.levels[0].n_codes(), packed.levels[1].n_codes()),
        (0, 1)
    );
    assert_eq!(packed.row_bytes(), 4);
    assert_eq!(packed.value(7, 0), Some(7.0 / 3.0));
    assert_eq!(packed.value(7, 1), Some(1.0));
    assert_eq!((packed.value(100, 0), packed.value(0, 2)), (None, None));
    packed.validate(2).unwrap();
}

#[test]
fn zeros_of_both_signs_are_one_level() {
    let packed = PackedRows::pack(1, &[0.0, -0.0, 1.0]);
    assert_eq!(packed.levels[0], Levels::of(&[0.0, 1.0]));
}

fn error_of(change: impl Fn(&mut PackedRows<'_>)) -> ArtifactError {
    let mut changed = packed();
    change(&mut changed);
    changed.validate(2).expect_err("the rows are wrong")
}

#[test]
fn hostile_tables_are_refused() {
    use ArtifactError as E;
    let level = |levels: &[f32]| match error_of(|p| p.levels[1] = Levels::of(levels)) {
        E::LevelOrder { index } => index,
        other => panic!("{other}"),
    };
    assert_eq!(level(&[5.0, 5.0, 6.0]), 1);
    assert_eq!(level(&[5.0, f32::INFINITY, f32::NAN]), 1);
    assert_eq!(level(&[f32::NAN, 5.0, 6.0]), 0);
    assert_eq!(level(&[f32::NEG_INFINITY, 5.0, 6.0]), 0);
    assert_eq!(level(&[5.0, 6.0, f32::from_bits(MISSING | 1)]), 2);
    let error = error_of(|p| p.bits.to_mut()[1] = 0b11_01);
    assert!(
        matches!(error, E::PackedCode { row: 1, column: 1 }),
        "{error}"
    );
    let error = error_of(|p| p.bits.to_mut()[2] = 0b1_0000);
    assert!(matches!(error, E::PackedSpareBits { row: 2 }), "{error}");
    let error = error_of(|p| p.bits.to_mut().push(0));
    assert!(matches!(error, E::TableLength { found: 16, .. }), "{error}");
    let error = error_of(|p| p.levels[0].0.to_mut().truncate(7));
    assert!(matches!(error, E::TableLength { found: 7, .. }), "{error}");
    let error = error_of(|p| (p.n_rows, p.bits) = (0, Cow::default()));
    assert!(matches!(error, E::Count { found: 0, .. }), "{error}");
    let error = error_of(|p| p.n_rows = u32::MAX);
    assert!(matches!(error, E::Count { .. }), "{error}");
    let error = packed().validate(3).expect_err("two columns");
    assert!(matches!(error, E::Count { found: 2, .. }), "{error}");
    // Rows of no bits still take a byte, so they cannot be many for nothing.
    let none = PackedRows {
        n_rows: 1 << 20,
        levels: vec![Levels::of(&[1.0])],
        bits: Cow::default(),
    };
    assert!(none.validate(1).is_err());
}

#[test]
fn a_raw_value_is_finite_or_the_one_nan() {
    for (x, is_right) in [
        (1.5_f32.to_bits(), true),
        (MISSING, true),
        (MISSING | 1, false),
        (f32::INFINITY.to_bits(), false),
    ] {
        let raw = PackedRows {
            n_rows: 1,
            levels: vec![Levels::default()],
            bits: Cow::Owned(x.to_le_bytes().to_vec()),
        };
        assert_eq!(raw.validate(1).is_ok(), is_right, "{x:x}");
    }
}

proptest! {
    #[test]
    fn what_is_packed_is_read_back(
        n_columns in 1_usize..9,
        seed in proptest::collection::vec((0_u8..4, -4_i8..4, any::<f32>()), 1..400),
    ) {
        let n_rows = seed.len().div_ceil(n_columns);
        let values: Vec<f32> = (0..n_rows * n_columns)
            .map(|i| match seed[i % seed.len()] {
                (0, ..) => f32::NAN,
                (3, _, x) if x.is_finite() && i % n_columns % 2 == 0 => x,
                (_, x, _) => f32::from(x),
            })
            .collect();
        let packed = PackedRows::pack(n_columns, &values);
        prop_assert!(packed.validate(n_columns).is_ok());
        let decoder = packed.decoder();
        prop_assert_eq!((packed.n_rows as usize, decoder.n_columns()), (n_rows, n_columns));
        let (mut again, mut all) = (vec![0.0; n_columns], Vec::new());
        decoder.for_each_row(&packed, &mut again, |_, row| all.extend_from_slice(row));
        prop_assert_eq!(all.len(), values.len());
        let mut row = vec![0.0; n_columns];
        for (index, expected) in values.chunks_exact(n_columns).enumerate() {
            decoder.decode(&packed, index, &mut row);
            for (column, (x, y)) in row.iter().zip(expected).enumerate() {
                let same = x == y || x.is_nan() && y.is_nan();
                prop_assert!(same, "{} {}", x, y);
                prop_assert_eq!(all[index * n_columns + column].to_bits(), x.to_bits());
                let value = packed.value(index, column).map(f32::to_bits);
                prop_assert_eq!(value, Some(x.to_bits()));
            }
        }
    }
}
