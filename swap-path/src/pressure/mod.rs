//! Memory that several tasks want at once: free pages with watermarks, background and direct reclaim, swap-outs
//! whose completion runs elsewhere, and the kernel threads that all this needs.
//!
//! ```text
//! task: store -> fault -> get a page -> too few free? -> kswapd is woken      (low)
//!                                                     -> direct reclaim       (min)
//! reclaim -> victims -> request of the pool -> path.submit | path.complete <- interrupt's wake or a worker
//! ```
//!
//! Here the waits of Linux can close into circles, because everything that waits there waits here: for free
//! pages, for a request of the pool, for the writeback of a page, for a lock of the filesystem, for a thread.
//! What an allocation may do is handed down ([`tasks::Gfp`]); who reclaims uses the reserve and does not reclaim
//! again.
//!
//! What this module does not do: it has one area, one address space and no cluster reads. With [`crate::Mm`], the
//! address space of a single task, it shares slots, watermarks and paths. The threads of the kernel are tasks, and what their making
//! costs is taken from the free pages; their real stacks are the engine's.
//!
//! Invariant: nothing is borrowed while a task waits.

mod access;
mod daemons;
mod obtain;
mod pages;
mod reclaim;
mod swapoff;
mod threads;
mod writeout;
mod zone;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::fmt;

use block::BlockDevice;
use hal::{Tracer, UserMemory};
use iomap::Request;
use tasks::{Gfp, LockClass, Memory, Resource, ResourceKind, SleepLock, TaskHandle, TaskId, Tasks};

use crate::events::Event;
use crate::path::{PathKind, SplitIo, SwapIo};
use crate::{AreaId, Bugs, MmKnobs, SwapArea, SwapEntry};
use daemons::Queue;
use pages::Pages;
use threads::ThreadRequest;
use zone::Zone;

/// Bios of one request.
const BIOS: usize = 8;

/// How much memory there is, and who is there from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskMmConfig {
    /// Pages of memory.
    pub frames: usize,
    /// Pages that reclaim writes with one I/O.
    pub cluster_pages: usize,
    /// Requests of the swap I/O pool (Linux `SWAP_CLUSTER_MAX` of `sio_pool`).
    pub requests: usize,
    /// The workqueue of direct-I/O completions is made at the mount, not by the first write (Linux:
    /// `sb_init_dio_done_wq`).
    pub has_workqueue_from_start: bool,
    /// Each so manieth submission finds no memory; 0: none does.
    pub enomem_every: u32,
    /// Deviations of the memory. One has nothing to change here: there are no cluster reads that could be lost whole.
    pub knobs: MmKnobs,
    /// Planted bugs.
    pub bugs: Bugs,
}

impl TaskMmConfig {
    /// Linux's pool and habits for so many pages of memory.
    #[must_use]
    pub const fn new(frames: usize) -> Self {
        Self {
            frames,
            cluster_pages: 8,
            requests: 32,
            has_workqueue_from_start: false,
            enomem_every: 0,
            knobs: MmKnobs::DESIGN,
            bugs: Bugs::NONE,
        }
    }
}

/// Why there is no such memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskMmError {
    /// The device has not so many pages.
    OutOfMemory,
    /// The path cannot submit here and complete there.
    NotSplit(PathKind),
    /// There are too few stacks for the kernel's threads.
    NoStack,
}

/// Memory under pressure, with one swap area behind it.
pub struct TaskMm<U: UserMemory, D: BlockDevice> {
    tasks: Rc<Tasks>,
    user: Rc<U>,
    tracer: Tracer,
    config: TaskMmConfig,
    area: AreaId,
    io: Box<dyn SwapIo<D::Page>>,
    zone: RefCell<Zone<D::Page>>,
    pages: RefCell<Pages<D::Page>>,
    /// Requests that nobody uses (Linux `sio_pool`).
    requests: RefCell<Vec<Request<D::Page>>>,
    /// Writes whose end needs no more than the interrupt's wake.
    softirq: Queue<D::Page>,
    /// Writes whose end is the work of a worker.
    work: Queue<D::Page>,
    /// Who has such a write in hand.
    in_hand: RefCell<Vec<TaskId>>,
    workqueue: SleepLock,
    has_workqueue: Cell<bool>,
    threads: RefCell<VecDeque<ThreadRequest>>,
    thread_pages: RefCell<Vec<D::Page>>,
    thread_maker: Cell<Option<TaskId>>,
    kswapd: Cell<Option<TaskId>>,
    softirqd: Cell<Option<TaskId>>,
    first_worker: Cell<Option<TaskId>>,
    is_kswapd_awake: Cell<bool>,
    submissions: Cell<u32>,
    out_of_memory: Cell<u32>,
}

