//! Features that share one code a row.
//!
//! Most features of threat data have two or three values. The bins of several such features fit
//! together into one byte, as digits of a number whose bases are their counts of values; a
//! histogram over that byte costs one addition a row instead of one for each feature, and its
//! marginals are the features' own histograms. Sums of whole numbers do not depend on their order,
//! so they are the same numbers.

use std::ops::Range;

use rayon::prelude::*;

use super::gradient::Packed;
use crate::learn::bin_test::BinTest;
use crate::learn::table::Table;

/// How many codes a byte has.
const CODES: usize = 256;
/// Rows coded in one go.
const CHUNK: usize = 1024;

/// The codes of all groups.
#[derive(Debug)]
pub(crate) struct Bundles {
    /// Shape: `(n_groups, n_bundles)`.
    codes: Vec<u8>,
    all: Vec<Bundle>,
    /// For each feature its bundle and its place there; `None` where it has one bin only.
    place_of: Vec<Option<(usize, usize)>>,
}

/// Some features as digits of one code. The first member's digit is the lowest.
#[derive(Debug, Default)]
struct Bundle {
    members: Vec<Member>,
    n_codes: usize,
}

/// A feature as a digit.
#[derive(Debug)]
struct Member {
    feature: usize,
    /// The bin that each digit stands for: those that any group has, ascending.
    bins: Vec<u8>,
    /// What a step of the digit adds to the code.
    stride: usize,
}

impl Bundles {
    /// Puts the table's features together, those with many bins first, each into the first bundle
    /// that has room.
    ///
    /// `None` where hardly any feature finds another one: codes would then take memory for nothing.
    pub(crate) fn new(table: &Table) -> Option<Self> {
        let present = present_bins(table);
        let mut by_size: Vec<usize> = (0..table.n_features)
            .filter(|&feature| present[feature].len() > 1)
            .collect();
        by_size.sort_by_key(|&feature| (std::cmp::Reverse(present[feature].len()), feature));
        let mut bundles: Vec<Bundle> = Vec::new();
        let mut place_of = vec![None; table.n_features];
        for feature in by_size {
            let n_bins = present[feature].len();
            let room = |bundle: &Bundle| bundle.n_codes * n_bins <= CODES;
            let at = bundles.iter().position(room).unwrap_or_else(|| {
                bundles.push(Bundle {
                    members: Vec::new(),
                    n_codes: 1,
                });
                bundles.len() - 1
            });
            let bundle = &mut bundles[at];
            place_of[feature] = Some((at, bundle.members.len()));
            bundle.members.push(Member {
                feature,
                bins: present[feature].clone(),
                stride: bundle.n_codes,
            });
            bundle.n_codes *= n_bins;
        }
        if 4 * bundles.len() > 3 * table.n_features {
            return None;
        }
        let codes = code_groups(table, &bundles);
        Some(Self {
            codes,
            all: bundles,
            place_of,
        })
    }

    fn n_bundles(&self) -> usize {
        self.all.len()
    }

    /// For each code of the feature's bundle whether a row with it goes left, and where the codes
    /// are. `None` of a feature with one bin only.
    pub(crate) fn left_codes(&self, feature: usize, test: &BinTest) -> Option<CodeTest<'_>> {
        let (bundle_at, member_at) = self.place_of[feature]?;
        let member = &self.all[bundle_at].members[member_at];
        let mut goes_left = [false; CODES];
        for (code, goes_left) in goes_left.iter_mut().enumerate() {
            let digit = code / member.stride % member.bins.len();
            *goes_left = test.goes_left(member.bins[digit]);
        }
        Some(CodeTest {
            codes: &self.codes[bundle_at..],
            n_bundles: self.n_bundles(),
            goes_left,
        })
    }
}

/// A split's test, asked of codes.
pub(crate) struct CodeTest<'a> {
    codes: &'a [u8],
    n_bundles: usize,
    goes_left: [bool; CODES],
}

impl CodeTest<'_> {
    #[inline]
    pub(crate) fn goes_left(&self, group: u32) -> bool {
        self.goes_left[usize::from(self.codes[group as usize * self.n_bundles])]
    }
}

/// The bundles that hold a tree's features, and where their codes' sums stand.
#[derive(Debug)]
pub(crate) struct UsedBundles<'a> {
    bundles: &'a Bundles,
    used: Vec<Used>,
    n_cells: usize,
}

/// A bundle's sums by code. A little longer than there are codes: the sums of equally spaced
/// bundles would compete for the same lines of the cache, and a byte is always a place in here.
pub(crate) type CodeSums = [Packed; CODES + 8];

#[derive(Debug)]
struct Used {
    at: usize,
    /// For each member its place among the tree's features, if it is one of them.
    places: Vec<Option<usize>>,
}

impl<'a> UsedBundles<'a> {
    /// For a tree that may ask for `features`.
    pub(crate) fn new(bundles: &'a Bundles, features: &[u32]) -> Self {
        let mut places: Vec<Vec<Option<usize>>> = bundles
            .all
            .iter()
            .map(|bundle| vec![None; bundle.members.len()])
            .collect();
        for (place, &feature) in features.iter().enumerate() {
            if let Some((at, member)) = bundles.place_of[feature as usize] {
                places[at][member] = Some(place);
            }
        }
        let mut n_cells = 0;
        let mut used = Vec::new();
        for (at, places) in places.into_iter().enumerate() {
            if places.iter().any(Option::is_some) {
                n_cells += bundles.all[at].n_codes;
                used.push(Used { at, places });
            }
        }
        Self {
            bundles,
            used,
            n_cells,
        }
    }

