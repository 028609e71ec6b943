//! What a power cut leaves: every outcome one that the settings allow.

use std::collections::BTreeSet;

use nvme_spec::Sqe;

use crate::rig::{DATA, Rig};
use crate::{BlockFate, CachePolicy, Config, Controller, Event, FaultPlan, Ports};

/// Entries 2 and up of a transfer's pages.
const LIST: u64 = DATA + 40 * 4096;

pub(super) fn write(rig: &mut Rig, slba: u64, blocks: u64, value: u8, fua: bool) {
    let sqe = prepared(rig, slba, blocks, value, fua);
    assert!(rig.run(1, sqe).0.is_success());
}

pub(super) fn prepared(rig: &mut Rig, slba: u64, blocks: u64, value: u8, fua: bool) -> Sqe {
    rig.memory_write(DATA, &vec![value; blocks as usize * 4096]);
    let list: Vec<u8> = (1..blocks).flat_map(|page| (DATA + page * 4096).to_le_bytes()).collect();
    rig.memory_write(LIST, &list);
    let second = if blocks == 2 { DATA + 4096 } else { LIST };
    let second = if blocks == 1 { 0 } else { second };
    Sqe::write(1, slba, (blocks - 1) as u16, fua).with_prp(DATA, second)
}

pub(super) fn flush(rig: &mut Rig) {
    assert!(rig.run(1, Sqe::flush(1)).0.is_success());
}

pub(super) fn cut(rig: &mut Rig, policy: CachePolicy) {
    let mut ports = Ports { memory: &rig.memory, irq: &mut rig.lines, observer: &mut rig.trace };
    rig.controller.power_cut_in_flight(rig.now_ns, policy, &mut ports);
    rig.now_ns = 0;
}

pub(super) fn firsts(rig: &mut Rig, lbas: std::ops::Range<u64>) -> Vec<u8> {
    lbas.map(|lba| rig.on_media(lba)).collect()
}

pub(super) fn sample(seed: u64) -> CachePolicy {
    CachePolicy::Sample { seed }
}

/// What the media holds after each of many power cuts of the same history.
fn outcomes(
    config: &Config,
    lbas: std::ops::Range<u64>,
    history: impl Fn(&mut Rig),
) -> BTreeSet<Vec<u8>> {
    let outcome = |seed| {
        let mut rig = Rig::with(config.clone(), FaultPlan::none());
        history(&mut rig);
        cut(&mut rig, sample(seed));
        firsts(&mut rig, lbas.clone())
    };
    (0..64).map(outcome).collect()
}

fn set<const N: usize, const B: usize>(images: [[u8; B]; N]) -> BTreeSet<Vec<u8>> {
    images.into_iter().map(Vec::from).collect()
}

#[test]
fn each_cached_block_is_old_or_new_and_each_flushed_one_new() {
    let found = outcomes(&Config::default(), 10..13, |rig| {
        write(rig, 10, 1, 1, false);
        flush(rig);
        write(rig, 11, 2, 2, false);
    });
    assert_eq!(found, set([[1, 0, 0], [1, 2, 0], [1, 0, 2], [1, 2, 2]]));
}

#[test]
fn any_version_since_the_flush_may_be_there_but_none_from_before() {
    let found = outcomes(&Config::default(), 10..11, |rig| {
        write(rig, 10, 1, 1, false);
        write(rig, 10, 1, 2, false);
        flush(rig);
        write(rig, 10, 1, 3, false);
        write(rig, 10, 1, 4, false);
    });
    assert_eq!(found, set([[2], [3], [4]]));
}

#[test]
fn a_write_within_awupf_is_all_or_nothing_and_a_larger_one_is_not() {
    let config = Config { atomic_blocks: 2, ..Config::default() };
    let mut rig = Rig::with(config.clone(), FaultPlan::none());
    assert_eq!(rig.admin_page(Sqe::identify(1, 0)).1[528..530], [1, 0], "AWUPF, zero-based");
    let found = outcomes(&config, 10..12, |rig| write(rig, 10, 2, 1, false));
    assert_eq!(found, set([[0, 0], [1, 1]]));
    let found = outcomes(&config, 10..13, |rig| write(rig, 10, 3, 1, false));
    assert_eq!(found.len(), 8, "{found:?}");
}

