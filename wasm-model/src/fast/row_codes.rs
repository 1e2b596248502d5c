//! A row as a few small numbers, each the row's joint answer to the conditions of some features.

use picket_kernels::{GroupLine, MOST_BITS, RowBits, ThresholdStep};
use picket_schema::Feature;
use picket_schema::artifact::{ModelColumns, Operator, Test, Trees};

use super::bit_steps::{self, BitStep};

/// A group of features has at most this many joint codes, if it has more than one feature.
const MAX_JOINT_CODES: usize = 32;
/// The most answers of category sets, over all codes. Sets may share their words, so a small file can ask for
/// many.
const MAX_ANSWERS: usize = 1 << 18;
/// So many thresholds of a feature are compared one by one.
const FEW_THRESHOLDS: usize = 8;

/// What a unit compares its feature with.
#[derive(Debug)]
enum UnitKind {
    /// The code counts the thresholds below the value: the conditions that do not hold.
    Thresholds {
        /// Ascending, for `x <= threshold`.
        thresholds: Vec<f32>,
        /// The count for a missing value: none or all.
        missing: u32,
    },
    /// The code is the category, or one more than the last for missing.
    Categories { n_categories: usize },
}

/// Conditions on one feature whose answers together are one code: all its category sets, or those
/// of its thresholds that agree on where missing values go.
#[derive(Debug)]
struct Unit {
    feature_idx: usize,
    kind: UnitKind,
    /// What one step of the code adds to the joint code.
    stride: u32,
}

impl Unit {
    fn n_codes(&self) -> usize {
        1 + match &self.kind {
            UnitKind::Thresholds { thresholds, .. } => thresholds.len(),
            UnitKind::Categories { n_categories } => *n_categories,
        }
    }

    fn code(&self, row: &[f32]) -> u32 {
        let x = row[self.feature_idx];
        match &self.kind {
            UnitKind::Thresholds { missing, .. } if x.is_nan() => *missing,
            UnitKind::Thresholds { thresholds, .. } => {
                thresholds.partition_point(|t| x > *t) as u32
            }
            UnitKind::Categories { n_categories } => {
                Feature::category_code(*n_categories, x).unwrap_or(*n_categories) as u32
            }
        }
    }
}

/// A unit and the conditions in it, by their indexes.
type Member = (Unit, Vec<usize>);

/// Where a condition stands among the codes of its unit.
#[derive(Clone, Copy, Debug)]
pub(super) enum ConditionCodes {
    /// The condition does not hold for this code of a unit of thresholds and all above.
    From(usize),
    /// The condition is this one of the category sets.
    Set(usize),
}

/// What else there is to a group.
#[derive(Debug, Default)]
struct Group {
    /// Units with categories or many thresholds.
    large: Vec<usize>,
    /// One past its last unit.
    end: usize,
}

/// How rows become codes. Tables have one line for each code of each group.
#[derive(Debug, Default)]
pub(super) struct RowCodes {
    /// Groups one after another; each ends before the next one's first unit.
    units: Vec<Unit>,
    /// Shape: `(n_groups,)`, as `group_lines`.
    groups: Vec<Group>,
    group_lines: Vec<GroupLine>,
    n_lines: usize,
    /// The codes of each condition by its index. Lines are counted over units, before joining.
    conditions: Vec<ConditionCodes>,
    /// For each category set condition, the codes of its unit for which it does not hold, as lines.
    outside: Vec<Vec<usize>>,
    n_unit_lines: usize,
    /// Where all conditions are few thresholds.
    bits: Option<RowBits>,
    /// The bit of each condition by its index, where there are bits.
    bit_of: Vec<u32>,
}

impl RowCodes {
    /// `None` where the categories' codes would be too many.
    pub(super) fn new(trees: &Trees<'_>, columns: &ModelColumns) -> Option<Self> {
        let conditions: Vec<_> = trees.iter_conditions().collect();
        let mut members: Vec<Member> = Vec::new();
        let (mut first, mut n_answers) = (0, 0_usize);
        for group in conditions.chunk_by(|a, b| a.feature_idx == b.feature_idx) {
            let feature_idx = usize::from(group[0].feature_idx);
            let n_categories = columns.n_categories(feature_idx);
            if n_categories > 0 {
                // The caps on conditions and categories keep this below 2^29.
                n_answers += (n_categories + 1) * group.len();
                if n_answers > MAX_ANSWERS {
                    return None;
                }
                let unit = Unit {
                    feature_idx,
                    kind: UnitKind::Categories { n_categories },
                    stride: 1,
                };
                members.push((unit, (first..first + group.len()).collect()));
            } else {
                for missing_left in [false, true] {
                    let indexes: Vec<usize> = (first..first + group.len())
                        .filter(|index| conditions[*index].missing_left == missing_left)
                        .collect();
                    if indexes.is_empty() {
                        continue;
                    }
                    let thresholds: Vec<f32> = indexes
                        .iter()
                        .map(|index| match conditions[*index].test {
                            Test::Threshold(t) if trees.operator == Operator::Less => t.next_down(),
                            Test::Threshold(t) => t,
                            Test::CategorySet(_) => f32::NAN,
                        })
                        .collect();
                    let missing = if missing_left {
                        0
                    } else {
                        thresholds.len() as u32
                    };
                    let unit = Unit {
                        feature_idx,
                        kind: UnitKind::Thresholds {
                            thresholds,
                            missing,
                        },
                        stride: 1,
                    };
                    members.push((unit, indexes));
                }
            }
            first += group.len();
        }
        Some(Self::join(members, trees, conditions.len()))
    }

