//! A run that goes on from a snapshot is the run it was taken from.

use nvme_spec::{Cqe, Sqe};
use proptest::prelude::*;

use crate::fault::{RuleCounts, RuleStatus};
use crate::rig::{DATA, Rig};
use crate::{CachePolicy, Config, Controller, FaultPlan, Media, RamMedia};

/// What the host does next.
#[derive(Clone, Debug)]
enum Act {
    Submit {
        qid: u16,
        kind: u8,
        lba: u64,
    },
    /// Lets one event happen.
    Event,
    Reap(u16),
    Reset,
    PowerCut(u64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (0_u16..2, 0_u8..12, 0_u64..16)
            .prop_map(|(qid, kind, lba)| Act::Submit { qid, kind, lba }),
        8 => Just(Act::Event),
        3 => (0_u16..2).prop_map(Act::Reap),
        1 => Just(Act::Reset),
        1 => (0_u64..9).prop_map(Act::PowerCut),
    ]
}

fn command(qid: u16, kind: u8, lba: u64) -> Sqe {
    match (qid, kind) {
        (0, 0..4) => Sqe::async_event_request(),
        (0, 4) => Sqe::set_features(6, 0),
        (0, 5) => Sqe::set_features(6, 1),
        (0, _) => Sqe::get_log_page(2, 0xffff_ffff, 127, 0).with_prp(DATA, 0),
        (_, 0..3) => Sqe::read(1, lba, 0).with_prp(DATA, 0),
        (_, 3) => Sqe::flush(1),
        (_, 4) => Sqe::write_zeroes(1, lba, 1),
        (_, 5) => Sqe::write_uncorrectable(1, lba, 1),
        (_, 6) => Sqe::write(1, lba, 0, true).with_prp(DATA, 0),
        (_, _) => Sqe::write(1, lba, 0, false).with_prp(DATA, 0),
    }
}

/// The controller is usable and the host has an I/O queue pair.
fn start(rig: &mut Rig) {
    rig.enable();
    rig.create_pair(1, 1);
}

/// Does one thing; what came of it is in the rig. Returns completions, which are not in the trace.
fn play(rig: &mut Rig, act: &Act) -> Vec<Cqe> {
    match *act {
        Act::Submit { qid, kind, lba } => {
            rig.memory_write(DATA, &[kind.wrapping_mul(16).wrapping_add(lba as u8); 4096]);
            rig.submit(qid, command(qid, kind, lba));
        }
        Act::Event => {
            if let Some(at) = rig.controller.next_event() {
                rig.now_ns = rig.now_ns.max(at);
                rig.step();
            }
        }
        Act::Reap(qid) => return rig.reap(qid),
        Act::Reset => {
            rig.disable();
            start(rig);
        }
        Act::PowerCut(seed) => {
            let policy = CachePolicy::Sample { seed };
            rig.controller.power_cut(rig.now_ns, policy, &mut rig.trace);
            rig.now_ns = 0;
            start(rig);
        }
    }
    Vec::new()
}

fn faults() -> FaultPlan {
    let rules = [
        "read chance=0.2 => status=media/unrecovered-read",
        "write every=3 => delay=300us",
        "write nth=5 => lost-write",
        "read lba=3..5 => status=media/unrecovered-read until-rewrite",
        "read every=4 => stale-read",
        "flush nth=2 => drop",
        "write nth=4 => hold=go",
        "flush nth=3 => expect set=go",
        "write name=mark => expect",
        "read after=mark within=2 => delay=50us",
        "flush after=mark within=1ms => delay=70us",
        "io any{ lba=0..4 | lba=12..16 } not{ flush } every=2 => delay=uniform(10us,90us)",
        "write => delay=histogram(5us:3,200us:1)",
        "read => delay=burst(400us,2,5)",
    ];
    FaultPlan { seed: 7, rules: rules.iter().map(|rule| rule.parse().expect("a rule")).collect() }
}

fn whole_media(controller: &Controller) -> Vec<u8> {
    let mut bytes = vec![0; 32 * 4096];
    controller.media(1).expect("namespace").read(0, &mut bytes).expect("RAM");
    bytes
}

/// How far each rule has come, whether it still can, and the state that they have set.
fn progress(controller: &Controller) -> (Vec<RuleCounts>, Vec<RuleStatus>, String) {
    let faults = controller.faults();
    let counts = faults.counts().map(|(_, counts)| counts).collect();
    (counts, faults.statuses().collect(), faults.state().into())
}

