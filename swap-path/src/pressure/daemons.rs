//! The kernel's threads: kswapd, the end of interrupts, workers, and the maker of threads.

use alloc::collections::VecDeque;
use alloc::rc::Rc;
use core::cell::RefCell;

use block::BlockDevice;
use hal::{Instant, UserMemory};
use tasks::{Gfp, NoStack, Resource, ResourceKind, Role};

use super::writeout::InFlight;
use super::{FREE_PAGES, TaskMm};

/// What kswapd waits for: too few free pages.
pub(super) const KSWAPD: Resource = Resource::new(ResourceKind::Work, 1);
/// What the end of interrupts waits for.
pub(super) const SOFTIRQ: Resource = Resource::new(ResourceKind::Work, 2);
/// What the maker of threads waits for.
pub(super) const THREAD_WANTED: Resource = Resource::new(ResourceKind::Work, 3);
/// What workers wait for.
pub(super) const WORKERS: Resource = Resource::new(ResourceKind::Work, 4);

/// Workers of the kernel's pool that are there from boot (Linux: a pool grows; what waits for that is not looked
/// at here).
const WORKER_NAMES: [&str; 4] = ["kworker/0:0", "kworker/0:1", "kworker/0:2", "kworker/0:3"];

/// Writes that wait for somebody to end them.
pub(super) type Queue<P> = RefCell<VecDeque<InFlight<P>>>;

/// Rounds in vain after which kswapd sleeps until somebody wakes it (Linux `MAX_RECLAIM_RETRIES`).
const VAIN_ROUNDS_MAX: u32 = 16;

impl<U: UserMemory + 'static, D: BlockDevice + 'static> TaskMm<U, D> {
    /// Makes the threads that every kernel has.
    ///
    /// # Errors
    /// [`NoStack`].
    pub(super) fn spawn_daemons(self: &Rc<Self>) -> Result<(), NoStack> {
        let this = Rc::clone(self);
        let kswapd = self.tasks.spawn("kswapd0", Role::Daemon, move || this.balance())?;
        self.kswapd.set(Some(kswapd));
        self.tasks.set_holder(FREE_PAGES, Some(kswapd));
        let this = Rc::clone(self);
        let maker = self.tasks.spawn("kthreadd", Role::Daemon, move || this.make_threads())?;
        self.thread_maker.set(Some(maker));
        let this = Rc::clone(self);
        let end = move || this.finish_all(|this| &this.softirq, SOFTIRQ);
        self.softirqd.set(Some(self.tasks.spawn("ksoftirqd/0", Role::Daemon, end)?));
        for name in WORKER_NAMES {
            let this = Rc::clone(self);
            let work = move || this.finish_all(|this| &this.work, WORKERS);
            let worker = self.tasks.spawn(name, Role::Daemon, work)?;
            self.first_worker.set(self.first_worker.get().or(Some(worker)));
        }
        Ok(())
    }
}

impl<U: UserMemory, D: BlockDevice> TaskMm<U, D> {
    /// What kswapd does (Linux `balance_pgdat`).
    fn balance(&self) {
        let mut vain = 0;
        loop {
            if self.is_balanced() || vain >= VAIN_ROUNDS_MAX {
                vain = 0;
                self.is_kswapd_awake.set(false);
                if self.tasks.wait(KSWAPD, Instant::NEVER).is_err() {
                    return;
                }
                continue;
            }
            let round = self.reclaim(Gfp::KERNEL);
            if round.freed > 0 {
                vain = 0;
                self.tasks.yield_now();
            } else {
                self.throttle();
                vain += u32::from(self.pages.borrow().in_writeback == 0);
            }
        }
    }

    /// Ends one write after the other.
    fn finish_all(&self, queue: fn(&Self) -> &Queue<D::Page>, work: Resource) {
        loop {
            let flight = queue(self).borrow_mut().pop_front();
            match flight {
                Some(flight) => self.finish(flight),
                None if self.tasks.wait(work, Instant::NEVER).is_err() => return,
                None => {}
            }
        }
    }
}
