//! The space against a reference that tries every subset of every piece.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::media::{Media, RamMedia};

const BLOCKS: usize = 3;

/// An operation on a tiny drive: the value that it writes is its place in the list, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tiny {
    Write { slba: usize, blocks: usize, is_durable: bool },
    Discard { slba: usize, blocks: usize },
    Flush,
}

/// Submissions and completions by the operation's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Submit(usize),
    Complete(usize),
}

fn op(tiny: Tiny, value: u8) -> Op {
    let (slba, blocks, content, is_durable) = match tiny {
        Tiny::Flush => return Op::Flush,
        Tiny::Discard { slba, blocks } => (slba, blocks, Content::Zeros, false),
        Tiny::Write { slba, blocks, is_durable } => {
            (slba, blocks, Content::Bytes(vec![value; blocks * 512].into()), is_durable)
        }
    };
    Op::Change { slba: slba as u64, blocks: blocks as u64, content, is_durable }
}

/// The images at a cut, the slow way: every subset of the pieces that are not guaranteed, block by
/// block. An image is, for each block, which operation it has its content from (0: none).
fn reference(ops: &[Tiny], marks: &[Mark], cut: usize, unit: usize) -> BTreeSet<[usize; BLOCKS]> {
    let at = |mark: Mark| marks.iter().position(|m| *m == mark).filter(|at| *at < cut);
    let is_guaranteed = |index: usize| {
        let Some(done) = at(Mark::Complete(index)) else {
            return false;
        };
        let is_flushed = (0..ops.len()).any(|flush| {
            ops[flush] == Tiny::Flush
                && at(Mark::Complete(flush)).is_some()
                && at(Mark::Submit(flush)).is_some_and(|begun| begun > done)
        });
        is_flushed || matches!(ops[index], Tiny::Write { is_durable: true, .. })
    };
    // Completed ones in their order, then those in flight in theirs.
    let completed = marks[..cut].iter().filter_map(|mark| match mark {
        Mark::Complete(index) => Some(*index),
        Mark::Submit(_) => None,
    });
    let flying = marks[..cut].iter().filter_map(|mark| match mark {
        Mark::Submit(index) if at(Mark::Complete(*index)).is_none() => Some(*index),
        _ => None,
    });
    let mut pieces: Vec<(usize, std::ops::Range<usize>, bool)> = Vec::new();
    for index in completed.chain(flying) {
        let (slba, blocks) = match ops[index] {
            Tiny::Write { slba, blocks, .. } | Tiny::Discard { slba, blocks } => (slba, blocks),
            Tiny::Flush => continue,
        };
        if blocks <= unit {
            pieces.push((index + 1, slba..slba + blocks, is_guaranteed(index)));
        } else {
            let each =
                (slba..slba + blocks).map(|lba| (index + 1, lba..lba + 1, is_guaranteed(index)));
            pieces.extend(each);
        }
    }
    let mut images = BTreeSet::new();
    for subset in 0_u32..1 << pieces.len() {
        let mut image = [0; BLOCKS];
        for (bit, (id, range, is_guaranteed)) in pieces.iter().enumerate() {
            if *is_guaranteed || subset >> bit & 1 == 1 {
                image[range.clone()].fill(*id);
            }
        }
        images.insert(image);
    }
    images
}

fn log_of(ops: &[Tiny], marks: &[Mark], unit: usize) -> WriteLog {
    let atomicity = Atomicity { unit_blocks: unit as u32, ..Atomicity::default() };
    let mut log = WriteLog::new(Arc::new(RamMedia::new(BLOCKS as u64, 512)), atomicity);
    let mut tickets = vec![None; ops.len()];
    for mark in marks {
        match *mark {
            // Some are known from the start, others when they complete.
            Mark::Submit(index) => {
                let known = op(ops[index], index as u8 + 1);
                let is_late = index % 2 == 1 && marks.contains(&Mark::Complete(index));
                tickets[index] = Some(log.submit((!is_late).then_some(known)));
            }
            Mark::Complete(index) => {
                let ticket = tickets[index].expect("submitted before");
                log.complete(ticket, Some(op(ops[index], index as u8 + 1))).expect("RAM");
            }
        }
    }
    log
}

/// Which operations an image of the space has its blocks from; a discard is seen as such only by the
/// reference, so zeros are told apart by nothing here.
fn read_image(point: &CrashPoint, image: &CrashImage) -> [u8; BLOCKS] {
    let media = point.media(image).expect("RAM");
    let mut bytes = [0; BLOCKS * 512];
    media.read(0, &mut bytes).expect("RAM");
    std::array::from_fn(|lba| bytes[lba * 512 + 511])
}

