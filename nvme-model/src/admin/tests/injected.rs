//! What each type of the OCP feature Error Injection does to a host that arms it.

use nvme_spec::{Sqe, StatusCode, feature, register as reg, status};

use super::{heard, listen, log_page};
use crate::rig::{DATA, Rig};

/// Reads, flushes and writes take less than this if nothing is wrong.
const QUICK_NS: u64 = 1_000_000;

/// Arms one entry of this type, once for good.
fn arm(rig: &mut Rig, kind: u16) -> bool {
    let mut entry = [0; 32];
    entry[0] = 1;
    entry[2..4].copy_from_slice(&kind.to_le_bytes());
    rig.memory_write(DATA, &entry);
    let sqe = Sqe::set_features(feature::OCP_ERROR_INJECTION, 1).with_prp(DATA, 0);
    rig.prompt(0, sqe).0.is_success()
}

/// How a command ends, if it does, and how long that takes.
fn outcome(rig: &mut Rig, qid: u16, sqe: Sqe) -> (Option<StatusCode>, u64) {
    let begin = rig.now_ns;
    let cid = rig.submit(qid, sqe);
    rig.settle();
    let found = rig.reap(qid).into_iter().find(|cqe| cqe.cid.get() == cid);
    (found.map(|cqe| cqe.status().code), rig.now_ns - begin)
}

fn code(rig: &mut Rig, qid: u16, sqe: Sqe) -> Option<StatusCode> {
    outcome(rig, qid, sqe).0
}

fn read() -> Sqe {
    Sqe::read(1, 3, 0).with_prp(DATA, 0)
}

/// Writes through to the media: what is there then says whether it was carried out.
fn write(rig: &mut Rig) -> Option<StatusCode> {
    rig.memory_write(DATA, &[9; 4096]);
    code(rig, 1, Sqe::write(1, 3, 0, true).with_prp(DATA, 0))
}

fn identify(rig: &mut Rig) -> Option<StatusCode> {
    code(rig, 0, Sqe::identify(1, 0).with_prp(DATA, 0))
}

fn warnings(rig: &mut Rig) -> u8 {
    rig.prompt_page(log_page(2, 0, 512, 0)).1[0]
}

/// A command is fatal. Returns whether a reset heals that.
fn is_fatal(rig: &mut Rig) -> Option<bool> {
    let is_lost = code(rig, 1, Sqe::flush(1)).is_none() && rig.read32(reg::CSTS) & 2 != 0;
    rig.disable();
    is_lost.then(|| rig.try_enable())
}

/// The event that comes of a command.
fn event(rig: &mut Rig) -> Option<(u32, u32, u32)> {
    rig.prompt(1, Sqe::flush(1));
    heard(rig).first().copied()
}

/// An I/O command or admin command is lost, or never carried out.
#[derive(Debug, PartialEq)]
struct Lost {
    admin: bool,
    io: bool,
    is_written: bool,
}

fn lost(rig: &mut Rig) -> Lost {
    let io = write(rig).is_none();
    let is_written = rig.on_media(3) == 9;
    Lost { admin: identify(rig).is_none(), io, is_written }
}

fn shows_stale_data(rig: &mut Rig) -> bool {
    rig.write_block(3, 1, true);
    rig.write_block(3, 2, true);
    rig.read_block(3).expect("good")[0] == 1
}

/// Writes stand still at the beginning of every 100 ms for 10 ms, and at no other time.
fn stands_still_for_garbage_collection(rig: &mut Rig) -> bool {
    let lasts = |rig: &mut Rig, at_ns: u64, sqe: Sqe| {
        rig.wait_until(at_ns);
        outcome(rig, 1, sqe.with_prp(DATA, 0)).1
    };
    let ms = 1_000_000;
    let early = lasts(rig, 101 * ms, Sqe::write(1, 3, 0, false));
    let read = lasts(rig, 201 * ms, read());
    let late = lasts(rig, 350 * ms, Sqe::write(1, 3, 0, false));
    (9 * ms..10 * ms).contains(&early) && read < QUICK_NS && late < QUICK_NS
}

