//! What a program says about what it did and saw.

mod step;
mod wire;

use core::fmt;

use iomap::{Errno, SwapExtent};

pub use step::Step;

use crate::pattern::PageContent;

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
    /// A write had left the filesystem when something was done in its middle ([`crate::spec::Trip`]): it goes to the
    /// device whatever that was.
    WriteUnderWay {
        /// First block on the device.
        block: u64,
        /// Blocks.
        blocks: u64,
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

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = |is_store| if is_store { "store" } else { "load" };
        match *self {
            Self::StepBegin { step } => write!(f, "step      {} ...", step.text()),
            Self::StepEnd { step, result: Ok(()), count } => {
                write!(f, "step      {}: ok ({count})", step.text())
            }
            Self::StepEnd { step, result: Err(errno), count } => {
                write!(f, "step      {}: {errno} ({count})", step.text())
            }
            Self::SwapFileExtent { start_page, pages, start_block } => {
                write!(f, "swapfile  pages {start_page}+{pages} at block {start_block}")
            }
            Self::WriteUnderWay { block, blocks } => {
                write!(f, "trip      in the middle of the write of blocks {block}+{blocks}")
            }
            Self::PageWrong { page, generation, content } => {
                write!(f, "wrong     page {page}: {content:?} instead of generation {generation}")
            }
            Self::PageTold { page, generation, is_store } => {
                write!(f, "sigbus    page {page}: {} of generation {generation}", verb(is_store))
            }
            Self::Pass { right, told, wrong, is_store } => {
                write!(f, "pass      {}: {right} right, {told} told, {wrong} wrong", verb(is_store))
            }
        }
    }
}