fn check(ops: &[Tiny], marks: &[Mark], unit: usize) {
    let log = log_of(ops, marks, unit);
    assert_eq!(log.end(), marks.len() as u64);
    for cut in 0..=marks.len() {
        let point = CrashPoint::at(&log, cut as u64).expect("RAM");
        let expected = reference(ops, marks, cut, unit);
        let context = || format!("{ops:?} {marks:?} at {cut}, unit {unit}");
        assert_eq!(point.space().count(), Some(expected.len() as u128), "{}", context());
        let discards: Vec<usize> =
            (1..=ops.len()).filter(|id| matches!(ops[id - 1], Tiny::Discard { .. })).collect();
        let value = |id: usize| if discards.contains(&id) { 0 } else { id as u8 };
        let expected: BTreeSet<[u8; BLOCKS]> =
            expected.into_iter().map(|image| image.map(value)).collect();
        let found: BTreeSet<[u8; BLOCKS]> =
            point.space().iter().map(|image| read_image(&point, &image)).collect();
        assert_eq!(found, expected, "{}", context());
        for seed in 0..4 {
            let image = point.space().sample(seed);
            assert!(expected.contains(&read_image(&point, &image)), "{}", context());
            assert_eq!(image, point.space().sample(seed));
        }
    }
}

/// Every range of the tiny drive.
fn ranges() -> Vec<(usize, usize)> {
    (0..BLOCKS).flat_map(|slba| (1..=BLOCKS - slba).map(move |blocks| (slba, blocks))).collect()
}

#[test]
fn every_history_of_four_operations_one_after_the_other_has_exactly_the_legal_images() {
    let mut letters = vec![Tiny::Flush, Tiny::Discard { slba: 1, blocks: 2 }];
    letters.push(Tiny::Write { slba: 1, blocks: 1, is_durable: true });
    let cached = |(slba, blocks)| Tiny::Write { slba, blocks, is_durable: false };
    letters.extend(ranges().into_iter().map(cached));
    let n = letters.len();
    for history in 0..n.pow(4) {
        let ops: Vec<Tiny> = (0..4).map(|place| letters[history / n.pow(place) % n]).collect();
        let marks: Vec<Mark> = (0..4).flat_map(|i| [Mark::Submit(i), Mark::Complete(i)]).collect();
        check(&ops, &marks, 1 + history % 3);
    }
}