impl<U: UserMemory + 'static, D: BlockDevice + 'static> TaskMm<U, D> {
    /// Takes `config.frames` pages of `device`, puts `area` behind them, and makes the kernel's threads.
    ///
    /// # Errors
    /// [`TaskMmError`].
    pub fn new(
        config: TaskMmConfig,
        tasks: Rc<Tasks>,
        user: Rc<U>,
        device: &Rc<D>,
        mut area: SwapArea<D::Page>,
    ) -> Result<Rc<Self>, TaskMmError> {
        let (path, slots) = (area.path(), area.size_pages());
        if config.knobs.has_slot_checksums {
            area.keep_checksums();
        }
        let (slots_of_area, checksums, io) = area.into_parts();
        let is_split = io.split().is_some();
        let frames: Result<Vec<_>, _> = (0..config.frames).map(|_| device.alloc_page()).collect();
        let zone = Zone::new(frames.map_err(|_| TaskMmError::OutOfMemory)?);
        let tracer = device.tracer().clone();
        let area = AreaId(1);
        tracer.emit(Event::SwapOn { area, path, pages: slots });
        let request = |_| Request::new(BIOS, config.cluster_pages);
        let lock = Resource::only(ResourceKind::WorkqueueLock);
        let pressure = Rc::new(Self {
            pages: RefCell::new(Pages::new(user.size_pages(), slots_of_area, checksums)),
            requests: RefCell::new((0..config.requests).map(request).collect()),
            softirq: RefCell::default(),
            work: RefCell::default(),
            in_hand: RefCell::default(),
            workqueue: SleepLock::new(lock, LockClass::Workqueue),
            has_workqueue: Cell::new(config.has_workqueue_from_start),
            threads: RefCell::default(),
            thread_pages: RefCell::default(),
            thread_maker: Cell::new(None),
            kswapd: Cell::new(None),
            softirqd: Cell::new(None),
            first_worker: Cell::new(None),
            is_kswapd_awake: Cell::new(false),
            submissions: Cell::new(0),
            out_of_memory: Cell::new(0),
            zone: RefCell::new(zone),
            tasks,
            user,
            tracer,
            config,
            area,
            io,
        });
        if !is_split {
            return Err(TaskMmError::NotSplit(path));
        }
        pressure.spawn_daemons().map_err(|_| TaskMmError::NoStack)?;
        Ok(pressure)
    }

    /// This memory as the kernel's: who asks [`tasks::TaskHandle::alloc`] is answered from it.
    #[must_use]
    pub fn as_memory(self: &Rc<Self>) -> Rc<dyn Memory> {
        Rc::clone(self) as _
    }
}

impl<U: UserMemory, D: BlockDevice> TaskMm<U, D> {
    /// Accesses that found no memory.
    #[must_use]
    pub fn out_of_memory(&self) -> u32 {
        self.out_of_memory.get()
    }

    /// Sends every page on its way to swap, without waiting for it (Linux `MADV_PAGEOUT`).
    pub fn page_out(&self) {
        let mut rounds = self.pages.borrow().size();
        while rounds > 0 && !self.pages.borrow().lru.is_empty() {
            self.reclaim(Gfp::KERNEL);
            rounds -= 1;
        }
    }

    /// Waits until no page is on its way to swap.
    pub fn wait_for_writeback(&self) {
        while self.pages.borrow().in_writeback > 0 {
            self.throttle();
        }
    }

    /// Free pages.
    #[must_use]
    pub fn free_pages(&self) -> usize {
        self.zone.borrow().free_pages()
    }

    fn path(&self) -> PathKind {
        self.io.kind()
    }

    fn split(&self) -> &dyn SplitIo<D::Page> {
        self.io.split().expect("was asked when the memory was made")
    }

    const fn entry(&self, slot: u32) -> SwapEntry {
        SwapEntry { area: self.area, slot }
    }

    fn handle(&self) -> TaskHandle {
        TaskHandle::new(Rc::clone(&self.tasks))
    }
}

/// The write, or the read, of a page.
const fn transfer_of(index: usize) -> Resource {
    Resource::new(ResourceKind::Writeback, index as u64)
}

const FREE_PAGES: Resource = Resource::only(ResourceKind::Memory);
const REQUEST: Resource = Resource::only(ResourceKind::SwapIo);

impl<U: UserMemory, D: BlockDevice> fmt::Debug for TaskMm<U, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskMm").field("config", &self.config).finish_non_exhaustive()
    }
}