#[test]
fn an_eviction_does_not_tear_an_atomic_write_of_which_a_part_was_written_again() {
    let config = Config { atomic_blocks: 2, cache_blocks_max: 3, ..Config::default() };
    let found = outcomes(&config, 10..13, |rig| {
        write(rig, 11, 2, 1, false);
        write(rig, 10, 2, 2, false);
    });
    assert_eq!(found, set([[0, 1, 1], [2, 2, 1]]), "the first write left the full cache");
}

#[test]
fn a_write_that_crosses_an_atomic_boundary_may_be_torn_there() {
    let bounded = Config { atomic_blocks: 4, atomic_boundary_blocks: 4, ..Config::default() };
    let found = outcomes(&bounded, 12..14, |rig| write(rig, 12, 2, 1, false));
    assert_eq!(found, set([[0, 0], [1, 1]]));
    let found = outcomes(&bounded, 11..13, |rig| write(rig, 11, 2, 1, false));
    assert_eq!(found.len(), 4, "{found:?}");
    let shifted = Config { atomic_boundary_offset: 3, ..bounded };
    let found = outcomes(&shifted, 11..13, |rig| write(rig, 11, 2, 1, false));
    assert_eq!(found, set([[0, 0], [1, 1]]));
}

#[test]
fn identify_tells_of_the_boundaries_and_of_nothing_if_there_are_none() {
    let fields = |config: Config| {
        let mut rig = Rig::with(config, FaultPlan::none());
        let (status, page) = rig.admin_page(Sqe::identify(0, 1));
        assert!(status.is_success());
        let half = |at: usize| u16::from_le_bytes([page[at], page[at + 1]]);
        // NSABP, NAWUN, NAWUPF, NACWU, NABSN, NABO, NABSPF.
        (page[24] & 2, [34, 36, 38, 40, 42, 44].map(half))
    };
    assert_eq!(fields(Config { atomic_blocks: 8, ..Config::default() }), (0, [0; 6]));
    let bounded = Config {
        atomic_blocks: 8,
        atomic_boundary_blocks: 16,
        atomic_boundary_offset: 3,
        ..Config::default()
    };
    assert_eq!(fields(bounded), (2, [7, 7, 7, 15, 3, 15]));
}

#[test]
fn fua_and_write_through_are_never_lost_nor_overwritten_by_older_cached_writes() {
    let found = outcomes(&Config::default(), 10..13, |rig| {
        write(rig, 10, 3, 1, false);
        write(rig, 11, 1, 2, true);
    });
    assert!(found.iter().all(|image| image[1] == 2), "{found:?}");
    assert_eq!(found.len(), 4, "{found:?}");

    let through = Config { has_volatile_cache: false, ..Config::default() };
    let found = outcomes(&through, 10..12, |rig| write(rig, 10, 2, 1, false));
    assert_eq!(found, set([[1, 1]]));
}

#[test]
fn switching_the_cache_off_flushes_it_and_from_then_on_nothing_is_lost() {
    let found = outcomes(&Config::default(), 10..13, |rig| {
        write(rig, 10, 1, 1, false);
        assert!(rig.admin(Sqe::set_features(6, 0)).0.is_success());
        write(rig, 11, 1, 2, false);
        assert!(rig.admin(Sqe::set_features(6, 1)).0.is_success());
        write(rig, 12, 1, 3, false);
    });
    assert_eq!(found, set([[1, 2, 0], [1, 2, 3]]));
}

