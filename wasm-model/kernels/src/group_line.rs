//! A row's line in a group of features: which joint code the answers to their conditions make.

/// One threshold's share of a group's line: a condition that does not hold adds to it.
#[derive(Clone, Copy, Debug)]
pub struct ThresholdStep {
    /// The feature compared.
    pub feature_idx: u32,
    /// The condition is `x <= threshold`.
    pub threshold: f32,
    /// What is added where the condition holds, nothing, and where it does not. A table instead of a
    /// choice, because compilers make a branch of a choice and no predictor knows the next row.
    pub adds: [u32; 2],
}

/// How a row becomes a line of a group.
#[derive(Debug, Default)]
pub struct GroupLine {
    /// The line where all conditions hold.
    pub first_line: u32,
    /// Thresholds below which missing values go: missing is not above.
    pub missing_left: Vec<ThresholdStep>,
    /// Thresholds beyond which missing values go: missing is not at most the threshold.
    pub missing_right: Vec<ThresholdStep>,
}

impl GroupLine {
    /// Writes a row's line in each group. Shape of `row`: `(n_features,)`; of `lines`: `(n_groups,)`.
    ///
    /// # Panics
    /// Where a step names a feature that the row does not have.
    #[inline(never)]
    pub fn lines_of(groups: &[Self], row: &[f32], lines: &mut [u32]) {
        for (group, line) in groups.iter().zip(lines) {
            *line = group.first_line;
            for step in &group.missing_left {
                let above = row[step.feature_idx as usize] > step.threshold;
                *line += step.adds[usize::from(above)];
            }
            for step in &group.missing_right {
                let at_most = row[step.feature_idx as usize] <= step.threshold;
                *line += step.adds[1 - usize::from(at_most)];
            }
        }
    }
}
