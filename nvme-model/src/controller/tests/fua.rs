//! Force Unit Access of commands that write nothing themselves.
// Spec: NVM-CS-1.0c 3.2.4 "Read command"

use nvme_spec::Sqe;
use nvme_spec::command::Rw12;

use super::power::write;
use crate::crash::CrashPoint;
use crate::rig::{DATA, Rig};
use crate::{CachePolicy, Config, Event, FaultPlan};

fn with_fua(sqe: Sqe) -> Sqe {
    Sqe { cdw12: Rw12(sqe.cdw12.get()).with_fua(1).0.into(), ..sqe }
}

/// What reads block 5, whatever becomes of what it read.
fn reading() -> [Sqe; 3] {
    [Sqe::read(1, 5, 0), Sqe::compare(1, 5, 0), Sqe::verify(1, 5, 0)]
        .map(|sqe| sqe.with_prp(DATA, 0))
}

#[test]
fn what_is_read_with_force_unit_access_survives_a_power_cut() {
    for (is_fua, kept) in [(false, 0), (true, 7)] {
        for sqe in reading() {
            let mut rig = Rig::new();
            rig.write_block(5, 7, false);
            let sqe = if is_fua { with_fua(sqe) } else { sqe };
            assert!(rig.run(1, sqe).0.is_success());
            rig.controller.power_cut(rig.now_ns, CachePolicy::LoseAll, &mut rig.trace);
            assert_eq!(rig.on_media(5), kept, "opcode {:#x}, FUA {is_fua}", sqe.opcode());
        }
    }
}

#[test]
fn a_write_that_is_atomic_is_not_torn_because_a_part_of_it_was_read() {
    let config = Config { atomic_blocks: 4, ..Config::default() };
    let mut rig = Rig::with(config, FaultPlan::none());
    write(&mut rig, 4, 4, 9, false);
    assert!(rig.run(1, with_fua(Sqe::read(1, 5, 0)).with_prp(DATA, 0)).0.is_success());
    rig.controller.power_cut(rig.now_ns, CachePolicy::LoseAll, &mut rig.trace);
    assert_eq!([4, 5, 6, 7].map(|lba| rig.on_media(lba)), [9; 4]);
}

#[test]
fn committing_takes_the_time_of_a_flush() {
    let time_of = |sqe: Sqe| {
        let mut rig = Rig::new();
        let begun = rig.now_ns;
        assert!(rig.run(1, sqe).0.is_success());
        rig.now_ns - begun
    };
    let flush_ns = Config::default().timing.flush_ns;
    assert_ne!(flush_ns, 0);
    let others = [Sqe::write(1, 5, 0, false).with_prp(DATA, 0), Sqe::write_zeroes(1, 5, 0)];
    for sqe in reading().into_iter().take(1).chain(others) {
        assert_eq!(time_of(with_fua(sqe)) - time_of(sqe), flush_ns, "{:#x}", sqe.opcode());
    }
}

#[test]
fn zeros_with_force_unit_access_are_there_in_every_image_that_a_crash_may_leave() {
    for (is_fua, images) in [(false, 2), (true, 1)] {
        let mut rig = Rig::new();
        rig.write_block(20, 1, true);
        rig.controller.start_write_log(1).expect("RAM");
        let zeroes = Sqe::write_zeroes(1, 20, 0);
        assert!(rig.run(1, if is_fua { with_fua(zeroes) } else { zeroes }).0.is_success());
        let log = rig.controller.write_log(1).expect("started");
        let point = CrashPoint::at(log, log.end()).expect("RAM");
        assert_eq!(point.space().count(), Some(images), "FUA {is_fua}");
    }
}

#[test]
fn without_anything_in_the_cache_nothing_is_written() {
    let mut rig = Rig::new();
    assert!(rig.run(1, with_fua(Sqe::read(1, 5, 0)).with_prp(DATA, 0)).0.is_success());
    let written = rig.seen(|event| matches!(event, Event::MediaWrite { .. }).then_some(()));
    assert!(written.is_empty());
}
