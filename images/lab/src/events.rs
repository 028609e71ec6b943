//! What a program says about what it did and saw.

use core::fmt;

use hal::trace::{Layer, Record};
use iomap::{Errno, SwapExtent};

use crate::pattern::PageContent;

macro_rules! steps {
    ($($(#[$doc:meta])* $name:ident = $number:literal $text:literal,)*) => {
        /// A step of a program. The numbers are part of the trace format.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Step { $($(#[$doc])* $name = $number,)* }

        impl Step {
            /// Every step.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// What the step does, in a few words.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

#[rustfmt::skip]
steps! {
    /// The driver finds and enables the controller.
    Probe = 1 "probe the controller",
    /// Make the filesystem.
    Mkfs = 2 "mkfs",
    /// Mount it.
    Mount = 3 "mount",
    /// Make the swap file: allocate, write every block, write the header.
    MakeSwapFile = 4 "make the swap file",
    /// Activate it.
    SwapOn = 5 "swapon",
    /// Write the first generation over the whole address space.
    Fill = 6 "write generation 1",
    /// Shut the filesystem down.
    Shutdown = 7 "shut the filesystem down",
    /// Read every page again.
    VerifyOld = 8 "verify generation 1",
    /// Write the second generation over the whole address space.
    Refill = 9 "write generation 2",
    /// Read every page again.
    VerifyNew = 10 "verify the last generation",
    /// Unmount while swap is on.
    UnmountBusy = 11 "unmount while swap is on",
    /// Turn swap off by the file's path.
    SwapOffByPath = 12 "swapoff by path",
    /// Turn swap off by the area's number.
    SwapOffByArea = 13 "swapoff by area",
    /// Read every page again, from memory.
    VerifyInMemory = 14 "verify in memory",
    /// Unmount.
    Unmount = 15 "unmount",
    /// After the power cycle: mount, which recovers the journal.
    Recover = 16 "mount again",
    /// Check the filesystem.
    Fsck = 17 "fsck",
    /// After the power cycle: look the swap file up.
    FindSwapFile = 18 "find the swap file",
    /// Take the memory of the workload.
    AddressSpace = 19 "make the address space",
}

impl Step {
    fn from_u8(number: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|step| *step as u8 == number)
    }
}

/// An event of the program or of its workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A step begins.
    StepBegin {
        /// Which.
        step: Step,
    },
    /// A step ended, with success or an errno.
    StepEnd {
        /// Which.
        step: Step,
        /// How it ended.
        result: Result<(), Errno>,
        /// What it counted: pages, findings.
        count: u64,
    },
    /// A piece of the swap file lies here (as the filesystem reported it before the experiment).
    SwapFileExtent {
        /// First page in the file.
        start_page: u64,
        /// Pages.
        pages: u64,
        /// First block on the device.
        start_block: u64,
    },
    /// A page did not hold what it should.
    PageWrong {
        /// The page.
        page: u64,
        /// The generation it should hold.
        generation: u64,
        /// What it held.
        content: PageContent,
    },
    /// A load or store of a page was answered with a bus error: its owner was told.
    PageTold {
        /// The page.
        page: u64,
        /// The generation that was to be read or written.
        generation: u64,
        /// True for a store.
        is_store: bool,
    },
    /// The end of a pass over all pages.
    Pass {
        /// Pages right (or stored).
        right: u64,
        /// Pages answered with a bus error.
        told: u64,
        /// Pages wrong without any error.
        wrong: u64,
        /// True for a storing pass.
        is_store: bool,
    },
}

impl From<&SwapExtent> for Event {
    fn from(extent: &SwapExtent) -> Self {
        Self::SwapFileExtent {
            start_page: extent.start_page,
            pages: extent.nr_pages,
            start_block: extent.start_block,
        }
    }
}

const STEP_BEGIN: u8 = 1;
const STEP_END: u8 = 2;
const SWAP_FILE_EXTENT: u8 = 3;
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
            Event::StepEnd {
                step,
                result,
                count,
            } => {
                let errno = result.err().map_or(0, |errno| u32::from(errno.number()));
                (Layer::Program, STEP_END, step as u16, errno, [count, 0, 0])
            }
            Event::SwapFileExtent {
                start_page,
                pages,
                start_block,
            } => (
                Layer::Program,
                SWAP_FILE_EXTENT,
                0,
                0,
                [start_page, pages, start_block],
            ),
            Event::PageWrong {
                page,
                generation,
                content,
            } => {
                let (kind, found) = match content {
                    PageContent::Expected => (0, 0),
                    PageContent::Zeros => (ZEROS, 0),
                    PageContent::Stale { generation } => (STALE, generation),
                    PageContent::Foreign { page } => (FOREIGN, page),
                    PageContent::Garbage => (GARBAGE, 0),
                };
                (
                    Layer::Workload,
                    PAGE_WRONG,
                    0,
                    kind,
                    [page, generation, found],
                )
            }
            Event::PageTold {
                page,
                generation,
                is_store,
            } => (
                Layer::Workload,
                PAGE_TOLD,
                u16::from(is_store),
                0,
                [page, generation, 0],
            ),
            Event::Pass {
                right,
                told,
                wrong,
                is_store,
            } => (
                Layer::Workload,
                PASS,
                u16::from(is_store),
                0,
                [right, told, wrong],
            ),
        };
        Self {
            layer,
            code,
            small,
            word,
            args,
        }
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
                Self::StepEnd {
                    step: step()?,
                    result,
                    count: a,
                }
            }
            (Layer::Program, SWAP_FILE_EXTENT) => Self::SwapFileExtent {
                start_page: a,
                pages: b,
                start_block: c,
            },
            (Layer::Workload, PAGE_WRONG) => {
                let content = match record.word {
                    ZEROS => PageContent::Zeros,
                    STALE => PageContent::Stale { generation: c },
                    FOREIGN => PageContent::Foreign { page: c },
                    GARBAGE => PageContent::Garbage,
                    _ => return None,
                };
                Self::PageWrong {
                    page: a,
                    generation: b,
                    content,
                }
            }
            (Layer::Workload, PAGE_TOLD) => Self::PageTold {
                page: a,
                generation: b,
                is_store: record.small != 0,
            },
            (Layer::Workload, PASS) => Self::Pass {
                right: a,
                told: b,
                wrong: c,
                is_store: record.small != 0,
            },
            _ => return None,
        })
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = |is_store| if is_store { "store" } else { "load" };
        match *self {
            Self::StepBegin { step } => write!(f, "step      {} ...", step.text()),
            Self::StepEnd {
                step,
                result: Ok(()),
                count,
            } => {
                write!(f, "step      {}: ok ({count})", step.text())
            }
            Self::StepEnd {
                step,
                result: Err(errno),
                count,
            } => {
                write!(f, "step      {}: {errno} ({count})", step.text())
            }
            Self::SwapFileExtent {
                start_page,
                pages,
                start_block,
            } => {
                write!(
                    f,
                    "swapfile  pages {start_page}+{pages} at block {start_block}"
                )
            }
            Self::PageWrong {
                page,
                generation,
                content,
            } => {
                write!(
                    f,
                    "wrong     page {page}: {content:?} instead of generation {generation}"
                )
            }
            Self::PageTold {
                page,
                generation,
                is_store,
            } => {
                write!(
                    f,
                    "sigbus    page {page}: {} of generation {generation}",
                    verb(is_store)
                )
            }
            Self::Pass {
                right,
                told,
                wrong,
                is_store,
            } => {
                write!(
                    f,
                    "pass      {}: {right} right, {told} told, {wrong} wrong",
                    verb(is_store)
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_survives_the_round_trip() {
        let mut events = alloc::vec![
            Event::SwapFileExtent {
                start_page: 1,
                pages: 2,
                start_block: 3
            },
            Event::PageTold {
                page: 4,
                generation: 5,
                is_store: true
            },
            Event::Pass {
                right: 6,
                told: 7,
                wrong: 8,
                is_store: false
            },
        ];
        for content in [
            PageContent::Zeros,
            PageContent::Stale { generation: 9 },
            PageContent::Foreign { page: 10 },
            PageContent::Garbage,
        ] {
            events.push(Event::PageWrong {
                page: 1,
                generation: 2,
                content,
            });
        }
        for step in Step::ALL {
            events.push(Event::StepBegin { step: *step });
            events.push(Event::StepEnd {
                step: *step,
                result: Ok(()),
                count: 1,
            });
            events.push(Event::StepEnd {
                step: *step,
                result: Err(Errno::EBUSY),
                count: 0,
            });
        }
        for event in events {
            assert_eq!(Event::decode(&event.into()), Some(event));
        }
    }
}
