//! `swaplab bench nvme`: what the controller model costs, as a ratio to plain copies of the same blocks.

mod copies;
mod kvm;
pub(super) mod load;
pub(super) mod machine;
pub(super) mod rig;

use super::BenchResult;
use super::sample::Sample;
use copies::Copies;
use load::{BUFFER_BLOCKS, Load, Way};
use rig::RULES;

/// Commands of one measurement, and how often it is repeated, in turn with what it is compared with.
const COMMANDS: u64 = 40_000;
const ROUNDS: usize = 9;
/// The same for what costs a few percent, which is less than one round differs from the next.
const FINE_COMMANDS: u64 = 10_000;
const FINE_ROUNDS: usize = 60;

/// The least part of the copies' speed at a depth of 32.
const MODEL_MIN: f64 = 0.60;
/// The most that rules that do not match may cost.
const RULES_MAX: f64 = 0.05;
/// The most that the log of decisions may cost.
const DECISIONS_MAX: f64 = 0.10;

pub(super) fn nvme() -> BenchResult {
    let mut copies = Copies::plain();
    print_copies(&mut copies);
    println!(
        "model alone: our driver in process, shadow doorbells, RAM media, one core, random 4 KiB in 256 MiB"
    );
    let mut is_met = true;
    for way in [Way::Read, Way::Write] {
        for depth in [1, 32, 256] {
            is_met &= against_copies(&mut copies, way, depth)?;
        }
    }
    is_met &= rules_that_do_not_match()?;
    is_met &= decisions()?;
    match vmm::check_host() {
        Ok(()) => is_met &= kvm::run(&mut copies)?,
        Err(error) => println!("under KVM: not measured: {error}"),
    }
    Ok(is_met)
}

/// Says what 100 % are, and what they would be in the memory that the drive has.
fn print_copies(plain: &mut Copies) {
    let mut like_media = Copies::like_media();
    let measure = |copies: &mut Copies| {
        [Way::Read, Way::Write].map(|way| {
            let rounds = (0..ROUNDS).map(|_| copies.run(way, BUFFER_BLOCKS, COMMANDS));
            Sample::new(rounds.collect()).median()
        })
    };
    let [read, write] = measure(plain);
    let [read_like_media, write_like_media] = measure(&mut like_media);
    println!("plain copies of random 4 KiB in 256 MiB, which are the 100 %:");
    println!(
        "  read  {read:>4.0} ns  (on huge pages, as the drive's blocks are: {read_like_media:.0} ns)"
    );
    println!("  write {write:>4.0} ns  ({write_like_media:.0} ns)");
}

fn against_copies(
    copies: &mut Copies,
    way: Way,
    depth: usize,
) -> Result<bool, Box<dyn std::error::Error>> {
    // One place of a ring stays empty.
    let in_flight = depth.min(255);
    let mut load = Load::new(rig::driver(&[])?)?;
    let (mut commands, mut ratios) = (Vec::new(), Vec::new());
    load.run(way, in_flight, COMMANDS)?;
    for _ in 0..ROUNDS {
        let copy_ns = copies.run(way, BUFFER_BLOCKS, COMMANDS);
        let command_ns = load.run(way, in_flight, COMMANDS)?;
        commands.push(command_ns);
        ratios.push(copy_ns / command_ns);
    }
    let (commands, ratio) = (Sample::new(commands), Sample::new(ratios).median());
    let limit = format!(">= {:.0} %", MODEL_MIN * 100.0);
    let limit = (depth == 32).then_some((limit.as_str(), ratio >= MODEL_MIN));
    Ok(print_row(way, depth, &commands, ratio, limit))
}

/// Prints a measurement with its limit, if it has one and whether it is met; returns that.
fn print_row(
    way: Way,
    depth: usize,
    commands: &Sample,
    ratio: f64,
    limit: Option<(&str, bool)>,
) -> bool {
    let way = format!("{way:?}").to_lowercase();
    let (p50, p99, percent) = (commands.median(), commands.percentile(99), ratio * 100.0);
    let verdict = limit
        .map(|(limit, is_met)| format!("  limit: {limit}: {}", verdict(is_met)))
        .unwrap_or_default();
    println!(
        "  {way:<6} QD{depth:<4} {p50:>7.0} ns p50 {p99:>7.0} ns p99 {:>6.3} M/s {percent:>5.1} % of copies{verdict}",
        1e3 / p50,
    );
    limit.is_none_or(|(_, is_met)| is_met)
}

fn verdict(is_met: bool) -> &'static str {
    if is_met { "met" } else { "missed" }
}

/// Rules about other blocks and other queues.
fn rules_that_do_not_match() -> BenchResult {
    let rules = rig::rules_that_do_not_match();
    cost(&format!("{RULES} rules that do not match cost"), &rules, RULES_MAX)
}

/// A rule that does nothing but be logged, at every command.
fn decisions() -> BenchResult {
    let rules = rig::a_rule_that_is_logged();
    cost("a decision in the log for every command costs", &rules, DECISIONS_MAX)
}

/// What these rules cost of the time of a command, as a part of it.
fn cost(what: &str, rules: &[String], max: f64) -> BenchResult {
    let mut without = Load::new(rig::driver(&[])?)?;
    let mut with = Load::new(rig::driver(rules)?)?;
    let mut costs = Vec::new();
    for round in 0..FINE_ROUNDS {
        let way = if round % 2 == 0 { Way::Read } else { Way::Write };
        let run = |load: &mut Load| load.run(way, 32, FINE_COMMANDS);
        // Whoever comes first of a pair is not always the same one.
        let (with_ns, without_ns) = if round % 4 < 2 {
            (run(&mut with)?, run(&mut without)?)
        } else {
            let without_ns = run(&mut without)?;
            (run(&mut with)?, without_ns)
        };
        costs.push(with_ns / without_ns - 1.0);
    }
    let cost = Sample::new(costs).median();
    let verdict = verdict(cost <= max);
    println!("  {what} {:>5.1} %  limit: <= {:.0} %: {verdict}", cost * 100.0, max * 100.0);
    Ok(cost <= max)
}