    /// Packs the units into groups: largest first, each into the first group with room.
    fn join(members: Vec<Member>, trees: &Trees<'_>, n_conditions: usize) -> Self {
        let mut groups: Vec<(usize, Vec<Member>)> = Vec::new();
        // A pass for each size takes less code than a sort; a large unit stands alone, in any order.
        let mut members: Vec<Option<Member>> = members.into_iter().map(Some).collect();
        let n_members = members.len();
        let sizes = (1..=MAX_JOINT_CODES + 1).rev();
        for (size, position) in sizes.flat_map(|size| (0..n_members).map(move |at| (size, at))) {
            let of_size = |(unit, _): &mut Member| unit.n_codes().min(MAX_JOINT_CODES + 1) == size;
            let Some((mut unit, indexes)) = members[position].take_if(of_size) else {
                continue;
            };
            let n_codes = unit.n_codes();
            let room = groups
                .iter_mut()
                .find(|(joint, _)| joint * n_codes <= MAX_JOINT_CODES);
            if let Some((joint, units)) = room {
                unit.stride = *joint as u32;
                *joint *= n_codes;
                units.push((unit, indexes));
            } else {
                groups.push((n_codes, vec![(unit, indexes)]));
            }
        }
        let mut codes = Self {
            conditions: vec![ConditionCodes::From(0); n_conditions],
            ..Self::default()
        };
        let mut bit_steps = [Vec::new(), Vec::new()];
        for (joint, units) in groups {
            let mut group = Group::default();
            let mut group_line = GroupLine {
                first_line: codes.n_lines as u32,
                ..GroupLine::default()
            };
            for (unit, indexes) in units {
                codes.place_conditions(&unit, &indexes, trees);
                codes.n_unit_lines += unit.n_codes();
                if let UnitKind::Thresholds {
                    thresholds,
                    missing,
                } = &unit.kind
                {
                    let steps = indexes.iter().zip(thresholds).map(|(index, threshold)| {
                        let step = BitStep {
                            feature_idx: unit.feature_idx as u32,
                            threshold: *threshold,
                            group: codes.groups.len(),
                            // Wraps only where there are more conditions than bits.
                            add: unit.stride as u8,
                        };
                        (*index, step)
                    });
                    bit_steps[usize::from(*missing != 0)].extend(steps);
                }
                match &unit.kind {
                    UnitKind::Thresholds {
                        thresholds,
                        missing,
                    } if thresholds.len() <= FEW_THRESHOLDS => {
                        let steps = thresholds.iter().map(|threshold| ThresholdStep {
                            feature_idx: unit.feature_idx as u32,
                            threshold: *threshold,
                            adds: [0, unit.stride],
                        });
                        if *missing == 0 {
                            group_line.missing_left.extend(steps);
                        } else {
                            group_line.missing_right.extend(steps);
                        }
                    }
                    _ => group.large.push(codes.units.len()),
                }
                codes.units.push(unit);
            }
            group.end = codes.units.len();
            codes.groups.push(group);
            codes.group_lines.push(group_line);
            codes.n_lines += joint;
        }
        codes.number_bits(&bit_steps);
        codes
    }

    /// Gives conditions bits, where there are enough.
    fn number_bits(&mut self, [missing_left, missing_right]: &[Vec<(usize, BitStep)>; 2]) {
        if missing_left.len() + missing_right.len() != self.conditions.len()
            || self.conditions.len() > MOST_BITS
        {
            return;
        }
        self.bit_of = vec![0; self.conditions.len()];
        let bit_of = &mut self.bit_of;
        let mut number = |steps: &[(usize, BitStep)], first_bit: usize| {
            let numbered = steps.iter().zip(first_bit..);
            let steps = numbered.map(|((index, step), bit)| {
                bit_of[*index] = bit as u32;
                *step
            });
            steps.collect::<Vec<_>>()
        };
        let left = number(missing_left, 0);
        let first_right = bit_steps::first_missing_right(left.len());
        let right = number(missing_right, first_right);
        let first_lines = self.group_lines.iter().map(|group| group.first_line);
        self.bits = bit_steps::row_bits(&left, &right, first_lines.collect(), MOST_BITS);
    }

