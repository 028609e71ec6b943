//! The tasks on real stacks: choice by seed, waiting, waking, time, and being stuck.

use core::time::Duration;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use hal::trace::{Record, TraceSink};
use hal::{Instant, Tracer, Wake};
use stacks::HostStacks;
use tasks::events::Event;
use tasks::{
    Idle, LockClass, Resource, ResourceKind, Role, SleepLock, Stuck, TaskHandle, TaskId, Tasks,
};

const BOUND: Duration = Duration::from_secs(10);
const NEVER: Instant = Instant::NEVER;

/// A machine whose device signals once at each of the listed moments.
#[derive(Default)]
struct Machine {
    now: Cell<u64>,
    signals: RefCell<Vec<u64>>,
    waits: RefCell<Vec<(Resource, u64)>>,
    events: RefCell<Vec<Event>>,
}

struct Clock(Rc<Machine>);

impl Idle for Clock {
    fn now(&self) -> Instant {
        Instant::from_nanos(self.0.now.get())
    }

    fn wait(&self, device: Resource, deadline: Instant) -> Wake {
        self.0.waits.borrow_mut().push((device, deadline.as_nanos()));
        let mut signals = self.0.signals.borrow_mut();
        match signals.first().copied().filter(|at| *at <= deadline.as_nanos()) {
            Some(at) => {
                signals.remove(0);
                self.0.now.set(at.max(self.0.now.get()));
                Wake::Interrupt
            }
            None => {
                self.0.now.set(deadline.as_nanos());
                Wake::Deadline
            }
        }
    }
}

struct Sink(Rc<Machine>);

impl TraceSink for Sink {
    fn emit(&self, record: &Record) {
        self.0.events.borrow_mut().extend(Event::decode(record));
    }
}

fn rig(seed: u64) -> (Rc<Machine>, Rc<HostStacks>, Rc<Tasks>) {
    let (machine, stacks) = (Rc::new(Machine::default()), Rc::new(HostStacks::new()));
    let tracer = Tracer::new(Rc::new(Sink(Rc::clone(&machine))));
    let idle = Rc::new(Clock(Rc::clone(&machine)));
    let tasks = Tasks::new(Rc::clone(&stacks) as _, idle, tracer, seed, BOUND);
    (machine, stacks, tasks)
}

const fn work(id: u64) -> Resource {
    Resource::new(ResourceKind::MapLock, id)
}

/// Three tasks that each say their number three times; the order in which they did.
fn order(seed: u64) -> Vec<u16> {
    let (_machine, _stacks, tasks) = rig(seed);
    let said = Rc::new(RefCell::new(Vec::new()));
    for number in 0..3 {
        let (said, own) = (Rc::clone(&said), Rc::clone(&tasks));
        let body = move || {
            for _ in 0..3 {
                said.borrow_mut().push(number);
                own.yield_now();
            }
        };
        tasks.spawn("speaker", Role::Worker, body).unwrap();
    }
    tasks.run().unwrap();
    said.take()
}

#[test]
fn the_seed_decides_who_runs() {
    assert_eq!(order(7), order(7));
    let orders: std::collections::BTreeSet<_> = (0..20).map(order).collect();
    assert!(orders.len() > 10, "{} orders of 20 seeds", orders.len());
    for order in orders {
        assert_eq!((0..3).map(|n| order.iter().filter(|m| **m == n).count()).max(), Some(3));
    }
}

#[test]
fn a_task_waits_until_another_wakes_it() {
    let (_machine, _stacks, tasks) = rig(1);
    let is_there = Rc::new(Cell::new(false));
    let (own, seen) = (Rc::clone(&tasks), Rc::clone(&is_there));
    let waiter = move || {
        while !seen.get() {
            assert_eq!(own.wait(work(1), NEVER), Ok(Wake::Interrupt));
        }
    };
    tasks.spawn("waiter", Role::Worker, waiter).unwrap();
    let own = Rc::clone(&tasks);
    let giver = move || {
        own.yield_now();
        is_there.set(true);
        own.wake_all(work(1));
    };
    tasks.spawn("giver", Role::Worker, giver).unwrap();
    tasks.run().unwrap();
}

#[test]
fn time_passes_only_when_nobody_can_run_and_to_the_first_deadline() {
    let (machine, _stacks, tasks) = rig(1);
    for wanted in [300, 100, 200] {
        let own = Rc::clone(&tasks);
        let body = move || {
            let deadline = Instant::from_nanos(wanted);
            let time = Resource::only(ResourceKind::Time);
            assert_eq!(own.wait(time, deadline), Ok(Wake::Deadline));
            assert_eq!(own.now(), deadline);
        };
        tasks.spawn("sleeper", Role::Worker, body).unwrap();
    }
    tasks.run().unwrap();
    let deadlines: Vec<_> = machine.waits.borrow().iter().map(|(_, deadline)| *deadline).collect();
    assert_eq!(deadlines, [100, 200, 300]);
}

#[test]
fn an_interrupt_is_shown_to_everybody_who_waits_for_the_device() {
    let (machine, _stacks, tasks) = rig(1);
    machine.signals.borrow_mut().extend([50, 60]);
    let woken = Rc::new(Cell::new(0));
    for _ in 0..3 {
        let (own, woken) = (Rc::clone(&tasks), Rc::clone(&woken));
        let body = move || {
            let vector = Resource::new(ResourceKind::Device, 1);
            assert_eq!(own.wait(vector, Instant::from_nanos(1000)), Ok(Wake::Interrupt));
            woken.set(woken.get() + 1);
        };
        tasks.spawn("reader", Role::Worker, body).unwrap();
    }
    tasks.run().unwrap();
    assert_eq!((woken.get(), machine.now.get()), (3, 50));
    assert_eq!(*machine.waits.borrow(), [(Resource::new(ResourceKind::Device, 1), 1000)]);
}

