use std::string::ToString;
use std::vec::Vec;

use block::{BlockError, DeviceStatus};
use hal::trace::{Layer, Record};
use iomap::FailureKind;
use proptest::prelude::*;

use super::*;

const ENTRY: SwapEntry = SwapEntry { area: AreaId(3), slot: 17 };

fn cause() -> Cause {
    Cause {
        path: PathKind::Extents,
        errno: Errno::EIO,
        learned_by: Layer::Driver,
        kind: FailureKind::Completion,
        device: Some(BlockError::Medium(DeviceStatus(0x4281))),
    }
}

fn one_of_each(page: u64) -> Vec<Event> {
    let (entry, cause, pages) = (ENTRY, cause(), 8);
    let access = Access::Write;
    let error = Some(Errno::EIO);
    let (area, path) = (AreaId(9), PathKind::Swap);
    let resident_pages = 7;
    vec![
        Event::Fault { page, access },
        Event::DemandZero { page },
        Event::SlotAlloc { page, entry },
        Event::SlotFree { page, entry },
        Event::SwapOutBegin { entry, pages },
        Event::SwapOutEnd { entry, pages, error },
        Event::SwapInBegin { entry, pages },
        Event::SwapInEnd { entry, pages, error: None },
        Event::CleanDrop { page, entry: None },
        Event::CleanDrop { page, entry: Some(entry) },
        Event::WriteError { page, entry, cause },
        Event::ReadError { page, entry, cause },
        Event::Poison { page, entry, cause: Cause { device: None, ..cause } },
        Event::BusError { page, access, reason: BusErrorReason::OutOfMemory },
        Event::NoSlot { page },
        Event::ReserveUsed { page, resident_pages },
        Event::OutOfMemory { page, resident_pages },
        Event::Discard { page },
        Event::SlotShare { page, entry },
        Event::Unshare { page, entry },
        Event::CacheHit { page, entry },
        Event::CacheDrop { entry, pages },
        Event::ZeroOut { entry, pages },
        Event::ZeroIn { page, entry },
        Event::FolioSplit { page, pages },
        Event::Fork { parent: page, child: page, pages },
        Event::SwapOn { area, path, pages },
        Event::SwapOffBegin { area, path, pages },
        Event::SwapOff { area, path, pages_read: 1, pages_lost: 2 },
    ]
}

#[test]
fn every_event_survives_the_round_trip() {
    for event in one_of_each(u64::MAX) {
        assert_eq!(Event::decode(&Record::from(event)), Some(event));
    }
}

#[test]
fn page_and_slot_stand_in_fixed_columns() {
    for event in one_of_each(12_345_678) {
        let line = event.to_string();
        assert!(line.find(" page ").is_none_or(|at| at == 14 || at > 40), "{line}");
        assert!(line.find(" slot ").is_none_or(|at| at == 28), "{line}");
    }
}

#[test]
fn the_kernel_log_speaks_as_linux_does() {
    let (page, entry, mut cause) = (5, ENTRY, cause());
    let log = |event: Event| event.kernel_log().unwrap().to_string();
    assert_eq!(log(Event::ReadError { page, entry, cause }), "Read-error on swap-device (3:17)");
    assert_eq!(log(Event::WriteError { page, entry, cause }), "Write-error on swap-device (3:17)");
    cause.path = PathKind::Dio;
    assert_eq!(
        log(Event::WriteError { page, entry, cause }),
        "Write error -5 on dio swapfile (69632)"
    );
    assert!(Event::NoSlot { page }.kernel_log().is_none());
}

proptest! {
    #[test]
    fn a_hostile_record_is_decoded_to_itself_or_refused(
        code in 0..=40u8,
        small: u16,
        word in prop_oneof![any::<u32>(), 0..8u32],
        args in prop::array::uniform3(prop_oneof![any::<u64>(), 0..70_000u64]),
    ) {
        let record = Record { layer: Layer::Swap, code, small, word, args };
        if let Some(event) = Event::decode(&record) {
            let again = Event::decode(&Record::from(event));
            prop_assert_eq!(again, Some(event));
        }
    }
}
