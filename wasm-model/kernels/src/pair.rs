//! Two f64 in one 128-bit register. Every operation is IEEE 754's on each lane, so the bits are the
//! same with and without registers of that width.

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
use core::arch::wasm32 as simd;

/// Two numbers. WebAssembly's vectors are named because the compiler does not find them by itself.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[derive(Clone, Copy, Debug)]
pub struct Pair(simd::v128);

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[allow(
    clippy::should_implement_trait,
    reason = "named steps show the order of adding"
)]
impl Pair {
    /// Two numbers in order.
    #[inline]
    #[must_use]
    pub fn new(first: f64, second: f64) -> Self {
        Self(simd::f64x2(first, second))
    }

    /// The same number twice.
    #[inline]
    #[must_use]
    pub fn splat(number: f64) -> Self {
        Self(simd::f64x2_splat(number))
    }

    /// Adds lane by lane.
    #[inline]
    #[must_use]
    pub fn add(self, other: Self) -> Self {
        Self(simd::f64x2_add(self.0, other.0))
    }

    /// Subtracts lane by lane.
    #[inline]
    #[must_use]
    pub fn sub(self, other: Self) -> Self {
        Self(simd::f64x2_sub(self.0, other.0))
    }

    /// Multiplies lane by lane.
    #[inline]
    #[must_use]
    pub fn mul(self, other: Self) -> Self {
        Self(simd::f64x2_mul(self.0, other.0))
    }

    /// The sum of the two.
    #[inline]
    #[must_use]
    pub fn sum(self) -> f64 {
        simd::f64x2_extract_lane::<0>(self.0) + simd::f64x2_extract_lane::<1>(self.0)
    }
}

/// Two numbers.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
#[derive(Clone, Copy, Debug)]
pub struct Pair([f64; 2]);

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
#[allow(
    clippy::should_implement_trait,
    reason = "named steps show the order of adding"
)]
impl Pair {
    /// Two numbers in order.
    #[inline]
    #[must_use]
    pub fn new(first: f64, second: f64) -> Self {
        Self([first, second])
    }

    /// The same number twice.
    #[inline]
    #[must_use]
    pub fn splat(number: f64) -> Self {
        Self([number; 2])
    }

    /// Adds lane by lane.
    #[inline]
    #[must_use]
    pub fn add(self, other: Self) -> Self {
        Self([self.0[0] + other.0[0], self.0[1] + other.0[1]])
    }

    /// Subtracts lane by lane.
    #[inline]
    #[must_use]
    pub fn sub(self, other: Self) -> Self {
        Self([self.0[0] - other.0[0], self.0[1] - other.0[1]])
    }

    /// Multiplies lane by lane.
    #[inline]
    #[must_use]
    pub fn mul(self, other: Self) -> Self {
        Self([self.0[0] * other.0[0], self.0[1] * other.0[1]])
    }

    /// The sum of the two.
    #[inline]
    #[must_use]
    pub fn sum(self) -> f64 {
        self.0[0] + self.0[1]
    }
}
