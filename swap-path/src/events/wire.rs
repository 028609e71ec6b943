//! The events as trace records. Codes are never reused.

use hal::Access;
use hal::trace::{Layer, Record};
use iomap::Errno;

use super::{BusErrorReason, Cause, Event};
use crate::{AreaId, PathKind, SwapEntry};

/// Stands for "no slot" where an entry is optional: slot 0 is the header's.
const NO_ENTRY: u64 = 0;

const fn record(code: u8, small: u16, word: u32, args: [u64; 3]) -> Record {
    Record { layer: Layer::Swap, code, small, word, args }
}

fn with_cause(code: u8, page: u64, entry: SwapEntry, cause: Cause) -> Record {
    let (errno, bytes, status) = cause.to_wire();
    record(code, errno, bytes, [page, entry.to_raw(), status])
}

const fn access_code(access: Access) -> u16 {
    match access {
        Access::Read => 0,
        Access::Write => 1,
    }
}

const fn access_from(code: u16) -> Option<Access> {
    match code {
        0 => Some(Access::Read),
        1 => Some(Access::Write),
        _ => None,
    }
}

impl From<Event> for Record {
    fn from(event: Event) -> Self {
        let io = |code, entry: SwapEntry, pages, error: Option<Errno>| {
            let errno = error.map_or(0, Errno::number);
            record(code, errno, pages, [entry.to_raw(), 0, 0])
        };
        match event {
            Event::Fault { page, access } => record(1, access_code(access), 0, [page, 0, 0]),
            Event::DemandZero { page } => record(2, 0, 0, [page, 0, 0]),
            Event::SlotAlloc { page, entry } => record(3, 0, 0, [page, entry.to_raw(), 0]),
            Event::SlotFree { page, entry } => record(4, 0, 0, [page, entry.to_raw(), 0]),
            Event::SwapOutBegin { entry, pages } => io(5, entry, pages, None),
            Event::SwapOutEnd { entry, pages, error } => io(6, entry, pages, error),
            Event::SwapInBegin { entry, pages } => io(7, entry, pages, None),
            Event::SwapInEnd { entry, pages, error } => io(8, entry, pages, error),
            Event::CleanDrop { page, entry } => {
                let entry = entry.map_or(NO_ENTRY, SwapEntry::to_raw);
                record(9, 0, 0, [page, entry, 0])
            }
            Event::WriteError { page, entry, cause } => with_cause(10, page, entry, cause),
            Event::ReadError { page, entry, cause } => with_cause(11, page, entry, cause),
            Event::Poison { page, entry, cause } => with_cause(12, page, entry, cause),
            Event::BusError { page, access, reason } => {
                record(13, access_code(access), reason as u32, [page, 0, 0])
            }
            Event::NoSlot { page } => record(14, 0, 0, [page, 0, 0]),
            Event::ReserveUsed { page, resident_pages } => {
                record(15, 0, 0, [page, resident_pages, 0])
            }
            Event::OutOfMemory { page, resident_pages } => {
                record(16, 0, 0, [page, resident_pages, 0])
            }
            Event::Discard { page } => record(17, 0, 0, [page, 0, 0]),
            Event::SlotShare { page, entry } => record(21, 0, 0, [page, entry.to_raw(), 0]),
            Event::Unshare { page, entry } => record(22, 0, 0, [page, entry.to_raw(), 0]),
            Event::CacheHit { page, entry } => record(23, 0, 0, [page, entry.to_raw(), 0]),
            Event::CacheDrop { entry, pages } => io(24, entry, pages, None),
            Event::ZeroOut { entry, pages } => io(25, entry, pages, None),
            Event::ZeroIn { page, entry } => record(26, 0, 0, [page, entry.to_raw(), 0]),
            Event::FolioSplit { page, pages } => record(27, 0, pages, [page, 0, 0]),
            Event::Fork { parent, child, pages } => record(28, 0, pages, [parent, child, 0]),
            Event::SwapOn { area, path, pages } => area_record(18, area, path, pages, 0),
            Event::SwapOffBegin { area, path, pages } => area_record(19, area, path, pages, 0),
            Event::SwapOff { area, path, pages_read, pages_lost } => {
                area_record(20, area, path, pages_read, pages_lost)
            }
        }
    }
}

