//! How long a delay is when it is not always the same.
//!
//! Everything here is integer arithmetic. Additions, multiplications and square roots of `f64` are the
//! same everywhere (IEEE 754 rounds them correctly), but `exp`, `ln` and `pow` come from the host's
//! libm and differ in the last place between hosts; a nanosecond more or less would be another trace.
//! So powers of two and logarithms are computed here in fixed point, bit by bit, from multiplications
//! and integer square roots only.
//!
//! What it does not do: the normal variable is a sum of twelve uniform ones (Irwin-Hall), so it never
//! leaves six standard deviations, and its far tails are thinner than the true ones.

/// Parts of one in the fixed-point form of a fraction given in decimals.
const PPM: u128 = 1_000_000;
/// Fixed point with 32 bits after the point.
const ONE_Q32: u64 = 1 << 32;
/// Fixed point with 62 bits after the point.
const ONE_Q62: u128 = 1 << 62;
/// log2(e) in units of 2^-32, rounded.
const LOG2_E_Q32: i128 = 6_196_328_019;

/// What delays are like. Times are in nanoseconds; every delay is at least 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Distribution {
    /// Each time from `min_ns` to `max_ns`, both included, is as likely as any other.
    Uniform {
        /// The shortest.
        min_ns: u64,
        /// The longest; not below `min_ns`.
        max_ns: u64,
    },
    /// The bell curve, cut off at 0.
    Normal {
        /// The middle.
        mean_ns: u64,
        /// The standard deviation.
        deviation_ns: u64,
    },
    /// The logarithm is normal: mostly near the median, sometimes many times as long.
    Lognormal {
        /// Half of the delays are shorter.
        median_ns: u64,
        /// The standard deviation of the natural logarithm, in millionths.
        sigma_ppm: u32,
    },
    /// A heavy tail: a delay of more than `x` times the shortest has the chance `x` to the minus alpha.
    Pareto {
        /// The shortest.
        min_ns: u64,
        /// The tail's exponent in millionths; the smaller, the heavier.
        alpha_ppm: u32,
    },
    /// Of every `period` times that the rule fires, the first `length` are delayed and the rest not.
    Burst {
        /// How long.
        delay_ns: u64,
        /// How many in a row.
        length: u64,
        /// Out of how many; not below `length`.
        period: u64,
    },
    /// Garbage collection: at the beginning of every period of virtual time everything stands still for
    /// so long, and what comes then waits for the end of it.
    Gc {
        /// How long it stands still.
        length_ns: u64,
        /// How often; not below `length_ns`.
        period_ns: u64,
    },
    /// Each of these delays as often as its weight says.
    Histogram(Vec<Bucket>),
}

/// A delay and how likely it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// The delay.
    pub delay_ns: u64,
    /// Its share of the sum of all weights; at least 1.
    pub weight: u32,
}

/// Random numbers that depend on their key and their place in the sequence only (SplitMix64).
#[derive(Clone, Copy, Debug)]
pub(super) struct Draws {
    state: u64,
}

