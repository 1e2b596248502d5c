//! Which rows each task learns from and which it scores.

use crate::dataset::Dataset;
use crate::row_groups::RowGroups;
use crate::search::SearchError;
use crate::split::{SplitKind, folds};

/// One fold: disjoint rows, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fold {
    /// The rows to learn from.
    pub train: Vec<usize>,
    /// The rows to score.
    pub held_out: Vec<usize>,
}

/// All folds of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoldPlan {
    /// The folds.
    pub folds: Vec<Fold>,
    /// A number for each group of equal rows; a part of the rows takes the groups with the lowest ones.
    rank_of_group: Vec<usize>,
    group_of_row: Vec<usize>,
}

impl FoldPlan {
    /// Stratified folds of the kind that the split is of.
    ///
    /// # Errors
    /// [`SearchError::OneClassFold`] where a fold would learn from one class only, or score one.
    pub fn new(
        data: &Dataset,
        groups: &RowGroups,
        kind: SplitKind,
        n_folds: usize,
        seed: u64,
    ) -> Result<Self, SearchError> {
        if !(2..=50).contains(&n_folds) {
            return Err(SearchError::FoldCount { found: n_folds });
        }
        // By time a fold learns from all that came before it; the first block is only learned from.
        let n_blocks = n_folds + usize::from(kind == SplitKind::Time);
        let fold_of_row = folds(data, groups, kind, n_blocks, seed);
        let rows_where = |wanted: &dyn Fn(usize) -> bool| -> Vec<usize> {
            (0..data.n_rows())
                .filter(|row_idx| wanted(fold_of_row[*row_idx]))
                .collect()
        };
        let folds = (0..n_folds).map(|fold| match kind {
            SplitKind::Time => Fold {
                train: rows_where(&|block| block <= fold),
                held_out: rows_where(&|block| block == fold + 1),
            },
            SplitKind::Grouped | SplitKind::Random => Fold {
                train: rows_where(&|other| other != fold),
                held_out: rows_where(&|other| other == fold),
            },
        });
        let folds: Vec<Fold> = folds.collect();
        for (fold, rows) in folds.iter().enumerate() {
            for part in [&rows.train, &rows.held_out] {
                let n_positive = part
                    .iter()
                    .filter(|row_idx| data.labels()[**row_idx])
                    .count();
                if n_positive == 0 || n_positive == part.len() {
                    return Err(SearchError::OneClassFold {
                        fold,
                        n_folds,
                        found: groups.n_groups(),
                    });
                }
            }
        }
        let mut order: Vec<usize> = (0..groups.n_groups()).collect();
        crate::random::Random::stream(seed, 2).shuffle(&mut order);
        let mut rank_of_group = vec![0; order.len()];
        for (rank, group) in order.into_iter().enumerate() {
            rank_of_group[group] = rank;
        }
        Ok(Self {
            folds,
            rank_of_group,
            group_of_row: groups.group_of_row().to_vec(),
        })
    }

    /// The rows that a fold learns from when only a share of the distinct rows may be used. Smaller shares
    /// are part of larger ones.
    #[must_use]
    pub fn training_rows(&self, fold: usize, share: f64) -> Vec<usize> {
        let limit = (self.rank_of_group.len() as f64 * share).ceil() as usize;
        let rows = self.folds[fold].train.iter().copied();
        rows.filter(|row_idx| self.rank_of_group[self.group_of_row[*row_idx]] < limit)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{phishing_schema, synthetic_rows};

    #[test]
    fn by_time_every_fold_learns_from_the_past_only() {
        let data = synthetic_rows(&phishing_schema().unwrap(), 600, 4).unwrap();
        let groups = RowGroups::of(&data);
        let plan = FoldPlan::new(&data, &groups, SplitKind::Time, 4, 9).unwrap();
        let mut next = 120;
        for fold in &plan.folds {
            assert_eq!(fold.train, (0..next).collect::<Vec<_>>());
            assert_eq!(fold.held_out, (next..next + 120).collect::<Vec<_>>());
            next += 120;
        }
        let split = crate::Split::new(&data, &groups, SplitKind::Time, 1).unwrap();
        assert_eq!(split.train, (0..480).collect::<Vec<_>>());
        assert_eq!(split.test, (480..600).collect::<Vec<_>>());
    }

    #[test]
    fn folds_cover_every_row_once_and_keep_equal_rows_together() {
        let data = synthetic_rows(&phishing_schema().unwrap(), 600, 4).unwrap();
        let groups = RowGroups::of(&data);
        let plan = FoldPlan::new(&data, &groups, SplitKind::Grouped, 4, 9).unwrap();
        let mut seen = vec![0; data.n_rows()];
        for fold in &plan.folds {
            let mut held_out = vec![false; groups.n_groups()];
            for row_idx in &fold.held_out {
                seen[*row_idx] += 1;
                held_out[groups.group_of_row()[*row_idx]] = true;
            }
            assert!(
                fold.train
                    .iter()
                    .all(|row| !held_out[groups.group_of_row()[*row]])
            );
        }
        assert!(seen.iter().all(|n| *n == 1));
        let (half, quarter) = (plan.training_rows(0, 0.5), plan.training_rows(0, 0.25));
        assert!(quarter.iter().all(|row_idx| half.contains(row_idx)));
        assert!(quarter.len() < half.len() && half.len() < plan.folds[0].train.len());
        assert_eq!(plan.training_rows(0, 1.0), plan.folds[0].train);
    }
}
