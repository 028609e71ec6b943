//! The workload: processes that write patterns over their memory and read them back.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use block::BlockDevice;
use hal::{PAGE_BYTES, Tracer, UserAddr, UserMemory, UserPage};
use swap_path::Mm;

use crate::events::Event;
use crate::pattern::{PageContent, Pattern};
use crate::touch::{AREA_PAGES, Touches};

/// What a page must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    /// Nothing was stored: zeros.
    Zeros,
    /// A pattern. After a fork it is the parent's until it is written over.
    Written { owner: u16, page: u64, generation: u64 },
}

/// What an access came to.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    right: u64,
    told: u64,
    wrong: u64,
}

/// Knows, page by page, what was last stored successfully.
#[derive(Debug)]
pub(crate) struct Workload {
    seed: u64,
    contents: Vec<Content>,
    /// The first page of the second process; all pages are the first one's before a fork.
    child: u64,
    tracer: Tracer,
    buffer: Box<[u8; PAGE_BYTES]>,
}

impl Workload {
    /// A workload over `pages` pages; none has been written.
    pub(crate) fn new(pages: u64, seed: u64, tracer: Tracer) -> Self {
        let contents = vec![Content::Zeros; usize::try_from(pages).unwrap_or(usize::MAX)];
        Self { seed, contents, child: u64::MAX, tracer, buffer: Box::new([0; PAGE_BYTES]) }
    }

    fn pages(&self) -> u64 {
        self.contents.len() as u64
    }

    /// Stores `generation` into every page, in order. A page whose store is refused keeps its old
    /// generation: that is what must be read back, if anything.
    pub(crate) fn write_all<D, U>(&mut self, mm: &mut Mm<U, D>, generation: u64) -> u64
    where
        D: BlockDevice,
        U: UserMemory,
    {
        let mut counts = Counts::default();
        (0..self.pages()).for_each(|page| self.store(mm, page, generation, &mut counts));
        self.pass(counts, true)
    }

    /// Loads every page, in order, and compares it with what was last stored.
    pub(crate) fn verify_all<D, U>(&mut self, mm: &mut Mm<U, D>) -> u64
    where
        D: BlockDevice,
        U: UserMemory,
    {
        let mut counts = Counts::default();
        (0..self.pages()).for_each(|page| self.load(mm, page, &mut counts));
        self.pass(counts, false)
    }

    /// Stores zeros into every page.
    pub(crate) fn zero_all<D, U>(&mut self, mm: &mut Mm<U, D>) -> u64
    where
        D: BlockDevice,
        U: UserMemory,
    {
        let mut counts = Counts::default();
        for page in 0..self.pages() {
            self.buffer.fill(0);
            let stored = mm.store(address_of(page), &self.buffer[..]).is_ok();
            self.stored(page, stored, Content::Zeros, 0, &mut counts);
        }
        self.pass(counts, true)
    }

    /// The first half of the pages is a process, which is copied over the second half.
    pub(crate) fn fork<D, U>(&mut self, mm: &mut Mm<U, D>) -> Result<u64, iomap::Errno>
    where
        D: BlockDevice,
        U: UserMemory,
    {
        let half = self.pages() / 2;
        for page in half..2 * half {
            mm.discard(UserPage(page));
            self.set(page, Content::Zeros);
        }
        mm.fork(UserPage(0), UserPage(half), half).map_err(|error| error.errno())?;
        let half_index = self.contents.len() / 2;
        self.contents.copy_within(..half_index, half_index);
        self.child = half;
        Ok(half)
    }

    /// The accesses of a word, each store with a generation of its own; `between` is called before each.
    pub(crate) fn touch<D, U>(
        &mut self,
        mm: &mut Mm<U, D>,
        mut touches: Touches,
        mut between: impl FnMut(u64),
    ) -> u64
    where
        D: BlockDevice,
        U: UserMemory,
    {
        let (mut stores, mut loads) = (Counts::default(), Counts::default());
        for nth in 0..touches.count() {
            between(nth);
            let access = touches.next();
            if access.is_store {
                self.store(mm, access.page, FIRST_TOUCH + nth, &mut stores);
            } else {
                self.load(mm, access.page, &mut loads);
            }
            if access.is_last {
                let start = access.page / AREA_PAGES * AREA_PAGES;
                for page in start..(start + AREA_PAGES).min(self.pages()) {
                    mm.discard(UserPage(page));
                    self.set(page, Content::Zeros);
                }
            }
        }
        self.pass(stores, true) + self.pass(loads, false)
    }

    fn pass(&self, counts: Counts, is_store: bool) -> u64 {
        let Counts { right, told, wrong } = counts;
        self.tracer.emit(Event::Pass { right, told, wrong, is_store });
        right
    }

    fn set(&mut self, page: u64, content: Content) {
        let index = usize::try_from(page).unwrap_or(usize::MAX);
        self.contents.get_mut(index).into_iter().for_each(|known| *known = content);
    }

    fn store<D, U>(&mut self, mm: &mut Mm<U, D>, page: u64, generation: u64, counts: &mut Counts)
    where
        D: BlockDevice,
        U: UserMemory,
    {
        let owner = u16::from(page >= self.child);
        Pattern { seed: self.seed, owner, page, generation }.fill(&mut self.buffer);
        let is_stored = mm.store(address_of(page), &self.buffer[..]).is_ok();
        let content = Content::Written { owner, page, generation };
        self.stored(page, is_stored, content, generation, counts);
    }

    fn stored(
        &mut self,
        page: u64,
        is_stored: bool,
        content: Content,
        generation: u64,
        counts: &mut Counts,
    ) {
        if is_stored {
            self.set(page, content);
            counts.right += 1;
        } else {
            counts.told += 1;
            self.tracer.emit(Event::PageTold { page, generation, is_store: true });
        }
    }

    fn load<D, U>(&mut self, mm: &mut Mm<U, D>, page: u64, counts: &mut Counts)
    where
        D: BlockDevice,
        U: UserMemory,
    {
        let index = usize::try_from(page).unwrap_or(usize::MAX);
        let content = self.contents.get(index).copied().unwrap_or(Content::Zeros);
        let generation = match content {
            Content::Zeros => 0,
            Content::Written { generation, .. } => generation,
        };
        if mm.load(address_of(page), &mut self.buffer[..]).is_err() {
            counts.told += 1;
            self.tracer.emit(Event::PageTold { page, generation, is_store: false });
            return;
        }
        match self.check(page, content) {
            PageContent::Expected => counts.right += 1,
            content => {
                counts.wrong += 1;
                self.tracer.emit(Event::PageWrong { page, generation, content });
            }
        }
    }

    /// What is in the buffer, compared with what must be.
    fn check(&self, page: u64, content: Content) -> PageContent {
        let expected = match content {
            Content::Zeros => Pattern { seed: self.seed, owner: 0, page, generation: 0 },
            Content::Written { owner, page, generation } => {
                Pattern { seed: self.seed, owner, page, generation }
            }
        };
        match expected.check(&self.buffer) {
            PageContent::Zeros if content == Content::Zeros => PageContent::Expected,
            // Nothing is ever written with generation 0.
            PageContent::Expected if content == Content::Zeros => PageContent::Garbage,
            found => found,
        }
    }
}

/// The generation of the first touch: those before are passes over all pages.
const FIRST_TOUCH: u64 = 16;

fn address_of(page: u64) -> UserAddr {
    UserAddr(page * PAGE_BYTES as u64)
}
