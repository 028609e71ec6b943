//! The tasks of a pressure scenario: hogs that want more memory than there is, the program whose text is swapped
//! out meanwhile, and somebody who reads the swap file and needs memory.

use alloc::boxed::Box;
use alloc::format;
use alloc::rc::Rc;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::Cell;
use core::time::Duration;

use block::BlockDevice;
use guest_fs::{FileSystem, Ino};
use hal::{PAGE_BYTES, UserAddr, UserMemory};
use iomap::{Context, Errno, SwapHost};
use swap_path::TaskMm;
use tasks::events::Event as TaskEvent;
use tasks::{Gfp, Resource, ResourceKind, TaskHandle, TaskId, Tasks};

use crate::beside_swapoff::Swapoff;
use crate::events::Event;
use crate::pattern::{PageContent, Pattern};

/// Pages of the program's text, at the beginning of the address space; its stack is the page behind them.
const TEXT_PAGES: u64 = 4;

/// Pages of the program.
pub(crate) const PROGRAM_PAGES: u64 = TEXT_PAGES + 1;

/// An instruction of the program; the page's number is added.
const INSTRUCTION: u64 = 0x0f1f_8400_0000_0000;

/// Pages that a reader of the swap file reads at once.
pub(crate) const READER_PAGES: usize = 8;

/// Bytes that it needs for that.
const READER_BYTES: usize = READER_PAGES * PAGE_BYTES;

/// After so many of its instructions the program evicts everything, while the hogs sleep.
const PAGE_OUT_STEP: u64 = 6;

/// Naps of a hog between two passes, if everything is evicted meanwhile: longer than the program needs for that.
const HOG_NAPS: u64 = 30;

/// After so many of its instructions the program thaws what it has frozen.
const THAW_STEP: u64 = 12;

/// The first sleep of who sleeps most of the time.
const NAP: Duration = Duration::from_micros(100);

const TIME: Resource = Resource::only(ResourceKind::Time);

/// What the tasks know of each other.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    /// Hogs that are not through.
    pub(crate) hogs_left: Cell<u32>,
    /// The program died, and the machine with it (Linux: "Attempted to kill init!").
    is_dead: Cell<bool>,
    /// Pages that held what they should when they were looked at last.
    pub(crate) right: Cell<u64>,
    /// How far a swapoff beside the hogs is.
    pub(crate) swapoff: Cell<Swapoff>,
    /// Why it was refused.
    pub(crate) refused: Cell<Option<Errno>>,
    /// Hogs that have filled their pages once.
    pub(crate) filled: Cell<u32>,
}

impl Crowd {
    fn is_over(&self) -> bool {
        self.is_dead.get() || self.hogs_left.get() == 0
    }
}

/// What every task of the scenario has.
pub(crate) struct Member<U: UserMemory, D: BlockDevice> {
    pub(crate) pressure: Rc<TaskMm<U, D>>,
    pub(crate) tasks: Rc<Tasks>,
    pub(crate) crowd: Rc<Crowd>,
    /// The program evicts everything once.
    pub(crate) is_paged_out: bool,
}

impl<U: UserMemory, D: BlockDevice> Clone for Member<U, D> {
    fn clone(&self) -> Self {
        let (pressure, tasks) = (Rc::clone(&self.pressure), Rc::clone(&self.tasks));
        let (crowd, is_paged_out) = (Rc::clone(&self.crowd), self.is_paged_out);
        Self { pressure, tasks, crowd, is_paged_out }
    }
}

impl<U: UserMemory, D: BlockDevice> Member<U, D> {
    /// Sleeps, longer from step to step: often at first, seldom when nothing happens for seconds.
    pub(crate) fn sleep(&self, step: u64) {
        let deadline =
            self.tasks.now() + NAP.saturating_mul(u32::try_from(step).unwrap_or(u32::MAX));
        while self.tasks.now() < deadline {
            if self.tasks.wait(TIME, deadline).is_err() {
                return;
            }
        }
    }

    /// Fills and checks `pages` pages from `first` on, twice, as the Linux experiment did.
    pub(crate) fn hog(&self, seed: u64, first: u64, pages: u64) {
        let mut hog = Hog::new(self, seed, first, pages);
        let mut right = 0;
        for generation in [1, 2] {
            if hog.fill(generation).is_none() {
                break;
            }
            if self.is_paged_out {
                self.sleep(HOG_NAPS);
            }
            let Some(checked) = hog.check() else { break };
            right = checked;
        }
        self.crowd.right.set(self.crowd.right.get() + right);
        self.crowd.hogs_left.set(self.crowd.hogs_left.get() - 1);
    }

    /// A program that sleeps most of the time: its text is the coldest memory there is.
    ///
    /// With a filesystem it freezes that, and thaws it after a while: no program, no thaw.
    pub(crate) fn program(&self, frozen: Option<&FileSystem<D>>) {
        for page in 0..TEXT_PAGES {
            let word = (INSTRUCTION | page).to_le_bytes();
            let text: Vec<u8> = word.into_iter().cycle().take(PAGE_BYTES).collect();
            if self.pressure.store(address_of(page), &text).is_err() {
                return self.tell(page, 0, true);
            }
        }
        if frozen.is_some_and(|fs| fs.freeze().is_err()) {
            return;
        }
        for step in 1.. {
            self.sleep(step);
            if step == PAGE_OUT_STEP && self.is_paged_out {
                self.pressure.page_out();
            }
            if let (THAW_STEP, Some(fs)) = (step, frozen)
                && fs.thaw().is_err()
            {
                return;
            }
            let is_needed = frozen.is_some() && step < THAW_STEP;
            if self.crowd.is_over() && !is_needed {
                return;
            }
            let page = step % TEXT_PAGES;
            let mut word = [0; 8];
            if self.pressure.load(address_of(page), &mut word).is_err() {
                // It handles SIGBUS, and tries again.
                self.tell(page, 0, false);
                continue;
            }
            let word = u64::from_le_bytes(word);
            if word != INSTRUCTION | page {
                return self.die(page, word);
            }
            // The instruction: a push.
            if self.pressure.store(address_of(TEXT_PAGES), &step.to_le_bytes()).is_err() {
                self.tell(TEXT_PAGES, step, true);
            }
        }
    }

