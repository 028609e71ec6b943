//! Stacks of tasks, with guards, and the way from one to another: this engine's [`tasks::Switch`].
//!
//! Each task has a stack and a fault stack: a page fault in the middle of its access may wait, and another
//! task's fault then needs a stack of its own. Both lie in the window of stacks, between unmapped pages.
// UNSAFETY: writes page tables, names stacks, and finds the way back out of a task through a pointer.
#![expect(unsafe_code, reason = "stacks and page tables")]

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::fmt;
use core::num::NonZeroUsize;
use core::ptr::NonNull;

use corosensei::stack::{Stack, StackPointer};
use corosensei::{Coroutine, CoroutineResult, Yielder};
use hal::PAGE_BYTES;
use tasks::{NoStack, Ran, Switch, TaskId};

use super::window::{Active, replace_active};
use crate::hal::memory::alloc_own_frames;

/// Where the stacks of tasks begin: behind the first table of the window of stacks (`stack_pd` in boot.s).
const BASE: u64 = 0x80_0020_0000;
/// Page-table entries for them: four tables.
const ENTRIES: usize = 4 * 512;
/// Pages of a stack, as many as the main stack and its fault stack have.
const STACK_PAGES: usize = 32;
/// Pages of a place: guard, fault stack, guard, stack.
const PLACE_PAGES: usize = 2 * (STACK_PAGES + 1);
/// Tasks that there is room for.
const PLACES: usize = ENTRIES / PLACE_PAGES;

const PRESENT_WRITABLE_USER: u64 = 0x7;
const ACCESSED_DIRTY: u64 = 0x60;
const FRAME_MASK: u64 = 0x000f_ffff_ffff_f000;

unsafe extern "C" {
    static mut task_pt: [u64; ENTRIES];
    static mut page_fault_frame: [u64; 5];
}

/// The word of the frame that is the stack pointer.
const FRAME_RSP: usize = 3;

/// Whether an address belongs to the window of task stacks, mapped or not.
pub(super) fn is_in_window(address: u64) -> bool {
    (BASE..BASE + (ENTRIES * PAGE_BYTES) as u64).contains(&address)
}

/// Where a device finds an object on a task's stack.
pub(super) fn physical_address(address: u64) -> Option<u64> {
    if !is_in_window(address) {
        return None;
    }
    let offset = address - BASE;
    let frame = read_entry(offset as usize / PAGE_BYTES) & FRAME_MASK;
    Some(frame + offset % PAGE_BYTES as u64)
}

fn entry(index: usize) -> *mut u64 {
    assert!(index < ENTRIES, "entry {index} of the task stacks");
    let table = (&raw mut task_pt).cast::<u64>();
    // SAFETY: inside of the tables, as was checked.
    unsafe { table.add(index) }
}

fn read_entry(index: usize) -> u64 {
    // SAFETY: the tables are static and written by one processor.
    unsafe { entry(index).read_volatile() }
}

fn map(index: usize, frame: u64) {
    let value = frame | PRESENT_WRITABLE_USER | ACCESSED_DIRTY;
    // SAFETY: the entry was absent, so the processor holds nothing of it, and the frame is the task's.
    unsafe { entry(index).write_volatile(value) }
}

/// Names the stack on which the next page fault is handled.
fn set_fault_stack(top: u64) -> u64 {
    let frame = (&raw mut page_fault_frame).cast::<u64>();
    // SAFETY: the fourth of five words.
    let place = unsafe { frame.add(FRAME_RSP) };
    // SAFETY: a fault reads the word, and there is none while this code runs.
    let before = unsafe { place.read_volatile() };
    // SAFETY: as above; the new stack is mapped.
    unsafe { place.write_volatile(top) };
    before
}

/// A place in the window with both stacks mapped. Lent for ever; used by one task after another.
#[derive(Clone, Copy, Debug)]
struct Place(usize);

impl Place {
    /// Maps a place that was never used.
    fn new(number: usize) -> Result<Self, NoStack> {
        if number >= PLACES {
            return Err(NoStack);
        }
        let place = Self(number);
        for first in [place.fault_first(), place.main_first()] {
            let frames = alloc_own_frames(STACK_PAGES).ok_or(NoStack)?;
            for page in 0..STACK_PAGES {
                map(first + page, frames + (page * PAGE_BYTES) as u64);
            }
        }
        Ok(place)
    }

