//! Faults that outlive their command, and those of the controller as a whole.

use nvme_spec::command::Copy12;
use nvme_spec::copy::{CopyFormat, CopyRange};
use nvme_spec::register as reg;
use nvme_spec::{Sqe, feature, status};

use crate::rig::{DATA, Rig};
use crate::{CachePolicy, Config, Event, FaultPlan};

fn read(lba: u64) -> Sqe {
    Sqe::read(1, lba, 0).with_prp(DATA, 0)
}

/// The page that the host reads into.
fn page(rig: &Rig) -> u8 {
    rig.data(1)[0]
}

#[test]
fn a_status_is_exact_and_in_the_error_log_and_in_smart() {
    let mut rig = Rig::faulty(&["read nth=1 => status=media/unrecovered-read dnr more"]);
    let status = rig.read_block(7).expect_err("a fault");
    assert_eq!((status.crd, status.more, status.dnr), (0, true, true));
    let (_, log) = rig.admin_page(Sqe::get_log_page(1, 0, 15, 0));
    let raw = u16::from_le_bytes([log[12], log[13]]);
    assert_eq!((raw >> 1, log[16]), (status.to_raw(), 7), "status and LBA");
    let (_, smart) = rig.admin_page(Sqe::get_log_page(2, 0, 127, 0));
    assert_eq!((smart[160], smart[176]), (1, 1), "media errors and error log entries");
}

#[test]
fn a_stalled_queue_completes_nothing_before_its_time_and_others_go_on() {
    let mut rig = Rig::faulty(&["flush queue=1 nth=1 => stall=10ms"]);
    rig.create_pair(2, 2);
    let begin = rig.now_ns;
    rig.submit(1, Sqe::flush(1));
    rig.submit(1, read(0));
    rig.submit(2, read(0));
    assert_eq!(rig.wait(2, u64::MAX), crate::LabWake::Interrupt);
    assert!(rig.now_ns - begin < 1_000_000);
    assert_eq!(rig.peek(1).len(), 0);
    rig.settle();
    assert_eq!((rig.peek(1).len(), rig.now_ns - begin), (2, 10_000_000));
}

#[test]
fn an_early_completion_comes_before_its_data() {
    let mut rig = Rig::faulty(&["read nth=1 => early-completion=1ms"]);
    rig.write_block(3, 9, false);
    rig.memory_write(DATA, &[0xee; 4096]);
    rig.submit(1, read(3));
    assert_eq!(rig.wait(1, u64::MAX), crate::LabWake::Interrupt);
    assert!(rig.reap(1)[0].status().is_success());
    assert_eq!(page(&rig), 0xee, "the data is not there yet");
    rig.settle();
    assert_eq!(page(&rig), 9);
}

#[test]
fn late_dma_writes_to_memory_after_reset_and_after_queue_deletion() {
    for is_reset in [true, false] {
        let mut rig = Rig::faulty(&["read nth=2 => hang", "read nth=2 => late-dma=1ms"]);
        rig.write_block(3, 9, false);
        rig.read_block(0).expect("the first");
        rig.submit(1, read(3));
        rig.settle();
        rig.memory_write(DATA, &[0xee; 4096]);
        if is_reset {
            rig.disable();
        } else {
            assert!(rig.admin(Sqe::delete_io_sq(1)).0.is_success());
        }
        rig.settle();
        assert_eq!(page(&rig), 9, "after reset: {is_reset}");
        let late = rig.seen(|event| matches!(event, Event::LateTransfer { .. }).then_some(()));
        assert_eq!(late.len(), 1);
    }
}

#[test]
fn a_partial_transfer_leaves_the_rest_of_the_page_alone() {
    let mut rig = Rig::faulty(&["read nth=1 => partial-dma=512", "write nth=2 => partial-dma=512"]);
    rig.write_block(3, 9, false);
    rig.memory_write(DATA, &[0xee; 4096]);
    assert!(rig.run(1, read(3)).0.is_success());
    let data = rig.data(4096);
    assert!(data[..512].iter().all(|byte| *byte == 9) && data[512..].iter().all(|b| *b == 0xee));
    rig.write_block(4, 7, false);
    let stored = rig.read_block(4).expect("good");
    assert_eq!((stored[511], stored[512]), (7, 0));
}

