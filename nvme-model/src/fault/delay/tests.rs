use super::*;

fn delays(distribution: Distribution, count: u64) -> Vec<u64> {
    (1..=count)
        .map(|fired| {
            distribution.sample(0, fired, Draws::new(fired.wrapping_mul(0x1234_5678_9abc)))
        })
        .collect()
}

fn quantile(sorted: &[u64], percent: usize) -> u64 {
    sorted[sorted.len() * percent / 100]
}

fn sorted(distribution: Distribution) -> Vec<u64> {
    let mut delays = delays(distribution, 20_000);
    delays.sort_unstable();
    delays
}

#[test]
fn powers_and_logarithms_are_as_exact_as_their_format() {
    for step in 0..4096_u64 {
        let fraction = step << 20;
        let exact = (fraction as f64 / ONE_Q32 as f64).exp2();
        let found = exp2_q62(fraction) as f64 / ONE_Q62 as f64;
        assert!((found / exact - 1.0).abs() < 1e-12, "{step}");
        let number = (step + 1) * 0x000f_ffff_ffff_f123 / 17 + step;
        let found = log2_q32(number) as f64 / ONE_Q32 as f64;
        assert!((found - (number as f64).log2()).abs() < 1e-8, "{number}");
    }
    assert_eq!((log2_q32(1), log2_q32(1 << 63)), (0, 63 << 32));
    assert_eq!((log2_q32(0), log2_q32(u64::MAX) >> 32), (0, 63));
}

#[test]
fn scaling_saturates_instead_of_wrapping() {
    assert_eq!(scaled(1000, 0), 1000);
    assert_eq!((scaled(3, 10 << 32), scaled(3072, -(10 << 32))), (3072, 3));
    assert_eq!(scaled(1, 64 << 32), u64::MAX);
    assert_eq!(scaled(u64::MAX, 1 << 32), u64::MAX);
    assert_eq!(scaled(1, i128::MAX), u64::MAX);
    assert_eq!((scaled(0, 100 << 32), scaled(u64::MAX, -(100 << 32))), (0, 0));
}

#[test]
fn uniform_delays_cover_their_range_evenly() {
    let all = sorted(Distribution::Uniform { min_ns: 1000, max_ns: 2000 });
    assert_eq!((all[0], all[all.len() - 1]), (1000, 2000));
    assert!((1480..1520).contains(&quantile(&all, 50)));
    let same = Distribution::Uniform { min_ns: 7, max_ns: 7 };
    assert!(delays(same, 100).iter().all(|ns| *ns == 7));
    let full = Distribution::Uniform { min_ns: 0, max_ns: u64::MAX };
    assert!(delays(full, 100).iter().any(|ns| *ns > u64::MAX / 2));
}

#[test]
fn normal_delays_have_their_mean_and_deviation_and_are_never_negative() {
    let all = sorted(Distribution::Normal { mean_ns: 100_000, deviation_ns: 10_000 });
    // 16 %, 50 % and 84 % of a normal variable are one deviation apart.
    assert!((89_300..90_800).contains(&quantile(&all, 16)));
    assert!((99_700..100_300).contains(&quantile(&all, 50)));
    assert!((109_200..110_700).contains(&quantile(&all, 84)));
    let wide = sorted(Distribution::Normal { mean_ns: 10, deviation_ns: 1000 });
    assert_eq!(wide[0], 0);
}

#[test]
fn lognormal_delays_are_symmetric_in_their_ratio() {
    let all = sorted(Distribution::Lognormal { median_ns: 100_000, sigma_ppm: 1_000_000 });
    let median = quantile(&all, 50);
    assert!((97_000..103_000).contains(&median), "{median}");
    // One sigma of 1 is a factor of e.
    let (low, high) = (quantile(&all, 16), quantile(&all, 84));
    assert!((35_000..39_000).contains(&low), "{low}");
    assert!((260_000..285_000).contains(&high), "{high}");
}

#[test]
fn pareto_delays_have_a_heavy_tail_above_their_minimum() {
    let all = sorted(Distribution::Pareto { min_ns: 1000, alpha_ppm: 1_000_000 });
    assert!(all[0] >= 1000);
    // More than x times the minimum has the chance 1/x.
    assert!((1950..2050).contains(&quantile(&all, 50)));
    assert!((9_300..10_700).contains(&quantile(&all, 90)));
    assert!(all[all.len() - 1] > 1_000_000);
}

#[test]
fn bursts_come_in_the_order_given() {
    let burst = Distribution::Burst { delay_ns: 5, length: 2, period: 5 };
    assert_eq!(delays(burst, 8), [5, 5, 0, 0, 0, 5, 5, 0]);
}

/// Written down so that a change of the arithmetic, or a host that computes otherwise, is noticed.
#[test]
fn the_same_key_gives_the_same_delay_everywhere() {
    let first = |distribution: Distribution| distribution.sample(0, 1, Draws::new(42));
    let found = [
        first(Distribution::Uniform { min_ns: 0, max_ns: 1_000_000 }),
        first(Distribution::Normal { mean_ns: 100_000, deviation_ns: 10_000 }),
        first(Distribution::Lognormal { median_ns: 100_000, sigma_ppm: 500_000 }),
        first(Distribution::Pareto { min_ns: 100_000, alpha_ppm: 1_500_000 }),
    ];
    assert_eq!(found, [741_565, 91_058, 63_950, 122_058]);
}