    /// The first page of the fault stack, behind its guard.
    const fn fault_first(self) -> usize {
        self.0 * PLACE_PAGES + 1
    }

    /// The first page of the stack, behind its guard.
    const fn main_first(self) -> usize {
        self.fault_first() + STACK_PAGES + 1
    }

    const fn fault_top(self) -> u64 {
        BASE + ((self.fault_first() + STACK_PAGES) * PAGE_BYTES) as u64
    }
}

fn pointer(page: usize) -> StackPointer {
    NonZeroUsize::new(BASE as usize + page * PAGE_BYTES).expect("the window is not at zero")
}

// SAFETY: the pages between limit and base are mapped, writable, and used by this task alone; the guard below
// the limit is not mapped; both ends are page-aligned.
unsafe impl Stack for Place {
    fn base(&self) -> StackPointer {
        pointer(self.main_first() + STACK_PAGES)
    }

    fn limit(&self) -> StackPointer {
        pointer(self.main_first())
    }
}

/// What leads out of a task; set when it starts.
type WayBack = Rc<Cell<Option<NonNull<Yielder<(), ()>>>>>;

struct Task {
    /// `None` while it runs and after its end.
    coroutine: Option<Coroutine<(), (), (), Place>>,
    place: Place,
    way_back: WayBack,
    /// The access of the workload that it has under way.
    active: Active,
}

/// The stacks of tasks.
#[derive(Default)]
pub(crate) struct KernelStacks {
    tasks: RefCell<Vec<Task>>,
    /// Places that were used and are free.
    free: RefCell<Vec<Place>>,
    places: Cell<usize>,
    running: RefCell<Option<WayBack>>,
}

impl KernelStacks {
    fn place(&self) -> Result<Place, NoStack> {
        if let Some(place) = self.free.borrow_mut().pop() {
            return Ok(place);
        }
        let place = Place::new(self.places.get())?;
        self.places.set(self.places.get() + 1);
        Ok(place)
    }
}

impl Switch for KernelStacks {
    fn spawn(&self, task: TaskId, body: Box<dyn FnOnce()>) -> Result<(), NoStack> {
        let place = self.place()?;
        let way_back = WayBack::default();
        let own = Rc::clone(&way_back);
        let coroutine = Coroutine::with_stack(place, move |yielder: &Yielder<(), ()>, ()| {
            own.set(Some(NonNull::from(yielder)));
            body();
        });
        let tasks = &mut *self.tasks.borrow_mut();
        assert_eq!(tasks.len(), usize::from(task.0), "tasks are numbered in order");
        let coroutine = Some(coroutine);
        tasks.push(Task { coroutine, place, way_back, active: Active::None });
        Ok(())
    }

    fn resume(&self, task: TaskId) -> Ran {
        let index = usize::from(task.0);
        let (coroutine, place, way_back, active) = {
            let known = &mut self.tasks.borrow_mut()[index];
            let active = core::mem::take(&mut known.active);
            (known.coroutine.take(), known.place, Rc::clone(&known.way_back), active)
        };
        let mut coroutine = coroutine.expect("a task that is resumed is suspended");
        let fault_top = set_fault_stack(place.fault_top());
        let outer = replace_active(active);
        let before = self.running.replace(Some(way_back));
        let result = coroutine.resume(());
        self.running.replace(before);
        let active = replace_active(outer);
        set_fault_stack(fault_top);
        let known = &mut self.tasks.borrow_mut()[index];
        known.active = active;
        match result {
            CoroutineResult::Yield(()) => {
                known.coroutine = Some(coroutine);
                Ran::Suspended
            }
            CoroutineResult::Return(()) => {
                self.free.borrow_mut().push(place);
                Ran::Ended
            }
        }
    }

    fn suspend(&self) {
        let way_back = self.running.borrow().as_ref().and_then(|way_back| way_back.get());
        let way_back = way_back.expect("a task suspends itself, nobody else");
        // SAFETY: set by the task that runs now from the reference that its body got; the body, and so the
        // yielder, lives until the task ends, and this call is inside of the body.
        let yielder = unsafe { way_back.as_ref() };
        yielder.suspend(());
    }
}

impl fmt::Debug for KernelStacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KernelStacks").field("places", &self.places.get()).finish_non_exhaustive()
    }
}