    /// Whether rows become bits.
    pub(super) fn has_bits(&self) -> bool {
        self.bits.is_some()
    }

    /// How many names conditions have, see [`RowCodes::bit_of`].
    pub(super) fn n_names(&self) -> usize {
        if self.has_bits() {
            MOST_BITS
        } else {
            self.conditions.len()
        }
    }

    /// What gives rows their bits, and no lines.
    pub(super) fn bits_only(self) -> Self {
        Self {
            bits: self.bits,
            conditions: self.conditions,
            ..Self::default()
        }
    }

    /// The bit of a condition; its index where there are none.
    pub(super) fn bit_of(&self, condition: u32) -> u32 {
        match &self.bits {
            Some(_) => self.bit_of[condition as usize],
            None => condition,
        }
    }

    fn place_conditions(&mut self, unit: &Unit, indexes: &[usize], trees: &Trees<'_>) {
        let line = self.n_unit_lines;
        for (position, index) in indexes.iter().enumerate() {
            self.conditions[*index] = match &unit.kind {
                UnitKind::Thresholds { .. } => ConditionCodes::From(line + position + 1),
                UnitKind::Categories { n_categories } => {
                    let condition = trees.condition(*index);
                    let outside = (0..=*n_categories).filter(|code| {
                        !condition.is_some_and(|condition| match condition.test {
                            _ if code == n_categories => condition.missing_left,
                            Test::CategorySet(word) => trees
                                .category_word(word as usize + code / 32)
                                .is_some_and(|word| word >> (code % 32) & 1 == 1),
                            Test::Threshold(_) => false,
                        })
                    });
                    self.outside.push(outside.map(|code| line + code).collect());
                    ConditionCodes::Set(self.outside.len() - 1)
                }
            };
        }
    }

    /// How many fours of lines a row has.
    pub(super) fn n_fours(&self) -> usize {
        self.groups.len().div_ceil(4)
    }

    /// How many lines a table has.
    pub(super) fn n_lines(&self) -> usize {
        self.n_lines
    }

    /// How many lines it takes to build one.
    pub(super) fn n_unit_lines(&self) -> usize {
        self.n_unit_lines
    }

    /// Writes the row's line in each group, the last one again until the four is full; returns its bits, if it has any.
    /// Shape of `lines`: `(n_fours,)`.
    pub(super) fn lines_of(&self, row: &[f32], lines: &mut [[u32; 4]]) -> u64 {
        let lines = lines.as_flattened_mut();
        if let Some(bits) = &self.bits {
            return bits.of_row(row, lines);
        }
        GroupLine::lines_of(&self.group_lines, row, lines);
        for (group, line) in self.groups.iter().zip(&mut *lines) {
            for unit in &group.large {
                let unit = &self.units[*unit];
                *line += unit.code(row) * unit.stride;
            }
        }
        if let Some(last) = self.groups.len().checked_sub(1) {
            let line = lines[last];
            lines[last..].fill(line);
        }
        0
    }

    /// Takes what does not survive a condition that does not hold out of the units' lines.
    pub(super) fn strike(&self, condition: usize, mut strike: impl FnMut(usize)) {
        match self.conditions[condition] {
            ConditionCodes::From(line) => strike(line),
            ConditionCodes::Set(set) => self.outside[set].iter().copied().for_each(strike),
        }
    }

    /// From the lines of the units to the lines of the groups. What is struck for a code of a unit
    /// of thresholds is struck for the codes above it too. `lines` has the shape `(n_lines,)`.
    pub(super) fn join_lines<T: Copy>(
        &self,
        unit_lines: &mut [T],
        lines: &mut [T],
        and: impl Fn(&T, &T) -> T,
    ) {
        let (mut first_unit, mut unit_line) = (0, 0);
        for (group, group_line) in self.groups.iter().zip(&self.group_lines) {
            let mut n_joint = 0;
            for unit in &self.units[first_unit..group.end] {
                let n_codes = unit.n_codes();
                let of_unit = &mut unit_lines[unit_line..unit_line + n_codes];
                if matches!(unit.kind, UnitKind::Thresholds { .. }) {
                    for code in 1..n_codes {
                        of_unit[code] = and(&of_unit[code], &of_unit[code - 1]);
                    }
                }
                let joint = &mut lines[group_line.first_line as usize..];
                if n_joint == 0 {
                    joint[..n_codes].copy_from_slice(of_unit);
                    n_joint = n_codes;
                } else {
                    // Code 0 of this unit overwrites what the other codes still need, so it is last.
                    for code in (0..n_codes).rev() {
                        for before in 0..n_joint {
                            joint[code * n_joint + before] = and(&joint[before], &of_unit[code]);
                        }
                    }
                    n_joint *= n_codes;
                }
                unit_line += n_codes;
            }
            first_unit = group.end;
        }
    }
}