impl Draws {
    pub(super) fn new(key: u64) -> Self {
        Self { state: key }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A normal variable of mean 0 and deviation 1 in units of 2^-32.
    fn normal_q32(&mut self) -> i128 {
        let sum: i128 = (0..12).map(|_| i128::from(self.next() >> 32)).sum();
        sum.saturating_sub(6 << 32)
    }
}

impl Distribution {
    /// The delay of the `fired`th firing, counted from 1, at this time.
    pub(super) fn sample(&self, now_ns: u64, fired: u64, mut draws: Draws) -> u64 {
        match *self {
            Self::Uniform { min_ns, max_ns } => {
                let width = u128::from(max_ns.saturating_sub(min_ns)).saturating_add(1);
                // The upper half of a product of 64 bits: no bias worth the name, no division.
                let offset = width.saturating_mul(draws.next().into()) >> 64;
                min_ns.saturating_add(saturated(offset))
            }
            Self::Normal { mean_ns, deviation_ns } => {
                let offset = i128::from(deviation_ns).saturating_mul(draws.normal_q32()) >> 32;
                let delay = i128::from(mean_ns).saturating_add(offset);
                saturated(u128::try_from(delay).unwrap_or(0))
            }
            Self::Lognormal { median_ns, sigma_ppm } => {
                let natural = draws.normal_q32().saturating_mul(sigma_ppm.into());
                let exponent = natural.saturating_mul(LOG2_E_Q32) >> 32;
                scaled(median_ns, exponent.checked_div(1_000_000).unwrap_or(0))
            }
            Self::Pareto { min_ns, alpha_ppm } => {
                // -log2 of a number from 2^-64 to 1.
                let surprise = (64_i128 << 32).saturating_sub(log2_q32(draws.next()));
                let exponent = surprise.saturating_mul(PPM.cast_signed());
                scaled(min_ns, exponent.checked_div(alpha_ppm.into()).unwrap_or(0))
            }
            Self::Burst { delay_ns, length, period } => {
                let place = fired.saturating_sub(1).checked_rem(period).unwrap_or(0);
                if place < length { delay_ns } else { 0 }
            }
            Self::Gc { length_ns, period_ns } => {
                length_ns.saturating_sub(now_ns.checked_rem(period_ns).unwrap_or(0))
            }
            Self::Histogram(ref buckets) => {
                let total: u64 = buckets.iter().map(|bucket| u64::from(bucket.weight)).sum();
                let mut place =
                    saturated(u128::from(total).saturating_mul(draws.next().into()) >> 64);
                for bucket in buckets {
                    match place.checked_sub(bucket.weight.into()) {
                        Some(rest) => place = rest,
                        None => return bucket.delay_ns,
                    }
                }
                0
            }
        }
    }
}

fn saturated(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// `ns` times two to the power of an exponent in units of 2^-32.
fn scaled(ns: u64, exponent_q32: i128) -> u64 {
    let whole = exponent_q32 >> 32;
    let fraction = u64::try_from(exponent_q32 & i128::from(ONE_Q32.saturating_sub(1)));
    let mantissa = u128::from(ns).saturating_mul(exp2_q62(fraction.unwrap_or(0)));
    // `mantissa` is below 2^127: 64 bits of `ns` and 63 of a power below 2.
    let right = 62_i128.saturating_sub(whole);
    match u32::try_from(right) {
        Ok(right) => saturated(mantissa.checked_shr(right).unwrap_or(0)),
        // An exponent of more than 62 is beyond all times, unless it scales nothing.
        Err(_) if right < 0 && ns > 0 => u64::MAX,
        Err(_) => 0,
    }
}

/// Two to the power of a fraction in units of 2^-32; the result from 1 to below 2 in units of 2^-62.
fn exp2_q62(fraction_q32: u64) -> u128 {
    let mut power = ONE_Q62;
    let mut root = ONE_Q62 << 1;
    for bit in (0..32).rev() {
        // The next square root of the last: two to the power of this bit's weight.
        root = (root << 62).isqrt();
        if fraction_q32 >> bit & 1 != 0 {
            power = power.saturating_mul(root) >> 62;
        }
    }
    power
}

/// The logarithm to the base of two, in units of 2^-32, rounded down; that of 0 is taken as that of 1.
fn log2_q32(number: u64) -> i128 {
    let whole = number.checked_ilog2().unwrap_or(0);
    let mut mantissa = u128::from(number.max(1)).wrapping_shl(62_u32.saturating_sub(whole.min(62)));
    if whole == 63 {
        mantissa >>= 1;
    }
    let mut log = i128::from(whole);
    for _ in 0..32 {
        mantissa = mantissa.saturating_mul(mantissa) >> 62;
        let bit = mantissa >> 63;
        log = log << 1 | bit.cast_signed();
        mantissa = mantissa.wrapping_shr(u32::try_from(bit).unwrap_or(0));
    }
    log
}

#[cfg(test)]
mod tests;
