//! Making threads, and the workqueue that is made by the first direct write of a mount.
//!
//! Linux: `sb_init_dio_done_wq` -> `alloc_workqueue` -> `init_rescuer` -> `kthread_create_on_node` waits for kthreadd,
//! which copies a process for it, with `GFP_KERNEL`.

use alloc::boxed::Box;
use alloc::rc::Rc;
use core::cell::Cell;

use block::BlockDevice;
use hal::{Instant, OutOfMemory, UserMemory};
use tasks::events::Event;
use tasks::{Gfp, Resource, ResourceKind, Role, TaskName};

use super::TaskMm;
use super::daemons::THREAD_WANTED;

/// Pages of a thread: four of stack, `task_struct`, credentials, and what hangs on them.
const THREAD_PAGES: usize = 8;

const NEW_THREAD: Resource = Resource::only(ResourceKind::NewThread);

/// Somebody waits for a thread.
pub(super) struct ThreadRequest {
    name: &'static str,
    body: Box<dyn FnOnce()>,
    answer: Rc<Cell<Option<Result<(), OutOfMemory>>>>,
}

impl<U: UserMemory, D: BlockDevice> TaskMm<U, D> {
    /// The workqueue of direct-I/O completions, made now if nobody has made it.
    ///
    /// # Errors
    /// [`OutOfMemory`] if its rescuer cannot be made.
    pub(super) fn ensure_workqueue(&self) -> Result<(), OutOfMemory> {
        if self.has_workqueue.get() {
            return Ok(());
        }
        let handle = self.handle();
        self.workqueue.acquire(&handle).expect("only tasks write");
        let made = if self.has_workqueue.get() {
            Ok(())
        } else {
            // The rescuer helps when no worker can be made; here there are workers enough.
            self.make_thread("kworker/R-dio", Box::new(|| {}))
        };
        self.has_workqueue.set(made.is_ok());
        self.workqueue.release(&handle);
        made
    }

    fn make_thread(&self, name: &'static str, body: Box<dyn FnOnce()>) -> Result<(), OutOfMemory> {
        let (task, answer) = (self.tasks.current(), Rc::new(Cell::new(None)));
        self.tracer.emit(Event::ThreadWanted { task, name: TaskName::new(name) });
        let request = ThreadRequest { name, body, answer: Rc::clone(&answer) };
        self.threads.borrow_mut().push_back(request);
        self.tasks.wake_all(THREAD_WANTED);
        loop {
            if let Some(made) = answer.get() {
                return made;
            }
            self.tasks.set_holder(NEW_THREAD, self.thread_maker.get());
            self.tasks.wait(NEW_THREAD, Instant::NEVER).expect("only tasks make threads");
        }
    }

    /// What kthreadd does: one thread after the other, each with memory of its own.
    pub(super) fn make_threads(&self) {
        loop {
            let request = self.threads.borrow_mut().pop_front();
            let Some(ThreadRequest { name, body, answer }) = request else {
                if self.tasks.wait(THREAD_WANTED, Instant::NEVER).is_err() {
                    return;
                }
                continue;
            };
            answer.set(Some(self.thread_memory().and_then(|()| {
                self.tasks.spawn(name, Role::Worker, body).map(drop).map_err(|_| OutOfMemory)
            })));
            self.tasks.wake_all(NEW_THREAD);
        }
    }

    fn thread_memory(&self) -> Result<(), OutOfMemory> {
        for _ in 0..THREAD_PAGES {
            let page = self.get_page(Gfp::KERNEL).ok_or(OutOfMemory)?;
            self.thread_pages.borrow_mut().push(page);
        }
        Ok(())
    }
}