fn tiny() -> impl Strategy<Value = Tiny> {
    prop_oneof![
        1 => Just(Tiny::Flush),
        4 => (prop::sample::select(ranges()), prop::bool::weighted(0.2)).prop_map(
            |((slba, blocks), is_durable)| Tiny::Write { slba, blocks, is_durable }
        ),
        1 => prop::sample::select(ranges())
            .prop_map(|(slba, blocks)| Tiny::Discard { slba, blocks }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn operations_in_flight_together_have_exactly_the_legal_images(
        ops in prop::collection::vec(tiny(), 1..6),
        unit in 1_usize..4,
        choices in prop::collection::vec(any::<prop::sample::Index>(), 12),
    ) {
        // Any order in which each is submitted before it completes; some never do.
        let mut marks = Vec::new();
        for choice in choices {
                let so_far = marks.clone();
            let submitted = |i: &usize| so_far.contains(&Mark::Submit(*i));
            let next = (0..ops.len()).find(|i| !submitted(i)).map(Mark::Submit);
            let open = (0..ops.len())
                .filter(submitted)
                .map(Mark::Complete)
                .filter(|mark| !so_far.contains(mark));
            let possible: Vec<Mark> = next.into_iter().chain(open).collect();
            if !possible.is_empty() {
                marks.push(possible[choice.index(possible.len())]);
            }
        }
        check(&ops, &marks, unit);
    }
}

fn cached(slba: u64, blocks: u64, value: u8) -> Op {
    let content = Content::Bytes(vec![value; blocks as usize * 512].into());
    Op::Change { slba, blocks, content, is_durable: false }
}

fn space_at_end(log: &WriteLog) -> CrashSpace {
    CrashPoint::at(log, log.end()).expect("RAM").space().clone()
}

fn big_log() -> WriteLog {
    WriteLog::new(Arc::new(RamMedia::new(1 << 20, 512)), Atomicity::default())
}

#[test]
fn the_size_of_a_large_space_is_exact_or_a_bound() {
    let mut log = big_log();
    log.record(cached(0, 100, 1)).expect("RAM");
    let space = space_at_end(&log);
    assert_eq!((space.count(), space.bits()), (Some(1 << 100), 100));
    // The same blocks again: three versions each.
    log.record(cached(0, 50, 2)).expect("RAM");
    let space = space_at_end(&log);
    assert_eq!(space.count(), 3_u128.checked_pow(50).and_then(|n| n.checked_mul(1 << 50)));
    log.record(cached(1000, 200, 3)).expect("RAM");
    let space = space_at_end(&log);
    assert_eq!((space.count(), space.bits()), (None, 300));
    assert_eq!(space.iter().count(), 0);
    log.record(Op::Flush).expect("RAM");
    let space = space_at_end(&log);
    assert_eq!(space.count(), Some(1));
}

#[test]
fn numbers_name_each_image_once_and_zero_is_nothing() {
    let mut log = big_log();
    for (slba, value) in [(0, 1), (2, 2), (1, 3)] {
        log.record(cached(slba, 2, value)).expect("RAM");
    }
    let point = CrashPoint::at(&log, log.end()).expect("RAM");
    let count = point.space().count().expect("a few");
    assert_eq!(count, 2 * 3 * 3 * 2);
    assert_eq!(point.space().nth(0), Some(point.space().nothing()));
    assert_eq!(point.space().nth(count), None);
    let mut images: Vec<Vec<Fate>> =
        point.space().iter().map(|image| point.space().fates(&image)).collect();
    images.sort_by_key(|fates| format!("{fates:?}"));
    images.dedup();
    assert_eq!(images.len() as u128, count);
}

#[test]
fn samples_reach_every_image() {
    let mut log = big_log();
    log.record(cached(0, 3, 1)).expect("RAM");
    log.record(cached(1, 2, 2)).expect("RAM");
    let point = CrashPoint::at(&log, log.end()).expect("RAM");
    let read = |image: &CrashImage| {
        let mut bytes = [0; 3 * 512];
        point.media(image).expect("RAM").read(0, &mut bytes).expect("RAM");
        [bytes[0], bytes[512], bytes[1024]]
    };
    let all: BTreeSet<[u8; 3]> = point.space().iter().map(|image| read(&image)).collect();
    let drawn: BTreeSet<[u8; 3]> = (0..400).map(|seed| read(&point.space().sample(seed))).collect();
    assert_eq!(all.len(), 18);
    assert_eq!(drawn, all);
}

#[test]
fn pieces_that_hide_each_other_in_knots_are_counted_until_there_are_too_many() {
    let atomicity = Atomicity { unit_blocks: 8, ..Atomicity::default() };
    let mut log = WriteLog::new(Arc::new(RamMedia::new(1 << 20, 512)), atomicity);
    for value in 0..12 {
        log.record(cached(u64::from(value), 2, value + 1)).expect("RAM");
    }
    // Each is seen unless the newer one beside it hides half of it: never whole.
    let space = space_at_end(&log);
    assert_eq!(space.count(), Some(1 << 12));
    for value in 12..100 {
        log.record(cached(u64::from(value), 2, value + 1)).expect("RAM");
    }
    let point = CrashPoint::at(&log, log.end()).expect("RAM");
    assert_eq!(point.space().count(), None);
    assert!(point.space().bits() >= 6);
    point.media(&point.space().sample(1)).expect("drawn all the same");
}

#[test]
fn a_withdrawn_operation_is_in_no_image() {
    let mut log = big_log();
    let ticket = log.submit(Some(cached(0, 1, 1)));
    assert_eq!(CrashPoint::at(&log, log.end()).expect("RAM").space().count(), Some(2));
    log.withdraw(ticket);
    assert_eq!(CrashPoint::at(&log, log.end()).expect("RAM").space().count(), Some(1));
}

#[test]
fn a_large_discard_is_torn_at_sixty_four_places_at_the_most() {
    let mut log = big_log();
    let discard =
        |blocks| Op::Change { slba: 0, blocks, content: Content::Zeros, is_durable: false };
    log.record(discard(64)).expect("RAM");
    assert_eq!(CrashPoint::at(&log, log.end()).expect("RAM").space().bits(), 64);
    log.record(Op::Flush).expect("RAM");
    log.record(discard(1 << 20)).expect("RAM");
    assert_eq!(CrashPoint::at(&log, log.end()).expect("RAM").space().bits(), 64);
}
