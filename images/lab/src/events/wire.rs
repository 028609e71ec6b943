//! Events as trace records. The numbers are part of the trace format: never reuse one.

use hal::trace::{Layer, Record};
use iomap::Errno;

use super::{Event, Step};
use crate::pattern::PageContent;

const STEP_BEGIN: u8 = 1;
const STEP_END: u8 = 2;
const SWAP_FILE_EXTENT: u8 = 3;
const WRITE_UNDER_WAY: u8 = 4;
const PAGE_WRONG: u8 = 1;
const PAGE_TOLD: u8 = 2;
const PASS: u8 = 3;

const ZEROS: u32 = 1;
const STALE: u32 = 2;
const FOREIGN: u32 = 3;
const GARBAGE: u32 = 4;

impl From<Event> for Record {
    fn from(event: Event) -> Self {
        let (layer, code, small, word, args) = match event {
            Event::StepBegin { step } => (Layer::Program, STEP_BEGIN, step as u16, 0, [0; 3]),
            Event::StepEnd { step, result, count } => {
                let errno = result.err().map_or(0, |errno| u32::from(errno.number()));
                (Layer::Program, STEP_END, step as u16, errno, [count, 0, 0])
            }
            Event::SwapFileExtent { start_page, pages, start_block } => {
                (Layer::Program, SWAP_FILE_EXTENT, 0, 0, [start_page, pages, start_block])
            }
            Event::WriteUnderWay { block, blocks } => {
                (Layer::Program, WRITE_UNDER_WAY, 0, 0, [block, blocks, 0])
            }
            Event::PageWrong { page, generation, content } => {
                let (kind, small, found) = code_of(content);
                (Layer::Workload, PAGE_WRONG, small, kind, [page, generation, found])
            }
            Event::PageTold { page, generation, is_store } => {
                (Layer::Workload, PAGE_TOLD, u16::from(is_store), 0, [page, generation, 0])
            }
            Event::Pass { right, told, wrong, is_store } => {
                (Layer::Workload, PASS, u16::from(is_store), 0, [right, told, wrong])
            }
        };
        Self { layer, code, small, word, args }
    }
}

/// The owner of a foreign page is in the upper bits of its number.
const OWNER_SHIFT: u32 = 48;

/// What was found, as a number, and what goes with it: a generation; a generation and owner and page.
const fn code_of(content: PageContent) -> (u32, u16, u64) {
    match content {
        PageContent::Expected => (0, 0, 0),
        PageContent::Zeros => (ZEROS, 0, 0),
        PageContent::Stale { generation } => (STALE, 0, generation),
        PageContent::Foreign { owner, page, generation } => {
            (FOREIGN, generation, page | (owner as u64) << OWNER_SHIFT)
        }
        PageContent::Garbage => (GARBAGE, 0, 0),
    }
}

impl Event {
    /// The event that `record` encodes, if it is one of this crate.
    #[must_use]
    pub fn decode(record: &Record) -> Option<Self> {
        let [a, b, c] = record.args;
        let step = || Step::from_u8(u8::try_from(record.small).ok()?);
        Some(match (record.layer, record.code) {
            (Layer::Program, STEP_BEGIN) => Self::StepBegin { step: step()? },
            (Layer::Program, STEP_END) => {
                let result = match u16::try_from(record.word).ok()? {
                    0 => Ok(()),
                    number => Err(Errno::from_number(number)?),
                };
                Self::StepEnd { step: step()?, result, count: a }
            }
            (Layer::Program, SWAP_FILE_EXTENT) => {
                Self::SwapFileExtent { start_page: a, pages: b, start_block: c }
            }
            (Layer::Program, WRITE_UNDER_WAY) => Self::WriteUnderWay { block: a, blocks: b },
            (Layer::Workload, PAGE_WRONG) => {
                let content = match record.word {
                    ZEROS => PageContent::Zeros,
                    STALE => PageContent::Stale { generation: c },
                    FOREIGN => PageContent::Foreign {
                        owner: (c >> OWNER_SHIFT) as u16,
                        page: c & ((1 << OWNER_SHIFT) - 1),
                        generation: record.small,
                    },
                    GARBAGE => PageContent::Garbage,
                    _ => return None,
                };
                Self::PageWrong { page: a, generation: b, content }
            }
            (Layer::Workload, PAGE_TOLD) => {
                Self::PageTold { page: a, generation: b, is_store: record.small != 0 }
            }
            (Layer::Workload, PASS) => {
                Self::Pass { right: a, told: b, wrong: c, is_store: record.small != 0 }
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_survives_the_round_trip() {
        let mut events = alloc::vec![
            Event::SwapFileExtent { start_page: 1, pages: 2, start_block: 3 },
            Event::WriteUnderWay { block: 4, blocks: 5 },
            Event::PageTold { page: 4, generation: 5, is_store: true },
            Event::Pass { right: 6, told: 7, wrong: 8, is_store: false },
        ];
        for content in [
            PageContent::Zeros,
            PageContent::Stale { generation: 9 },
            PageContent::Foreign { owner: 3, page: 10, generation: 4 },
            PageContent::Garbage,
        ] {
            events.push(Event::PageWrong { page: 1, generation: 2, content });
        }
        for step in Step::ALL {
            events.push(Event::StepBegin { step: *step });
            events.push(Event::StepEnd { step: *step, result: Ok(()), count: 1 });
            events.push(Event::StepEnd { step: *step, result: Err(Errno::EBUSY), count: 0 });
        }
        for event in events {
            assert_eq!(Event::decode(&event.into()), Some(event));
        }
    }
}