#[test]
fn of_a_write_in_flight_anything_may_be_there_with_fua_too() {
    let found = outcomes(&Config::default(), 10..12, |rig| {
        write(rig, 10, 1, 1, true);
        let sqe = prepared(rig, 10, 2, 2, true);
        rig.submit(1, sqe);
    });
    assert_eq!(found, set([[1, 0], [2, 0], [1, 2], [2, 2]]));
    // Without the guest's memory it is lost: that is one of the four.
    let mut rig = Rig::new();
    let sqe = prepared(&mut rig, 10, 2, 2, true);
    rig.submit(1, sqe);
    rig.controller.power_cut(rig.now_ns, sample(3), &mut rig.trace);
    assert_eq!(firsts(&mut rig, 10..12), [0, 0]);
}

#[test]
fn a_discard_is_not_undone_by_what_it_discarded() {
    let found = outcomes(&Config::default(), 10..12, |rig| {
        write(rig, 10, 2, 1, false);
        assert!(rig.run(1, Sqe::write_zeroes(1, 10, 0)).0.is_success());
    });
    assert_eq!(found, set([[0, 0], [0, 1]]));
}

#[test]
fn the_trace_names_what_became_of_every_block() {
    let mut rig = Rig::new();
    write(&mut rig, 10, 8, 1, false);
    write(&mut rig, 30, 1, 2, false);
    rig.trace.clear();
    cut(&mut rig, sample(5));
    let mut named = vec![None; 64];
    let mut last = None;
    for (_, event) in &rig.trace {
        last = Some(*event);
        if let Event::PowerLoss { nsid: 1, lba, blocks, order, fate } = *event {
            assert_eq!(order, if lba == 30 { 2 } else { 1 });
            named[lba as usize..(lba + u64::from(blocks)) as usize].fill(Some(fate));
        }
    }
    let mut lost = 0;
    for lba in (10..18).chain([30]) {
        let is_kept = rig.on_media(lba) != 0;
        lost += u64::from(!is_kept);
        let fate = if is_kept { BlockFate::Kept } else { BlockFate::Lost };
        assert_eq!(named[lba as usize], Some(fate), "block {lba}");
    }
    assert_eq!(named.iter().flatten().count(), 9);
    assert_eq!(last, Some(Event::PowerCut { lost_blocks: lost, lost_commands: 0 }));
}

#[test]
fn the_same_seed_at_the_same_command_leaves_the_same_and_another_does_not() {
    let leave = |seed, commands: u64| {
        let mut rig = Rig::new();
        for lba in 0..commands {
            write(&mut rig, lba, 1, 1, false);
        }
        write(&mut rig, 100, 24, 1, false);
        cut(&mut rig, sample(seed));
        firsts(&mut rig, 100..124)
    };
    assert_eq!(leave(1, 1), leave(1, 1));
    let by_seed: BTreeSet<Vec<u8>> = (0..8).map(|seed| leave(seed, 1)).collect();
    assert!(by_seed.len() > 4, "{by_seed:?}");
    let by_command: BTreeSet<Vec<u8>> = (1..9).map(|commands| leave(1, commands)).collect();
    assert!(by_command.len() > 4, "{by_command:?}");
}

#[test]
fn chance_decides_for_each_namespace_on_its_own() {
    let leave = |seed| {
        let mut rig = Rig::over(Config::default(), &[(1, 64), (2, 64)], FaultPlan::none());
        rig.enable();
        rig.create_pair(1, 1);
        let sqe = prepared(&mut rig, 10, 24, 1, false);
        for nsid in [1, 2] {
            assert!(rig.run(1, Sqe { nsid: nsid.into(), ..sqe }).0.is_success());
        }
        cut(&mut rig, sample(seed));
        [1, 2].map(|nsid| {
            let media = rig.controller.media(nsid).expect("there");
            let mut block = [0; 4096];
            (10..34)
                .map(|lba| {
                    media.read(lba, &mut block).expect("RAM");
                    block[0]
                })
                .collect::<Vec<u8>>()
        })
    };
    let all: Vec<[Vec<u8>; 2]> = (0..8).map(leave).collect();
    let alike = all.iter().filter(|[one, other]| one == other).count();
    assert!(alike < 3, "{all:?}");
}

