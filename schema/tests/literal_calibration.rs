//! Calibrations held against bytes written by hand.

mod msgpack;

use msgpack::document::{document, error_with, isotonic, platt};
use msgpack::{array, bin, float, map, map_with, text};
use picket_schema::artifact::{Calibration, Isotonic};
use picket_schema::{Artifact, ArtifactError, limits};

#[test]
fn both_kinds_are_read_and_written_byte_for_byte() {
    for (calibration, is_platt) in [
        (platt(float(2.0), float(-1.0)), true),
        (isotonic(&[-1.5, 0.0, 2.0], &[0.0, 0.25, 0.25]), false),
        (isotonic(&[0.0], &[1.0]), false),
    ] {
        let bytes = map_with(&document(), &[("calibration", calibration)]);
        let artifact = Artifact::decode(&bytes).unwrap();
        assert_eq!(artifact.encode().unwrap(), bytes);
        match &artifact.calibration {
            Calibration::Platt(platt) => assert!(is_platt && platt.slope == 2.0),
            Calibration::Isotonic(isotonic) => {
                let knots: Vec<_> = isotonic.knots().collect();
                assert!(!is_platt && knots.len() == isotonic.n_knots());
                assert_eq!(Isotonic::from_knots(&knots), *isotonic);
            }
        }
    }
}

#[test]
fn numbers_out_of_range_are_named() {
    for (calibration, said) in [
        (platt(float(-1.0), float(0.0)), "slope is -1"),
        (platt(float(1.0), float(f64::NAN)), "intercept is NaN"),
        (isotonic(&[0.0, 0.0], &[0.0, 1.0]), "a knot's margin is 0"),
        (isotonic(&[0.0, -0.0], &[0.0, 1.0]), "a knot's margin is "),
        (isotonic(&[2.0, 1.0], &[0.0, 1.0]), "a knot's margin is 1"),
        (isotonic(&[f64::NAN], &[0.0]), "a knot's margin is NaN"),
        (
            isotonic(&[f64::NEG_INFINITY], &[0.0]),
            "a knot's margin is -inf",
        ),
        (isotonic(&[-1e101], &[0.0]), "a knot's margin is -1"),
        (isotonic(&[1e101], &[0.0]), "a knot's margin is 1"),
        (isotonic(&[0.0, 1.0], &[0.5, 0.4]), "a knot's score is 0.4"),
        (isotonic(&[0.0], &[1.5]), "a knot's score is 1.5"),
        (isotonic(&[0.0], &[-0.1]), "a knot's score is -0.1"),
        (isotonic(&[0.0], &[f64::NAN]), "a knot's score is NaN"),
    ] {
        let error = error_with("calibration", calibration);
        assert!(
            matches!(
                error,
                ArtifactError::OutOfRange { .. } | ArtifactError::NotFinite { .. }
            ),
            "{error:?}"
        );
        assert!(error.to_string().contains(said), "{error}, not {said}");
    }
}

#[test]
fn knots_come_in_pairs_and_not_in_masses() {
    let error = error_with("calibration", isotonic(&[], &[]));
    assert!(matches!(error, ArtifactError::Count { .. }), "{error:?}");
    let bytes = map(&document());
    let mut artifact = Artifact::decode(&bytes).unwrap();
    let mut knots: Vec<(f64, f64)> = (0..=limits::MAX_CALIBRATION_KNOTS)
        .map(|knot| (knot as f64, 0.5))
        .collect();
    artifact.calibration = Calibration::Isotonic(Isotonic::from_knots(&knots));
    let error = artifact.encode().unwrap_err();
    assert!(matches!(error, ArtifactError::Count { .. }), "{error:?}");
    knots.pop();
    artifact.calibration = Calibration::Isotonic(Isotonic::from_knots(&knots));
    assert!(artifact.encode().is_ok());
    let half_a_knot = map(&[(
        "isotonic",
        map(&[("margins", bin(&[0; 12])), ("scores", bin(&[0; 12]))]),
    )]);
    for calibration in [
        isotonic(&[0.0, 1.0], &[0.0]),
        isotonic(&[0.0], &[0.0, 1.0]),
        half_a_knot,
    ] {
        let error = error_with("calibration", calibration);
        assert!(
            matches!(error, ArtifactError::TableLength { .. }),
            "{error:?}"
        );
    }
}

#[test]
fn other_kinds_and_shapes_are_refused() {
    let bare = map(&[("slope", float(1.0)), ("intercept", float(0.0))]);
    let beta = map(&[("beta", map(&[]))]);
    let numbers = map(&[(
        "isotonic",
        map(&[
            ("margins", array(&[float(0.0)])),
            ("scores", array(&[float(0.0)])),
        ]),
    )]);
    for (calibration, said) in [
        (bare, "1 keys"),
        (beta, "found \"beta\"; expected platt or isotonic"),
        (numbers, "found an array; expected bytes"),
        (text("platt"), "found a string; expected a map"),
    ] {
        let error = error_with("calibration", calibration);
        assert!(matches!(error, ArtifactError::Malformed { .. }), "{error}");
        assert!(error.to_string().contains(said), "{error}, not {said}");
    }
}
