//! The few exact figures that a report may claim.
//!
//! No approximation by a normal distribution anywhere: the numbers of failures are small.

/// The upper end of the one-sided 95 % confidence interval of a failure rate, after `failures` in `runs`
/// independent runs (Clopper and Pearson). Without failures and with many runs it is 3/runs, the rule
/// of three. 1 if nothing was run.
#[must_use]
pub fn failure_rate_bound(failures: u64, runs: u64) -> f64 {
    if failures >= runs {
        return 1.0;
    }
    // The rate at which so few failures would be seen in 5 % of all cases. The probability falls with
    // the rate, so halving finds it; 60 halvings are more than a double has digits.
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for _ in 0..60 {
        let rate = f64::midpoint(low, high);
        if at_most(failures, runs, rate) > 0.05 {
            low = rate;
        } else {
            high = rate;
        }
    }
    high
}

/// How probable `successes` or fewer are in `runs` with that rate.
fn at_most(successes: u64, runs: u64, rate: f64) -> f64 {
    let term = |k: u64| {
        let (k, rest) = (k as f64, (runs - k) as f64);
        (ln_choose(runs, k as u64) + k * rate.ln() + rest * (-rate).ln_1p()).exp()
    };
    (0..=successes).map(term).sum()
}

/// The two-sided exact p value that two designs differ, when `worse` units failed only under the second
/// and `better` units only under the first, each pair under the identical schedule (McNemar's exact
/// test: a fair coin thrown for every unit that changed).
#[must_use]
pub fn paired_p_value(better: u64, worse: u64) -> f64 {
    let changed = better + worse;
    let fewer = better.min(worse);
    (2.0 * at_most(fewer, changed, 0.5)).min(1.0)
}

/// The one-sided exact p value that the second of two unpaired groups fails less often than the first
/// (Fisher): `failures` of `runs` in each.
///
/// `None` if a group has more failures than runs.
#[must_use]
pub fn fisher_p_value(first: (u64, u64), second: (u64, u64)) -> Option<f64> {
    let ((failed_1, runs_1), (failed_2, runs_2)) = (first, second);
    let failed = failed_1.checked_add(failed_2)?;
    if failed_1 > runs_1 || failed_2 > runs_2 {
        return None;
    }
    let all = ln_choose(runs_1 + runs_2, failed);
    let term = |k: u64| (ln_choose(runs_1, k) + ln_choose(runs_2, failed - k) - all).exp();
    Some((failed_1..=failed.min(runs_1)).map(term).sum::<f64>().min(1.0))
}

/// The logarithm of the number of ways to choose `k` of `n`; minus infinity if there are none.
fn ln_choose(n: u64, k: u64) -> f64 {
    match n.checked_sub(k) {
        Some(rest) => ln_factorial(n) - ln_factorial(k) - ln_factorial(rest),
        None => f64::NEG_INFINITY,
    }
}

/// Stirling's series: better than 10^-12 from 20 on; the small ones are added up.
fn ln_factorial(n: u64) -> f64 {
    if n < 20 {
        return (2..=n).map(|k| (k as f64).ln()).sum();
    }
    let n = n as f64;
    let tail = 1.0 / (12.0 * n) - 1.0 / (360.0 * n.powi(3)) + 1.0 / (1260.0 * n.powi(5));
    n * n.ln() - n + 0.5 * (std::f64::consts::TAU * n).ln() + tail
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_near(value: f64, expected: f64) -> bool {
        (value - expected).abs() <= 1e-9 * expected.abs().max(1e-3)
    }

    #[test]
    fn without_failures_the_bound_is_the_rule_of_three() {
        assert!(is_near(failure_rate_bound(0, 10), 1.0 - 0.05_f64.powf(0.1)));
        let bound = failure_rate_bound(0, 100_000) * 100_000.0;
        assert!((2.99..3.0).contains(&bound), "{bound}");
        assert!(is_near(failure_rate_bound(0, 0), 1.0));
        assert!(is_near(failure_rate_bound(3, 3), 1.0));
    }

    #[test]
    fn the_bound_is_the_rate_at_which_so_few_failures_are_a_five_percent_case() {
        for (failures, runs) in [(1, 20), (5, 100), (17, 10_000)] {
            let bound = failure_rate_bound(failures, runs);
            assert!(is_near(at_most(failures, runs, bound), 0.05), "{failures} of {runs}");
        }
    }

    #[test]
    fn paired_changes_are_judged_like_a_fair_coin() {
        assert!(is_near(paired_p_value(0, 5), 2.0 / 32.0));
        assert!(is_near(paired_p_value(3, 3), 1.0));
        assert!(is_near(paired_p_value(0, 0), 1.0));
        assert!(is_near(paired_p_value(0, 20), paired_p_value(20, 0)));
        // By hand: 2 * (1 + 6) / 2^6 and 2 * (1 + 10 + 45) / 2^10; a single change says nothing.
        assert!(is_near(paired_p_value(1, 5), 14.0 / 64.0));
        assert!(is_near(paired_p_value(8, 2), 112.0 / 1024.0));
        assert!(is_near(paired_p_value(0, 1), 1.0));
    }

    #[test]
    fn fisher_gives_the_published_value_of_three_in_seven_against_none_in_eight() {
        assert_eq!(fisher_p_value((3, 7), (0, 8)).map(|p| is_near(p, 35.0 / 455.0)), Some(true));
        assert_eq!(fisher_p_value((4, 3), (0, 8)), None);
    }

    #[test]
    fn factorials_agree_where_the_sum_and_the_series_meet() {
        for n in [20_u64, 25, 60] {
            let sum: f64 = (2..=n).map(|k| (k as f64).ln()).sum();
            assert!(is_near(ln_factorial(n), sum), "{n}");
        }
    }
}
