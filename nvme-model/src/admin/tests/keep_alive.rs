//! The keep alive timer.

use nvme_spec::log::{ERROR_ENTRY_BYTES, ErrorEntry};
use nvme_spec::register as reg;
use nvme_spec::{AdminOpcode, Sqe, feature, status};

use super::{command, log_page};
use crate::rig::Rig;
use crate::{Event, FatalCause};

fn set(rig: &mut Rig, ms: u32) {
    let (status, _) = rig.prompt(0, Sqe::set_features(feature::KEEP_ALIVE_TIMER, ms));
    assert!(status.is_success());
}

#[test]
fn a_host_that_goes_silent_finds_a_fatal_controller() {
    let mut rig = Rig::new();
    set(&mut rig, 101);
    assert_eq!(rig.prompt(0, Sqe::get_features(feature::KEEP_ALIVE_TIMER, 0)).1, 200);
    let begin = rig.now_ns;
    rig.wait_until(begin + 150_000_000);
    assert!(rig.prompt(1, Sqe::flush(1)).0.is_success(), "traffic does not keep it alive");
    rig.wait_until(begin + 199_000_000);
    assert_eq!(rig.read32(reg::CSTS), 1);
    rig.wait_until(begin + 201_000_000);
    assert_eq!(rig.read32(reg::CSTS), 3);
    let causes = rig.seen(|event| match event {
        Event::Fatal { cause } => Some(*cause),
        _ => None,
    });
    assert_eq!(causes, [FatalCause::KeepAliveExpired]);
    rig.disable();
    rig.enable();
    assert_eq!(rig.prompt(0, Sqe::get_features(feature::KEEP_ALIVE_TIMER, 0)).1, 0);
    let (_, page) = rig.prompt_page(log_page(1, 0, 64, 0));
    let entry = ErrorEntry::from_bytes(page[..ERROR_ENTRY_BYTES].try_into().expect("64 bytes"));
    assert_eq!(entry.status_phase.get() >> 1 & 0x7ff, u16::from(status::KEEP_ALIVE_EXPIRED.sc));
    assert_eq!((entry.sqid.get(), entry.cid.get()), (0xffff, 0xffff));
}

#[test]
fn keep_alive_keeps_it_alive_and_zero_switches_it_off() {
    let mut rig = Rig::new();
    set(&mut rig, 100);
    for _ in 0..5 {
        rig.wait_until(rig.now_ns + 90_000_000);
        assert!(rig.prompt(0, command(AdminOpcode::KEEP_ALIVE, 0, 0, 0)).0.is_success());
    }
    set(&mut rig, 0);
    rig.settle();
    assert_eq!(rig.read32(reg::CSTS), 1);
    assert!(rig.prompt(0, command(AdminOpcode::KEEP_ALIVE, 0, 0, 0)).0.is_success());
    rig.settle();
    assert_eq!(rig.read32(reg::CSTS), 1);
}