    /// Sums of nothing.
    pub(crate) fn no_sums(&self) -> Vec<CodeSums> {
        vec![[0; CODES + 8]; self.used.len()]
    }

    /// How many additions a row takes.
    pub(crate) fn n_used(&self) -> usize {
        self.used.len()
    }

    /// Whether filling a histogram of `n_features` from `n_rows` costs less by bundles: what additions
    /// they save must outweigh the marginals.
    pub(crate) fn is_faster(&self, n_features: usize, n_rows: usize) -> bool {
        n_rows * n_features.saturating_sub(self.used.len()) > self.n_cells
    }

    /// Adds the gradients of groups to the sums of their codes, of shape `(n_used,)`.
    pub(crate) fn add(&self, rows: &[u32], gradients: &[Packed], sums: &mut [CodeSums]) {
        let n_bundles = self.bundles.n_bundles();
        let all = &self.bundles.codes;
        if self.used.len() == n_bundles {
            for (&row, &gradient) in rows.iter().zip(gradients) {
                let codes = &all[row as usize * n_bundles..][..n_bundles];
                for (&code, sums) in codes.iter().zip(&mut *sums) {
                    let sum = &mut sums[usize::from(code)];
                    *sum = sum.wrapping_add(gradient);
                }
            }
            return;
        }
        for (&row, &gradient) in rows.iter().zip(gradients) {
            let codes = &all[row as usize * n_bundles..][..n_bundles];
            for (used, sums) in self.used.iter().zip(&mut *sums) {
                let sum = &mut sums[usize::from(codes[used.at])];
                *sum = sum.wrapping_add(gradient);
            }
        }
    }

    /// Takes the marginals of the sums: `set` is called with a feature's place, a bin and its sum.
    /// Leaves nothing useful in `sums`.
    pub(crate) fn take_marginals(
        &self,
        sums: &mut [CodeSums],
        mut set: impl FnMut(usize, u8, Packed),
    ) {
        for (used, sums) in self.used.iter().zip(sums) {
            let bundle = &self.bundles.all[used.at];
            let mut rest = &mut sums[..bundle.n_codes];
            // The highest digit first; what is summed over it is the bundle without it.
            for (member, place) in bundle.members.iter().zip(&used.places).rev() {
                if let Some(place) = place {
                    for (digit, &bin) in member.bins.iter().enumerate() {
                        let of_digit = &rest[member.codes(digit)];
                        set(
                            *place,
                            bin,
                            of_digit.iter().copied().fold(0, Packed::wrapping_add),
                        );
                    }
                }
                let (first, others) = rest.split_at_mut(member.stride);
                for other in others.chunks_exact(member.stride) {
                    for (sum, other) in first.iter_mut().zip(other) {
                        *sum = sum.wrapping_add(*other);
                    }
                }
                rest = first;
            }
        }
    }
}

impl Member {
    /// The codes with this digit, all lower digits running, all higher ones 0.
    fn codes(&self, digit: usize) -> Range<usize> {
        digit * self.stride..(digit + 1) * self.stride
    }
}

/// The bins that any group has, by feature, ascending.
fn present_bins(table: &Table) -> Vec<Vec<u8>> {
    let mut is_present = vec![false; table.n_features * CODES];
    for group in table.bins.chunks_exact(table.n_features) {
        for (feature, &bin) in group.iter().enumerate() {
            is_present[feature * CODES + usize::from(bin)] = true;
        }
    }
    is_present
        .chunks_exact(CODES)
        .map(|bins| {
            (0..=u8::MAX)
                .filter(|&bin| bins[usize::from(bin)])
                .collect()
        })
        .collect()
}

/// The code of every group in every bundle, `(n_groups, n_bundles)`.
fn code_groups(table: &Table, bundles: &[Bundle]) -> Vec<u8> {
    let n_bundles = bundles.len();
    if n_bundles == 0 {
        return Vec::new();
    }
    // What each bin of each feature adds to its bundle's code.
    let mut shares = vec![0_u8; table.n_features * CODES];
    for member in bundles.iter().flat_map(|bundle| &bundle.members) {
        for (digit, &bin) in member.bins.iter().enumerate() {
            shares[member.feature * CODES + usize::from(bin)] = (digit * member.stride) as u8;
        }
    }
    let mut codes = vec![0_u8; table.n_groups() * n_bundles];
    codes
        .par_chunks_mut(CHUNK * n_bundles)
        .enumerate()
        .for_each(|(chunk, codes)| {
            for (at, codes) in codes.chunks_exact_mut(n_bundles).enumerate() {
                let bins = table.group(chunk * CHUNK + at);
                for (code, bundle) in codes.iter_mut().zip(bundles) {
                    for member in &bundle.members {
                        let bin = usize::from(bins[member.feature]);
                        *code += shares[member.feature * CODES + bin];
                    }
                }
            }
        });
    codes
}

#[cfg(test)]
#[path = "bundle_tests.rs"]
mod tests;