/// Every I/O command takes so much longer than it should, and admin commands do not.
fn is_slower_by(rig: &mut Rig, ns: u64) -> bool {
    let is_slow = |(_, lasts): (_, u64)| (ns..ns + QUICK_NS).contains(&lasts);
    is_slow(outcome(rig, 1, read()))
        && is_slow(outcome(rig, 1, Sqe::flush(1)))
        && outcome(rig, 0, Sqe::identify(1, 0).with_prp(DATA, 0)).1 < ns
}

/// I/O and admin commands end so.
fn codes(rig: &mut Rig) -> [Option<StatusCode>; 3] {
    [code(rig, 1, read()), write(rig), identify(rig)]
}

fn ignores_shutdown(rig: &mut Rig) -> bool {
    rig.write32(reg::CC, 0x0046_4001);
    rig.settle();
    rig.read32(reg::CSTS) >> 2 & 3 == 1
}

fn ends_with_the_next_set(rig: &mut Rig) -> bool {
    let none = Sqe::set_features(feature::OCP_ERROR_INJECTION, 0);
    code(rig, 0, none) == Some(status::SUCCESS) && identify(rig) == Some(status::SUCCESS)
}

fn bad_reads(rig: &mut Rig) -> Vec<usize> {
    let results: Vec<_> = (0..16).map(|_| code(rig, 1, read())).collect();
    (0..).zip(results).filter(|(_, code)| *code == UNREADABLE).map(|(index, _)| index).collect()
}

const GOOD: Option<StatusCode> = Some(status::SUCCESS);
const INTERNAL: Option<StatusCode> = Some(status::INTERNAL_ERROR);
const UNREADABLE: Option<StatusCode> = Some(status::UNRECOVERED_READ);

/// What is seen of a type, or not.
type Seen = fn(&mut Rig) -> bool;

/// All of a whole device; thermal throttling's end is no rule.
const DEVICE: [(u16, Seen); 11] = [
    (1, |rig| lost(rig) == Lost { admin: true, io: true, is_written: false }),
    (2, |rig| lost(rig) == Lost { admin: false, io: true, is_written: false }),
    (3, |rig| event(rig) == Some((1, 0, 2)) && warnings(rig) == 0x10),
    (4, |rig| event(rig) == Some((0, 3, 1))),
    (5, |rig| is_fatal(rig) == Some(true)),
    (6, |rig| event(rig) == Some((0, 4, 1))),
    (9, |rig| is_fatal(rig) == Some(false)),
    (10, |rig| {
        write(rig) == Some(status::NAMESPACE_WRITE_PROTECTED)
            && warnings(rig) == 8
            && code(rig, 1, read()) == GOOD
    }),
    (11, ignores_shutdown),
    (19, |rig| is_slower_by(rig, 1_000_000)),
    (21, |rig| event(rig) == Some((1, 1, 2)) && warnings(rig) == 2),
];

/// All of single commands.
const COMMANDS: [(u16, Seen); 10] = [
    (7, |rig| codes(rig) == [UNREADABLE, GOOD, GOOD]),
    (8, |rig| codes(rig) == [INTERNAL, INTERNAL, GOOD]),
    (12, shows_stale_data),
    (13, stands_still_for_garbage_collection),
    (14, |rig| is_slower_by(rig, 50_000_000)),
    (15, |rig| codes(rig) == [INTERNAL, INTERNAL, GOOD]),
    (16, |rig| lost(rig) == Lost { admin: false, io: true, is_written: true }),
    (17, |rig| codes(rig) == [GOOD, GOOD, INTERNAL] && ends_with_the_next_set(rig)),
    (18, |rig| codes(rig) == [GOOD, GOOD, None] && ends_with_the_next_set(rig)),
    (22, |rig| bad_reads(rig) == [7, 15]),
];

#[test]
fn every_type_that_is_a_rule_is_seen_to_do_what_it_is_about() {
    let (mut silent, mut seen_anyway) = (Vec::new(), Vec::new());
    for (kind, is_seen) in DEVICE.into_iter().chain(COMMANDS) {
        for (is_armed, wrong) in [(true, &mut silent), (false, &mut seen_anyway)] {
            let mut rig = Rig::new();
            listen(&mut rig, 0xff);
            assert!(!is_armed || arm(&mut rig, kind), "type {kind}");
            if is_seen(&mut rig) != is_armed {
                wrong.push(kind);
            }
        }
    }
    assert_eq!((silent, seen_anyway), (vec![], vec![]), "types");
}