#[test]
fn every_rule_of_the_plan_fires_for_a_host_that_goes_on_long_enough() {
    let config = Config { cache_blocks_max: 4, ..Config::default() };
    let mut rig = Rig::with(config, faults());
    for round in 0..60_u8 {
        let submit = Act::Submit { qid: 1, kind: round % 12, lba: (u64::from(round) * 5 + 3) % 16 };
        for act in [submit, Act::Event, Act::Event, Act::Event, Act::Reap(1)] {
            play(&mut rig, &act);
        }
    }
    let silent: Vec<String> =
        rig.controller.faults().unfired().map(|rule| rule.to_string()).collect();
    assert_eq!(silent, Vec::<String>::new());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn going_on_from_any_moment_gives_the_same_events(
        acts in prop::collection::vec(act(), 1..40),
    ) {
        let config = Config { cache_blocks_max: 4, async_events_max: 8, ..Config::default() };
        let mut rig = Rig::with(config, faults());
        let mut kept = Vec::new();
        let mut completions = Vec::new();
        for act in &acts {
            // The controller through a snapshot; its surroundings by a copy.
            let mut copy = rig.clone();
            copy.controller = rig.controller.snapshot().resume();
            kept.push(copy);
            completions.push(play(&mut rig, act));
        }
        for (first, mut copy) in kept.into_iter().enumerate() {
            for (act, expected) in acts.iter().zip(&completions).skip(first) {
                prop_assert_eq!(&play(&mut copy, act), expected);
            }
            prop_assert_eq!(&copy.trace, &rig.trace, "from act {}", first);
            prop_assert_eq!(whole_media(&copy.controller), whole_media(&rig.controller));
            prop_assert_eq!(copy.controller.faults().log(), rig.controller.faults().log());
            prop_assert_eq!(progress(&copy.controller), progress(&rig.controller));
            prop_assert_eq!(copy.controller.next_event(), rig.controller.next_event());
        }
    }
}

#[test]
fn restoring_takes_back_what_was_written_since_cached_or_not() {
    let mut rig = Rig::new();
    rig.write_block(1, 1, true);
    rig.write_block(2, 2, false);
    let before = rig.clone();
    let snapshot = rig.controller.snapshot();
    for lba in 1..4 {
        rig.write_block(lba, 9, lba % 2 == 0);
    }
    let mut again = before;
    again.controller = rig.controller;
    again.controller.restore(&snapshot);
    let blocks: Vec<u8> = (1..4).map(|lba| again.read_block(lba).expect("readable")[0]).collect();
    assert_eq!(blocks, [1, 2, 0]);
    assert_eq!((again.on_media(1), again.on_media(2)), (1, 0), "the second is cached again");
}

#[test]
fn controllers_with_several_namespaces_and_with_none_can_be_snapshotted() {
    let all: [&[(u32, u64)]; 2] = [&[(1, 64), (3, 128)], &[]];
    for sizes in all {
        let mut rig = Rig::over(Config::default(), sizes, FaultPlan::none());
        start(&mut rig);
        let [values, events] = [DATA + 40 * 4096, DATA + 41 * 4096];
        assert!(rig.admin(Sqe::doorbell_buffer_config(values, events)).0.is_success());
        rig.submit(0, Sqe::async_event_request());
        rig.settle();
        let snapshot = rig.controller.snapshot();
        let nsid = sizes.last().map_or(7, |(nsid, _)| *nsid);
        let gone = rig.controller.remove_namespace(rig.now_ns, nsid, &mut rig.trace);
        assert_eq!(gone.is_ok(), !sizes.is_empty());
        rig.controller.restore(&snapshot);
        assert_eq!(rig.controller.namespaces().count(), sizes.len());
        assert!(rig.controller.has_shadow_doorbells(), "shadow doorbells are in it");
        // The request is in it, too: an event finds it.
        let media = Box::new(RamMedia::new(64, 4096));
        rig.admin(Sqe::set_features(nvme_spec::feature::ASYNC_EVENT_CONFIG, 1 << 8));
        let added = rig.controller.add_namespace(rig.now_ns, 9, media, &mut rig.trace);
        added.expect("a free identifier");
        rig.settle();
        assert_eq!(rig.reap(0).len(), 1, "{sizes:?}");
    }
}

#[test]
fn a_snapshot_allocates_the_same_whatever_is_on_the_media() {
    let allocations = |blocks: u64| {
        let mut media = RamMedia::new(1 << 30, 4096);
        for lba in 0..blocks {
            media.write(lba * 1000, &[1; 4096]).expect("RAM");
        }
        let controller = Controller::new(Config::default(), Box::new(media), FaultPlan::none());
        let controller = controller.expect("valid");
        let counted = allocation_counter::measure(|| drop(controller.snapshot()));
        (counted.count_total, counted.bytes_total)
    };
    let (count, bytes) = allocations(0);
    assert_eq!(allocations(5000), (count, bytes));
    assert!(count > 0, "it counts");
}