#[test]
fn a_forged_page_has_the_bytes_and_no_others_changed() {
    let mut rig = Rig::faulty(&["identify nth=3 => forge=77:f0/f0"]);
    let (_, good) = rig.admin_page(Sqe::identify(1, 0));
    let (_, forged) = rig.admin_page(Sqe::identify(1, 0));
    // Creating the queue pair asked nothing, so the third Identify is the next one.
    assert_eq!(good, forged);
    let (_, forged) = rig.admin_page(Sqe::identify(1, 0));
    assert_eq!(forged[77], good[77] | 0xf0);
    let differ = good.iter().zip(&forged).filter(|(a, b)| a != b).count();
    assert!(differ <= 1);
}

#[test]
fn completions_go_to_the_wrong_queue_or_over_what_is_unread() {
    let mut rig = Rig::faulty(&["flush nth=1 => wrong-cq=0", "flush nth=2 => cq-overflow=20"]);
    let cid = rig.submit(1, Sqe::flush(1));
    rig.settle();
    assert_eq!((rig.peek(1).len(), rig.peek(0)[0].cid.get()), (0, cid));
    rig.submit(1, Sqe::flush(1));
    rig.settle();
    let posted = rig.seen(|event| matches!(event, Event::Complete { cqid: 1, .. }).then_some(()));
    assert_eq!(posted.len(), 21, "in a queue of 16");
}

#[test]
fn an_interrupt_comes_at_another_vector_or_as_a_storm() {
    let mut rig =
        Rig::faulty(&["flush nth=1 => wrong-vector=5", "flush nth=2 => interrupt-storm=9"]);
    rig.lines.0.clear();
    rig.submit(1, Sqe::flush(1));
    rig.settle();
    assert_eq!(rig.lines.0.keys().collect::<Vec<_>>(), [&5]);
    rig.lines.0.clear();
    rig.submit(1, Sqe::flush(1));
    rig.settle();
    assert_eq!(rig.lines.0.get(&1), Some(&10));
}

#[test]
fn a_sticky_fatal_status_comes_back_after_each_reset_until_the_power_is_cut() {
    let mut rig = Rig::faulty(&["flush nth=1 => cfs-sticky"]);
    rig.submit(1, Sqe::flush(1));
    rig.settle();
    for _ in 0..3 {
        assert_eq!(rig.read32(reg::CSTS) & 2, 2);
        rig.disable();
        assert!(!rig.try_enable());
    }
    rig.controller.power_cut(rig.now_ns, CachePolicy::LoseAll, &mut rig.trace);
    rig.now_ns = 0;
    rig.enable();
}

#[test]
fn a_device_that_was_pulled_out_comes_back_switched_on_anew() {
    let mut rig = Rig::faulty(&["flush => remove-for=50ms"]);
    rig.write_block(3, 9, false);
    rig.submit(1, Sqe::flush(1));
    rig.settle();
    // Everything has happened that happens by itself: it is back.
    assert_eq!((rig.read32(reg::CSTS), rig.read32(reg::CC)), (0, 0));
    assert!(rig.now_ns >= 50_000_000);
    rig.enable();
    rig.create_pair(1, 1);
    assert_eq!(rig.read_block(3).expect("good")[0], 0, "the cache was lost");
    let mut rig = Rig::faulty(&["flush => remove-for=50ms"]);
    rig.submit(1, Sqe::flush(1));
    assert_eq!(rig.read32(reg::CSTS), u32::MAX);
    let mut config = [0; 4];
    rig.controller.config_read(rig.now_ns, 0, &mut config, &mut ());
    assert_eq!(config, [0xff; 4], "its configuration space is gone, too");
}

