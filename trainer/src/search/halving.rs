//! Successive halving (Jamieson and Talwalkar, "Non-stochastic best arm identification and
//! hyperparameter optimization", AISTATS 2016): all candidates on few rows, the best of them on more.

/// One round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rung {
    /// The share of the distinct rows to learn from.
    pub(crate) share: f64,
    /// How many candidates go on to the next round.
    pub(crate) n_kept: usize,
}

/// The rounds for `n_candidates`: each keeps one of `factor` and takes `factor` times as many rows, and
/// the last takes all rows. No round learns from less than `min_share` of the rows.
pub(crate) fn rungs(n_candidates: usize, factor: usize, min_share: f64) -> Vec<Rung> {
    let factor = factor.max(2);
    let mut counts = vec![n_candidates.max(1)];
    let mut share = 1.0;
    while counts[counts.len() - 1] > 1 && share / factor as f64 >= min_share {
        let last = counts[counts.len() - 1];
        counts.push(last.div_ceil(factor));
        share /= factor as f64;
    }
    let mut rungs = Vec::with_capacity(counts.len());
    for (rung, _) in counts.iter().enumerate() {
        let is_last = rung + 1 == counts.len();
        rungs.push(Rung {
            share: if is_last { 1.0 } else { share },
            n_kept: counts.get(rung + 1).copied().unwrap_or(1),
        });
        share *= factor as f64;
    }
    rungs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_round_keeps_a_third_and_triples_the_rows() {
        let rungs = rungs(27, 3, 0.01);
        let kept: Vec<usize> = rungs.iter().map(|rung| rung.n_kept).collect();
        assert_eq!(kept, [9, 3, 1, 1]);
        assert_eq!(rungs[3].share, 1.0);
        assert!((rungs[0].share - 1.0 / 27.0).abs() < 1e-12);
        assert!((rungs[2].share - 1.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn few_rows_stop_the_halving() {
        let rungs = rungs(27, 3, 0.2);
        assert_eq!(rungs.len(), 2);
        assert!((rungs[0].share - 1.0 / 3.0).abs() < 1e-12 && rungs[0].n_kept == 9);
        assert_eq!(
            super::rungs(1, 3, 0.01),
            [Rung {
                share: 1.0,
                n_kept: 1
            }]
        );
    }
}
