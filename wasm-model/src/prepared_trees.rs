//! One table of trees as a loaded model keeps it: what its scorers and explainers share.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use picket_schema::artifact::{ModelColumns, TreeLayout, Trees};

use crate::condition_masks::ConditionMasks;
use crate::fast::FastTrees;
use crate::tree_shap::TreeShap;

/// So many rows are scored without tables: making tables takes about as long.
const SLOW_ROWS: usize = 64;

/// Where each tree starts, the conditions by feature, and tables that are made when they pay.
#[derive(Debug)]
pub(crate) struct PreparedTrees {
    layout: TreeLayout,
    conditions: ConditionMasks,
    /// Made when enough rows have come to pay for it.
    fast: OnceLock<Option<FastTrees>>,
    n_slow_rows: AtomicUsize,
    /// Made for the first explanation.
    shap: OnceLock<Option<TreeShap>>,
}

impl PreparedTrees {
    pub(crate) fn new(trees: &Trees<'_>, layout: TreeLayout, columns: &ModelColumns) -> Self {
        Self {
            layout,
            conditions: ConditionMasks::new(trees, columns),
            fast: OnceLock::new(),
            n_slow_rows: AtomicUsize::new(0),
            shap: OnceLock::new(),
        }
    }

    pub(crate) fn conditions(&self) -> &ConditionMasks {
        &self.conditions
    }

    /// The tables for scoring `n_rows` more rows; `None` where these do better without.
    pub(crate) fn fast(
        &self,
        trees: &Trees<'_>,
        columns: &ModelColumns,
        n_rows: usize,
    ) -> Option<&FastTrees> {
        if let Some(fast) = self.fast.get() {
            return fast.as_ref();
        }
        let n_before = self.n_slow_rows.fetch_add(n_rows, Ordering::Relaxed);
        if n_before.saturating_add(n_rows) < SLOW_ROWS {
            return None;
        }
        let make = || FastTrees::new(trees, &self.layout, columns);
        self.fast.get_or_init(make).as_ref()
    }

    /// The tables for explanations; `None` where they would be too large.
    pub(crate) fn tree_shap(&self, trees: &Trees<'_>) -> Option<&TreeShap> {
        let make = || TreeShap::new(trees, &self.layout);
        self.shap.get_or_init(make).as_ref()
    }

    pub(crate) fn layout(&self) -> &TreeLayout {
        &self.layout
    }
}