#[test]
fn the_power_goes_at_a_command_a_doorbell_or_in_the_middle_of_a_block() {
    for rule in ["flush => power-cut", "doorbell queue=1 nth=4 => power-cut"] {
        let mut rig = Rig::faulty(&[rule]);
        rig.write_block(3, 9, false);
        rig.submit(1, Sqe::flush(1));
        rig.settle();
        assert!(rig.controller.is_power_lost() || rule.starts_with("doorbell"), "{rule}");
        if !rig.controller.is_power_lost() {
            rig.reap(1);
        }
        assert!(rig.controller.is_power_lost(), "{rule}");
        assert_eq!(rig.read32(reg::CSTS), u32::MAX);
        rig.controller.power_cut(rig.now_ns, CachePolicy::LoseAll, &mut rig.trace);
        assert!(!rig.controller.is_power_lost());
    }
    let mut rig = Rig::faulty(&["write nth=2 => power-cut-at=700B"]);
    rig.write_block(3, 9, true);
    rig.memory_write(DATA, &[7; 4096]);
    rig.submit(1, Sqe::write(1, 3, 0, false).with_prp(DATA, 0));
    rig.settle();
    assert!(rig.controller.is_power_lost());
    assert_eq!(rig.peek(1).len(), 0, "nobody was told");
    let mut block = [0; 4096];
    rig.controller.media_mut(1).expect("namespace 1").read(3, &mut block).expect("RAM");
    assert_eq!((block[699], block[700]), (7, 9), "torn inside of a block, whatever AWUPF says");
}

#[test]
fn the_power_is_cut_amid_a_copy_as_amid_a_write() {
    let mut rig = Rig::faulty(&["copy => power-cut-at=700B"]);
    rig.write_block(3, 9, true);
    rig.write_block(0, 7, true);
    let range = CopyRange::default();
    rig.memory_write(DATA, &range.encode(CopyFormat::new(0).expect("the plain one")));
    rig.submit(1, Sqe::copy(1, 3, Copy12(0)).with_prp(DATA, 0));
    rig.settle();
    assert!(rig.controller.is_power_lost());
    assert_eq!(rig.peek(1).len(), 0, "nobody was told");
    let mut block = [0; 4096];
    rig.controller.media_mut(1).expect("namespace 1").read(3, &mut block).expect("RAM");
    assert_eq!((block[699], block[700]), (7, 9));
}

#[test]
fn a_reset_keeps_the_queues_or_a_command_loses_them() {
    let mut rig = Rig::faulty(&["write nth=1 => delay=1s", "disable => keep-queues"]);
    rig.memory_write(DATA, &[7; 4096]);
    rig.submit(1, Sqe::write(1, 3, 0, true).with_prp(DATA, 0));
    rig.disable();
    rig.enable();
    rig.settle();
    assert_eq!(rig.on_media(3), 7, "a command from before the reset was executed");
    let mut rig = Rig::faulty(&["flush nth=1 => lose-queues"]);
    rig.submit(1, read(0));
    rig.submit(1, Sqe::flush(1));
    rig.settle();
    assert_eq!(rig.peek(1).len(), 0);
    assert_eq!(rig.admin(Sqe::delete_io_sq(1)).0.code, status::INVALID_QUEUE_IDENTIFIER);
}

#[test]
fn registers_and_configuration_space_read_as_the_rule_says() {
    let mut rig = Rig::faulty(&[
        "register-read reg=0..8 => lie=0:0300/ffff",
        "config-read reg=0..4 => lie=2:efbe",
    ]);
    assert_eq!(rig.read32(reg::CAP) & 0xffff, 3, "MQES");
    assert_eq!(rig.read32(reg::VS), 0x0002_0000);
    let mut ids = [0x57, 0x53, 0x01, 0x00];
    rig.controller.config_read(0, 0, &mut ids, &mut ());
    assert_eq!(ids, [0x57, 0x53, 0xef, 0xbe]);
    let mut other = [1; 4];
    rig.controller.config_read(0, 8, &mut other, &mut ());
    assert_eq!(other, [1; 4]);
}

