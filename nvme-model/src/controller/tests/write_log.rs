//! The write log of a controller: what it guarantees, and that the controller keeps to it.

use nvme_spec::Sqe;
use proptest::prelude::*;

use super::power::{cut, firsts, flush, prepared, sample, write};
use crate::crash::CrashPoint;
use crate::rig::Rig;
use crate::{CachePolicy, Config, FaultPlan, Media};

#[test]
fn the_log_knows_what_is_guaranteed_with_the_cache_on_and_off() {
    let count_after = |config: Config, act: &dyn Fn(&mut Rig)| {
        let mut rig = Rig::with(config, FaultPlan::none());
        write(&mut rig, 10, 1, 9, false);
        rig.controller.start_write_log(1).expect("RAM");
        act(&mut rig);
        let log = rig.controller.write_log(1).expect("started");
        CrashPoint::at(log, log.end()).expect("RAM").space().count()
    };
    let through = Config { has_volatile_cache: false, ..Config::default() };
    let nothing = |_: &mut Rig| {};
    assert_eq!(count_after(Config::default(), &nothing), Some(2), "cached before the log began");
    assert_eq!(count_after(through.clone(), &nothing), Some(1));
    let zero = |rig: &mut Rig| assert!(rig.run(1, Sqe::write_zeroes(1, 20, 0)).0.is_success());
    assert_eq!(count_after(Config::default(), &zero), Some(4));
    assert_eq!(count_after(through.clone(), &zero), Some(1));
    let fua = |rig: &mut Rig| write(rig, 20, 1, 1, true);
    assert_eq!(count_after(Config::default(), &fua), Some(2));
    assert_eq!(count_after(Config::default(), &flush), Some(1));
    let off = |rig: &mut Rig| assert!(rig.admin(Sqe::set_features(6, 0)).0.is_success());
    assert_eq!(count_after(Config::default(), &off), Some(1));
}

#[test]
fn a_flush_guarantees_nothing_that_was_still_in_flight_when_it_was_submitted() {
    let mut rig = Rig::new();
    rig.controller.start_write_log(1).expect("RAM");
    let sqe = prepared(&mut rig, 10, 1, 1, false);
    rig.submit(1, sqe);
    rig.submit(1, Sqe::flush(1));
    rig.settle();
    assert_eq!(rig.reap(1).len(), 2);
    let log = rig.controller.write_log(1).expect("started").clone();
    assert_eq!(log.end(), 4);
    let point = CrashPoint::at(&log, log.end()).expect("RAM");
    assert_eq!(point.space().count(), Some(2), "the write completed after the flush began");
}

#[test]
fn a_log_that_holds_nothing_yet_outlives_a_power_cut_and_one_that_does_ends_with_it() {
    let mut rig = Rig::new();
    rig.controller.start_write_log(1).expect("RAM");
    for _ in 0..2 {
        cut(&mut rig, CachePolicy::LoseAll);
        rig.enable();
        rig.create_pair(1, 1);
        write(&mut rig, 10, 1, 1, false);
        assert_eq!(rig.controller.write_log(1).expect("started").counts(), (1, 0));
    }
}

#[test]
fn cuts_are_where_images_change_and_a_log_without_promises_loses_what_was_flushed() {
    let mut rig = Rig::new();
    rig.controller.start_write_log(1).expect("RAM");
    write(&mut rig, 10, 1, 1, false);
    flush(&mut rig);
    rig.read_block(10).expect("good");
    write(&mut rig, 11, 1, 1, true);
    let log = rig.controller.write_log(1).expect("started").clone();
    assert_eq!((log.commands(), log.counts()), (4, (2, 1)));
    // Submissions and completions of the writes, the completion of the flush; the read has only a submission.
    assert_eq!((log.cuts(), log.end()), (vec![0, 1, 2, 4, 6, 7], 7));
    assert_eq!((log.cut_before(2), log.cut_before(9)), (4, 7));
    let count =
        |log: &crate::crash::WriteLog| CrashPoint::at(log, log.end()).expect("RAM").space().count();
    assert_eq!(count(&log), Some(1));
    assert_eq!(count(&log.without_promises(0)), Some(4), "neither the flush nor FUA");
    assert_eq!(count(&log.without_promises(4)), Some(2), "the flush was before");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The controller's own choice is one of the images of the write log, whatever was written.
    #[test]
    fn what_is_left_is_an_image_of_the_log(
        steps in prop::collection::vec((0_u8..8, 0_u64..5, 1_u64..4), 1..12),
        seed: u64,
        atomic_blocks in 1_u32..4,
    ) {
        let config = Config { atomic_blocks, cache_blocks_max: 6, ..Config::default() };
        let mut rig = Rig::with(config, FaultPlan::none());
        rig.controller.start_write_log(1).expect("RAM");
        for ((kind, slba, blocks), value) in steps.into_iter().zip(1..) {
            match kind {
                0 => flush(&mut rig),
                1 => write(&mut rig, slba, blocks, value, true),
                2 => {
                    let zeroes = Sqe::write_zeroes(1, slba, blocks as u16 - 1);
                    assert!(rig.run(1, zeroes).0.is_success());
                }
                _ => write(&mut rig, slba, blocks, value, false),
            }
        }
        let sqe = prepared(&mut rig, 3, 3, 200, false);
        rig.submit(1, sqe);
        let log = rig.controller.write_log(1).expect("started").clone();
        let point = CrashPoint::at(&log, log.end()).expect("RAM");
        cut(&mut rig, sample(seed));
        let after = firsts(&mut rig, 0..8);
        // The write in flight is not in the log, because nobody knew its data: it may be added.
        let is_legal = point.space().iter().any(|image| {
            let media = point.media(&image).expect("RAM");
            let mut block = [0; 4096];
            (0..8).zip(&after).all(|(lba, byte)| {
                Media::read(&media, lba, &mut block).expect("RAM");
                block[0] == *byte || *byte == 200 && (3..6).contains(&lba)
            })
        });
        prop_assert!(is_legal, "{after:?}");
    }
}