#[test]
fn a_wait_for_two_devices_is_for_the_one_that_was_looked_at_last_and_ends_for_both() {
    let (machine, _stacks, tasks) = rig(1);
    machine.signals.borrow_mut().push(50);
    let looks = Rc::new(RefCell::new(Vec::new()));
    for kind in [ResourceKind::Device, ResourceKind::Server] {
        let (own, looks) = (Rc::clone(&tasks), Rc::clone(&looks));
        let body = move || {
            looks.borrow_mut().push(kind);
            let device = Resource::only(kind);
            assert_eq!(own.wait(device, Instant::from_nanos(1000)), Ok(Wake::Interrupt));
        };
        tasks.spawn("reader", Role::Worker, body).unwrap();
    }
    tasks.run().unwrap();
    let last = Resource::only(*looks.borrow().last().unwrap());
    assert_eq!(*machine.waits.borrow(), [(last, 1000)]);
    assert_eq!(machine.now.get(), 50);
}

/// Two tasks take two locks in opposite order.
fn opposite(seed: u64) -> (Result<(), Stuck>, Vec<Event>) {
    let (machine, stacks, tasks) = rig(seed);
    let locks = [work(1), Resource::new(ResourceKind::IoLock, 2)];
    let classes = [LockClass::MapLock, LockClass::IoLock];
    let lock = |index: usize| SleepLock::new(locks[index], classes[index]);
    let locks = [lock(0), lock(1)];
    for (first, second) in [(0, 1), (1, 0)] {
        let (handle, own) = (TaskHandle::new(Rc::clone(&tasks)), Rc::clone(&tasks));
        let (first, second) = (locks[first].clone(), locks[second].clone());
        let body = move || {
            first.acquire(&handle).unwrap();
            own.yield_now();
            second.acquire(&handle).unwrap();
            second.release(&handle);
            first.release(&handle);
        };
        tasks.spawn("taker", Role::Worker, body).unwrap();
    }
    let result = tasks.run();
    let events = machine.events.take();
    stacks.unwind();
    (result, events)
}

#[test]
fn opposite_orders_deadlock_for_some_seeds_and_the_circle_is_told() {
    let runs: Vec<_> = (0..20).map(opposite).collect();
    assert!(runs.iter().any(|(result, _)| result.is_ok()), "no seed gets through");
    let (_, events) = runs.iter().find(|(result, _)| *result == Err(Stuck::Deadlock)).unwrap();
    let circle = events.iter().filter_map(|event| match event {
        Event::Circle { task, holder, .. } => Some((*task, *holder)),
        _ => None,
    });
    let circle: Vec<_> = circle.collect();
    assert_eq!(circle, [(TaskId(0), Some(TaskId(1))), (TaskId(1), Some(TaskId(0)))]);
    // The order is seen whether or not the deadlock happened.
    for (_, events) in &runs {
        let reports = events.iter().filter(|event| matches!(event, Event::OrderReport { .. }));
        assert_eq!(reports.count(), 1);
    }
}

#[test]
fn a_task_that_only_tries_again_and_again_makes_no_progress() {
    let (machine, stacks, tasks) = rig(1);
    let own = Rc::clone(&tasks);
    let body = move || {
        loop {
            let deadline = own.now() + Duration::from_millis(100);
            own.wait(Resource::only(ResourceKind::Memory), deadline).unwrap();
        }
    };
    tasks.spawn("allocator", Role::Worker, body).unwrap();
    assert_eq!(tasks.run(), Err(Stuck::NoProgress));
    assert!(machine.now.get() > BOUND.as_nanos() as u64);
    stacks.unwind();
}

#[test]
fn a_task_that_never_waits_for_time_makes_no_progress_either() {
    let (_machine, stacks, tasks) = rig(1);
    let own = Rc::clone(&tasks);
    let body = move || {
        loop {
            own.yield_now();
        }
    };
    tasks.spawn("spinner", Role::Worker, body).unwrap();
    assert_eq!(tasks.run(), Err(Stuck::NoProgress));
    stacks.unwind();
}

#[test]
fn a_daemon_with_nothing_to_do_holds_nobody_up() {
    let (_machine, stacks, tasks) = rig(1);
    let own = Rc::clone(&tasks);
    let body = move || while own.wait(Resource::only(ResourceKind::Work), NEVER).is_ok() {};
    tasks.spawn("kworker", Role::Daemon, body).unwrap();
    assert_eq!(tasks.run(), Ok(()));
    assert_eq!(tasks.run(), Ok(()));
    stacks.unwind();
}

#[test]
fn outside_of_a_task_nobody_waits() {
    let (_machine, _stacks, tasks) = rig(1);
    assert_eq!(tasks.wait(work(1), NEVER), Err(tasks::Alone));
    let lock = SleepLock::new(work(1), LockClass::MapLock);
    let handle = TaskHandle::new(tasks);
    lock.acquire(&handle).unwrap();
    assert_eq!(lock.acquire(&handle), Err(tasks::Alone));
}