#[test]
fn a_doorbell_gets_lost_and_the_next_one_brings_both_commands() {
    let mut rig = Rig::faulty(&["doorbell queue=1 nth=1 => ignore-write"]);
    rig.submit(1, Sqe::flush(1));
    rig.settle();
    assert_eq!(rig.peek(1).len(), 0);
    rig.submit(1, Sqe::flush(1));
    rig.settle();
    assert_eq!(rig.peek(1).len(), 2);
}

#[test]
fn media_becomes_read_only_and_smart_says_so() {
    let mut rig = Rig::faulty(&["write nth=2 => read-only"]);
    assert!(rig.admin(Sqe::set_features(feature::ASYNC_EVENT_CONFIG, 0xff)).0.is_success());
    rig.submit(0, Sqe::async_event_request());
    assert!(rig.write_block(3, 9, true).is_success());
    assert_eq!(rig.write_block(3, 7, true).code, status::NAMESPACE_WRITE_PROTECTED);
    let other_writes = [
        Sqe::write_zeroes(1, 3, 0),
        Sqe::write_uncorrectable(1, 3, 0),
        Sqe::deallocate(1, 0),
        Sqe::copy(1, 3, Copy12(0)),
    ];
    for sqe in other_writes {
        let (status, _) = rig.run(1, sqe.with_prp(DATA, 0));
        assert_eq!(status.code, status::NAMESPACE_WRITE_PROTECTED, "{:#x}", sqe.opcode());
    }
    assert_eq!(rig.read_block(3).expect("good")[0], 9);
    assert!(rig.run(1, Sqe::flush(1)).0.is_success());
    let event = rig.reap(0);
    assert_eq!(event[0].dw0.get(), 0x0002_0001, "SMART, reliability");
    let (_, smart) = rig.admin_page(Sqe::get_log_page(2, 0, 127, 0));
    assert_eq!(smart[0], 0x08);
}

#[test]
fn an_event_is_made_up_and_a_storm_ignores_the_mask() {
    let mut rig = Rig::faulty(&[
        "flush nth=1 => aen=error/persistent-internal",
        "flush nth=2 => aen-storm=3",
    ]);
    for _ in 0..4 {
        rig.submit(0, Sqe::async_event_request());
    }
    rig.run(1, Sqe::flush(1));
    rig.run(1, Sqe::flush(1));
    let reported: Vec<u32> = rig.reap(0).iter().map(|cqe| cqe.dw0.get()).collect();
    assert_eq!(reported.len(), 4);
    assert!(reported.contains(&0x0001_0300));
    assert_eq!(reported.iter().filter(|dw0| **dw0 == 0x0004_0002).count(), 3);
}

#[test]
fn faults_on_the_delivery_of_an_event_happen() {
    let mut rig = Rig::faulty(&[
        "flush => aen=notice/namespace-changed",
        "async-event-request phase=completion => delay=0ns",
        "async-event-request => drop",
    ]);
    rig.submit(0, Sqe::async_event_request());
    rig.run(1, Sqe::flush(1));
    rig.settle();
    assert_eq!(rig.peek(0).len(), 0);
    assert_eq!(rig.controller.faults().unfired().count(), 0);
}

#[test]
fn expect_and_forbid_do_nothing_and_are_counted() {
    let mut rig = Rig::faulty(&["flush => expect count=2", "flush => forbid", "compare => forbid"]);
    assert!(rig.run(1, Sqe::flush(1)).0.is_success());
    assert_eq!(rig.controller.faults().unfired().count(), 1, "expected twice");
    assert_eq!(rig.controller.faults().violations().count(), 1);
}

#[test]
fn a_rule_that_is_disarmed_no_longer_fires_and_one_that_is_armed_does() {
    let mut rig = Rig::with(Config::default(), FaultPlan::none());
    let rule = "read => status=media/unrecovered-read".parse().expect("a rule");
    let index = rig.controller.faults_mut().arm(rule);
    rig.read_block(0).expect_err("armed");
    assert!(rig.controller.faults_mut().disarm(index));
    rig.read_block(0).expect("disarmed");
    assert!(!rig.controller.faults_mut().disarm(index + 1));
}
