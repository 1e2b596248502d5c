//! Which numbers of 32 bits pass a peer's test: the test in the one shape that Picket's conditions have.
//!
//! A numeric test cuts the line into intervals that pass or do not, and sends NaN somewhere. Each interval ends
//! at a number of 32 bits that belongs to it. So `x < t` becomes `x <= u` with the largest f32 `u` below `t`, and a
//! threshold of 64 bits is rounded down: no f32 changes its side.

use super::peer::{Comparison, LIGHTGBM_ZERO, MissingRule, PeerTest};

/// A numeric test on numbers of 32 bits.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Routing {
    /// The last number of each interval but the last, ascending, and whether the interval passes.
    pub(crate) intervals: Vec<(f32, bool)>,
    /// Whether the last interval passes, which ends with +∞.
    pub(crate) last_passes: bool,
    /// Whether NaN passes.
    pub(crate) nan_passes: bool,
}

impl Routing {
    /// The routing of a test on a number.
    pub(crate) fn of(test: &PeerTest) -> Self {
        let mut ends = ends(test);
        ends.retain(|end| *end < f32::INFINITY);
        ends.sort_by(f32::total_cmp);
        ends.dedup();
        // The end of an interval stands for all of it: no test changes its mind within.
        let mut intervals: Vec<(f32, bool)> = Vec::with_capacity(ends.len());
        for end in ends {
            let passes = test.passes(f64::from(end));
            match intervals.last_mut() {
                Some(last) if last.1 == passes => last.0 = end,
                _ => intervals.push((end, passes)),
            }
        }
        let last_passes = test.passes(f64::INFINITY);
        if intervals.last().is_some_and(|last| last.1 == last_passes) {
            intervals.pop();
        }
        Self {
            intervals,
            last_passes,
            nan_passes: test.passes(f64::NAN),
        }
    }
}

/// The last number of every interval within which the test gives one answer.
fn ends(test: &PeerTest) -> Vec<f32> {
    let PeerTest::Compare {
        comparison,
        threshold,
        missing,
    } = test
    else {
        return Vec::new();
    };
    let mut ends = Vec::with_capacity(4);
    if matches!(
        comparison,
        Comparison::LessEqual | Comparison::Greater | Comparison::Equal | Comparison::NotEqual
    ) {
        ends.extend(largest_up_to(*threshold));
    }
    if !matches!(comparison, Comparison::LessEqual | Comparison::Greater) {
        ends.extend(largest_below(*threshold));
    }
    if matches!(missing, MissingRule::ZeroPasses(_)) {
        ends.extend(largest_below(-LIGHTGBM_ZERO));
        ends.extend(largest_up_to(LIGHTGBM_ZERO));
    }
    ends
}

/// The largest f32 that is not above `t`.
pub(crate) fn largest_up_to(t: f64) -> Option<f32> {
    // The cast rounds to the nearest.
    let near = t as f32;
    let below = if f64::from(near) > t {
        near.next_down()
    } else {
        near
    };
    // The two zeros are one number.
    (!t.is_nan()).then_some(below + 0.0)
}

/// The largest f32 below `t`; none below -∞.
pub(crate) fn largest_below(t: f64) -> Option<f32> {
    let up_to = largest_up_to(t)?;
    let below = if f64::from(up_to) == t {
        up_to.next_down()
    } else {
        up_to
    };
    (t > f64::NEG_INFINITY).then_some(below + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn compare(comparison: Comparison, threshold: f64, missing: MissingRule) -> PeerTest {
        PeerTest::Compare {
            comparison,
            threshold,
            missing,
        }
    }

    /// Walks the intervals as a scorer would.
    fn routed(routing: &Routing, x: f32) -> bool {
        if x.is_nan() {
            return routing.nan_passes;
        }
        let interval = routing.intervals.iter().find(|(end, _)| x <= *end);
        interval.map_or(routing.last_passes, |(_, passes)| *passes)
    }

    #[test]
    fn no_number_changes_its_side() {
        let thresholds = [
            0.0,
            -0.0,
            0.5,
            0.1,
            f64::from(0.1_f32),
            1e-35,
            LIGHTGBM_ZERO,
            -LIGHTGBM_ZERO,
            1e300,
            -1e300,
            1e-50,
            -1e-50,
            f64::from(f32::MAX),
            f64::from(f32::MIN),
            f64::INFINITY,
            f64::NEG_INFINITY,
            16_777_217.0,
        ];
        let comparisons = [
            Comparison::LessEqual,
            Comparison::Less,
            Comparison::GreaterEqual,
            Comparison::Greater,
            Comparison::Equal,
            Comparison::NotEqual,
        ];
        let rules = [
            MissingRule::NanPasses(true),
            MissingRule::NanPasses(false),
            MissingRule::NanIsZero,
            MissingRule::ZeroPasses(true),
            MissingRule::ZeroPasses(false),
        ];
        let mut n_checked = 0;
        for threshold in thresholds {
            let near = threshold as f32;
            let values = [
                near,
                near.next_up(),
                near.next_down(),
                0.0,
                -0.0,
                1e-35,
                -1e-35,
                1e-35_f32.next_up(),
                -1e-35_f32.next_down(),
                -(1e-35_f32.next_up()),
                f32::from_bits(1),
                f32::MAX,
                f32::MIN,
                f32::INFINITY,
                f32::NEG_INFINITY,
                f32::NAN,
                1.0,
                -1.0,
            ];
            for comparison in comparisons {
                for missing in rules {
                    let test = compare(comparison, threshold, missing);
                    let routing = Routing::of(&test);
                    for x in values {
                        let found = routed(&routing, x);
                        assert_eq!(found, test.passes(f64::from(x)), "{test:?} {x:e}");
                        n_checked += 1;
                    }
                }
            }
        }
        assert_eq!(n_checked, 17 * 6 * 5 * 18);
    }

    #[test]
    fn equal_neighbours_are_one_interval() {
        // LightGBM's usual "not above 0": zero goes right by default, so all that is left is the sign.
        let test = compare(
            Comparison::LessEqual,
            LIGHTGBM_ZERO,
            MissingRule::ZeroPasses(false),
        );
        let routing = Routing::of(&test);
        assert_eq!(routing.intervals.len(), 1);
        assert!(routing.intervals[0].0 < 0.0 && routing.intervals[0].1);
        assert!(!routing.last_passes && !routing.nan_passes);
    }

    #[test]
    fn thresholds_of_64_bits_are_rounded_down() {
        assert_eq!(largest_up_to(0.1), Some(0.1_f32.next_down()));
        assert_eq!(largest_up_to(f64::from(0.1_f32)), Some(0.1_f32));
        assert_eq!(largest_below(0.5), Some(0.5_f32.next_down()));
        assert_eq!(largest_below(-0.0), Some(-f32::from_bits(1)));
        assert_eq!(largest_below(f64::NEG_INFINITY), None);
    }
}