fn area_record(code: u8, area: AreaId, path: PathKind, pages: u32, lost: u32) -> Record {
    record(code, path as u16, area.0, [pages.into(), lost.into(), 0])
}

impl Event {
    /// The event that this record stands for; `None` if it is none of this layer.
    #[must_use]
    pub fn decode(record: &Record) -> Option<Self> {
        if record.layer != Layer::Swap {
            return None;
        }
        match record.code {
            1..=4 | 9 | 13..=17 | 21..=23 | 26..=28 => Self::decode_page(record),
            5..=8 | 24 | 25 => Self::decode_io(record),
            10..=12 => Self::decode_error(record),
            18..=20 => Self::decode_area(record),
            _ => None,
        }
    }

    fn decode_page(record: &Record) -> Option<Self> {
        let [page, second, _] = record.args;
        let entry = SwapEntry::from_raw(second);
        let access = || access_from(record.small);
        Some(match record.code {
            1 => Self::Fault { page, access: access()? },
            2 => Self::DemandZero { page },
            3 => Self::SlotAlloc { page, entry },
            4 => Self::SlotFree { page, entry },
            9 if second == NO_ENTRY => Self::CleanDrop { page, entry: None },
            9 => Self::CleanDrop { page, entry: Some(entry) },
            13 => Self::BusError {
                page,
                access: access()?,
                reason: BusErrorReason::from_u8(u8::try_from(record.word).ok()?)?,
            },
            14 => Self::NoSlot { page },
            15 => Self::ReserveUsed { page, resident_pages: second },
            16 => Self::OutOfMemory { page, resident_pages: second },
            17 => Self::Discard { page },
            21 => Self::SlotShare { page, entry },
            22 => Self::Unshare { page, entry },
            23 => Self::CacheHit { page, entry },
            26 => Self::ZeroIn { page, entry },
            27 => Self::FolioSplit { page, pages: record.word },
            28 => Self::Fork { parent: page, child: second, pages: record.word },
            _ => return None,
        })
    }

    fn decode_io(record: &Record) -> Option<Self> {
        let entry = SwapEntry::from_raw(record.args[0]);
        let pages = record.word;
        let error = match record.small {
            0 => None,
            number => Some(Errno::from_number(number)?),
        };
        Some(match record.code {
            5 => Self::SwapOutBegin { entry, pages },
            6 => Self::SwapOutEnd { entry, pages, error },
            7 => Self::SwapInBegin { entry, pages },
            8 => Self::SwapInEnd { entry, pages, error },
            24 => Self::CacheDrop { entry, pages },
            25 => Self::ZeroOut { entry, pages },
            _ => return None,
        })
    }

    fn decode_error(record: &Record) -> Option<Self> {
        let [page, entry, status] = record.args;
        let entry = SwapEntry::from_raw(entry);
        let cause = Cause::from_wire(record.small, record.word, status)?;
        Some(match record.code {
            10 => Self::WriteError { page, entry, cause },
            11 => Self::ReadError { page, entry, cause },
            12 => Self::Poison { page, entry, cause },
            _ => return None,
        })
    }

    fn decode_area(record: &Record) -> Option<Self> {
        let area = AreaId(record.word);
        let path = PathKind::from_u8(u8::try_from(record.small).ok()?)?;
        let pages = u32::try_from(record.args[0]).ok()?;
        Some(match record.code {
            18 => Self::SwapOn { area, path, pages },
            19 => Self::SwapOffBegin { area, path, pages },
            20 => Self::SwapOff {
                area,
                path,
                pages_read: pages,
                pages_lost: u32::try_from(record.args[1]).ok()?,
            },
            _ => return None,
        })
    }
}