    fn die(&self, page: u64, word: u64) {
        let task = self.tasks.current().unwrap_or(TaskId(0));
        self.tasks.tracer().emit(TaskEvent::ProgramDied { task, page, word });
        self.crowd.is_dead.set(true);
    }

    /// Makes files and brings them to media. Each takes memory inside a transaction that holds buffers, and room in the
    /// log that somebody may have to make first.
    pub(crate) fn clerk(&self, fs: &FileSystem<D>) {
        for step in 1.. {
            self.sleep(step);
            if self.crowd.is_over() {
                return;
            }
            let made = fs.create(format!("clerk-{step}")).and_then(|ino| fs.fsync(ino));
            if made.is_err() {
                return;
            }
        }
    }

    /// Reads the swap file as read(2) does, again and again, by `read`.
    pub(crate) fn reader(&self, read: impl Fn()) {
        for step in 1.. {
            self.sleep(step);
            if self.crowd.is_over() {
                return;
            }
            read();
        }
    }
}

/// Takes memory while the inode's I/O lock is held.
pub(crate) fn allocate_locked<D: BlockDevice>(tasks: &Rc<Tasks>, fs: &FileSystem<D>, ino: Ino) {
    if fs.lock_io(ino, Context::User).is_err() {
        return;
    }
    with_memory(tasks, || {});
    fs.unlock_io(ino, Context::User);
}

/// Does `action` with a reader's memory, if there is any.
pub(crate) fn with_memory(tasks: &Rc<Tasks>, action: impl FnOnce()) {
    let handle = TaskHandle::new(Rc::clone(tasks));
    if handle.alloc(READER_BYTES, Gfp::KERNEL).is_ok() {
        action();
        handle.free(READER_BYTES);
    }
}

/// A task with pages of its own.
pub(crate) struct Hog<'a, U: UserMemory, D: BlockDevice> {
    member: &'a Member<U, D>,
    seed: u64,
    first: u64,
    generations: Vec<u64>,
}

impl<'a, U: UserMemory, D: BlockDevice> Hog<'a, U, D> {
    /// A hog of `pages` pages from `first` on, which hold nothing yet.
    pub(crate) fn new(member: &'a Member<U, D>, seed: u64, first: u64, pages: u64) -> Self {
        let size = usize::try_from(pages).unwrap_or(usize::MAX);
        Self { member, seed, first, generations: vec![0; size] }
    }

    /// Writes a generation over all pages. `None`: it was killed.
    pub(crate) fn fill(&mut self, generation: u64) -> Option<()> {
        let (mut right, mut told) = (0, 0);
        let mut buffer = Box::new([0; PAGE_BYTES]);
        for (page, current) in (self.first..).zip(&mut self.generations) {
            Pattern { seed: self.seed, owner: 0, page, generation }.fill(&mut buffer);
            if self.member.pressure.store(address_of(page), &buffer[..]).is_ok() {
                *current = generation;
                right += 1;
                self.member.tasks.progress();
            } else {
                told += 1;
                self.member.tell(page, generation, true);
            }
            self.member.goes_on()?;
        }
        self.member.emit(Event::Pass { right, told, wrong: 0, is_store: true });
        Some(())
    }

    /// Reads all pages; returns how many hold what they should. `None`: it was killed.
    pub(crate) fn check(&self) -> Option<u64> {
        let (mut right, mut told, mut wrong) = (0, 0, 0);
        let mut buffer = Box::new([0; PAGE_BYTES]);
        for (page, &generation) in (self.first..).zip(&self.generations) {
            if self.member.pressure.load(address_of(page), &mut buffer[..]).is_err() {
                told += 1;
                self.member.tell(page, generation, false);
            } else {
                self.member.tasks.progress();
                match (Pattern { seed: self.seed, owner: 0, page, generation }).check(&buffer) {
                    PageContent::Expected => right += 1,
                    content => {
                        wrong += 1;
                        self.member.emit(Event::PageWrong { page, generation, content });
                    }
                }
            }
            self.member.goes_on()?;
        }
        self.member.emit(Event::Pass { right, told, wrong, is_store: false });
        Some(right)
    }
}

impl<U: UserMemory, D: BlockDevice> Member<U, D> {
    fn emit(&self, event: Event) {
        self.tasks.tracer().emit(event);
    }

    fn tell(&self, page: u64, generation: u64, is_store: bool) {
        self.emit(Event::PageTold { page, generation, is_store });
    }

    /// Lets others run. `None`: the machine is dead, or this task was chosen to be killed for its memory.
    fn goes_on(&self) -> Option<()> {
        self.tasks.yield_now();
        (!self.crowd.is_dead.get() && self.pressure.out_of_memory() == 0).then_some(())
    }
}

fn address_of(page: u64) -> UserAddr {
    UserAddr(page * PAGE_BYTES as u64)
}