#[test]
fn a_violation_tears_inside_blocks_and_leaves_garbage_and_says_so() {
    let mut seen = BTreeSet::new();
    for seed in 0..40 {
        let mut rig =
            Rig::with(Config { atomic_blocks: 8, ..Config::default() }, FaultPlan::none());
        write(&mut rig, 10, 8, 1, true);
        write(&mut rig, 10, 8, 2, false);
        cut(&mut rig, CachePolicy::Violate { seed });
        let mut expected = vec![None; 8];
        for (lba, fate) in rig.seen(|event| match event {
            Event::PowerLoss { lba, blocks, fate, .. } => {
                Some((*lba..lba + u64::from(*blocks), *fate))
            }
            _ => None,
        }) {
            lba.for_each(|lba| expected[lba as usize - 10] = Some(fate));
        }
        for (lba, fate) in (10..).zip(expected) {
            let mut block = [0; 4096];
            rig.controller.media(1).expect("namespace").read(lba, &mut block).expect("RAM");
            let new = block.iter().take_while(|byte| **byte == 2).count();
            let is_old = block[new..].iter().all(|byte| *byte == 1);
            match fate.expect("every block has a fate") {
                BlockFate::Lost => assert!(new == 0 && is_old),
                BlockFate::Kept => assert_eq!(new, 4096),
                BlockFate::Torn { bytes } => assert!(new == usize::from(bytes) && is_old),
                BlockFate::Garbage => assert!(!is_old),
            }
            seen.insert(format!("{fate:?}").split([' ', '{']).next().map(str::to_owned));
        }
    }
    assert_eq!(seen.len(), 4, "lost, kept, torn and garbage: {seen:?}");
}

#[test]
fn what_a_write_uncorrectable_spoiled_stays_bad_and_a_lost_rewrite_heals_nothing() {
    for seed in 0..16 {
        let mut rig = Rig::new();
        assert!(rig.run(1, Sqe::write_uncorrectable(1, 10, 1)).0.is_success());
        write(&mut rig, 10, 1, 1, false);
        assert!(rig.read_block(10).is_ok(), "the cache has it");
        cut(&mut rig, sample(seed));
        let is_kept = rig.on_media(10) == 1;
        rig.enable();
        rig.create_pair(1, 1);
        assert_eq!(rig.read_block(10).is_ok(), is_kept, "seed {seed}");
        rig.read_block(11).expect_err("never rewritten");
    }
}

#[test]
fn a_rule_until_rewrite_is_healed_for_good_only_by_what_reached_the_media() {
    let rules = "read lba=10..13 => status=media/unrecovered-read until-rewrite";
    let mut seen = BTreeSet::new();
    for seed in 0..16 {
        let mut rig = Rig::faulty(&[rules]);
        let bad = |rig: &mut Rig, lba| rig.read_block(lba).is_err();
        write(&mut rig, 10, 1, 1, true);
        write(&mut rig, 11, 2, 2, false);
        assert!(!(10..13).any(|lba| bad(&mut rig, lba)), "all are rewritten, two in the cache");
        write(&mut rig, 10, 1, 3, false);
        cut(&mut rig, sample(seed));
        let on_media = firsts(&mut rig, 10..13);
        rig.enable();
        rig.create_pair(1, 1);
        assert!(
            !bad(&mut rig, 10),
            "the first rewrite is on the media, whatever became of the second"
        );
        assert_eq!(bad(&mut rig, 11), on_media[1] == 0);
        assert_eq!(bad(&mut rig, 12), on_media[2] == 0);
        seen.insert(on_media);
    }
    assert!(seen.len() > 3, "{seen:?}");
}

#[test]
fn a_cut_in_the_middle_of_nothing_is_a_cut() {
    let media = Box::new(crate::RamMedia::new(8, 512));
    let mut controller =
        Controller::new(Config::default(), media, FaultPlan::none()).expect("valid");
    let mut events = Vec::new();
    controller.power_cut(5, sample(1), &mut events);
    assert_eq!(events, [(5, Event::PowerCut { lost_blocks: 0, lost_commands: 0 })]);
}
