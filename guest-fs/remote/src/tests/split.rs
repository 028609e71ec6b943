//! Requests in two halves: submitted by one task, completed by others, with a server that does wrong in between.

use core::time::Duration;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use hal::{Instant, PAGE_BYTES};
use iomap::{Context, Direction, Errno, Request, SplitSwapFile, SwapFile};
use proptest::prelude::*;
use stacks::HostStacks;
use tasks::{Resource, ResourceKind, Role, TaskHandle, TaskPlatform, Tasks};

use super::random::rule;
use super::rig::{Page, Rig, numbers, read, write};
use crate::events::{BreakCause, Event};
use crate::slots::SLOTS;
use crate::{Client, ClientConfig, RemoteFs};

const PAGE: u64 = PAGE_BYTES as u64;
/// Requests of a run, of one page each.
const REQUESTS: u8 = 16;
/// Tasks that complete them.
const WORKERS: u8 = 4;
/// Longer than anything that the client waits for.
const BOUND: Duration = Duration::from_secs(10_000);
const WORK: Resource = Resource::only(ResourceKind::Work);
/// The file is made; from here on the rules count.
const MADE: &str = "fsync nth=1 name=made => delay=1us";

fn request(rig: &Rig, direction: Direction, number: u8) -> Request<Page> {
    let mut request = Request::new(1, 1);
    request.begin(direction, u64::from(number) * PAGE);
    request.pages.extend(rig.pages(1, number));
    request
}

/// A machine whose client waits as a task.
struct Crowd {
    rig: Rig,
    tasks: Rc<Tasks>,
    stacks: Rc<HostStacks>,
    file: Rc<Box<dyn SwapFile<Page>>>,
    queue: RefCell<VecDeque<Request<Page>>>,
    left: Cell<u8>,
    /// How each write ended, by its number.
    ends: RefCell<Vec<(u8, Result<(), Errno>)>>,
}

impl Crowd {
    fn new(rules: &[&str], seed: u64) -> Option<Rc<Self>> {
        let (rig, stacks) = (Rig::new(rules), Rc::new(HostStacks::new()));
        let machine = Rc::new(rig.machine.clone());
        let tracer = hal::Platform::tracer(&*machine).clone();
        let tasks = Tasks::new(Rc::clone(&stacks) as _, machine.clone(), tracer, seed, BOUND);
        let platform = TaskPlatform::server(machine, Rc::clone(&tasks));
        let handle = TaskHandle::new(Rc::clone(&tasks));
        let client = Client::new(platform, handle, ClientConfig::default()).expect("a device");
        let fs: &dyn RemoteFs<Page> = &client;
        fs.mount().expect("a server");
        let file = fs.create("swapfile").expect("room");
        for page in 0..u64::from(REQUESTS) {
            fs.transfer(Direction::Write, file, page * PAGE, &rig.pages(1, 0xff)).expect("room");
        }
        let mut file = fs.swap_file(file).expect("not in use");
        file.activate().ok()?;
        let (queue, ends) = (RefCell::default(), RefCell::default());
        let file = Rc::new(file);
        Some(Rc::new(Self { rig, tasks, stacks, file, queue, left: Cell::new(REQUESTS), ends }))
    }

    fn halves(&self) -> &dyn SplitSwapFile<Page> {
        self.file.split().expect("a remote file is split")
    }

    fn submit_all(&self) {
        for number in 0..REQUESTS {
            let mut request = request(&self.rig, Direction::Write, number);
            self.halves().submit(&mut request, Context::SwapOut);
            self.queue.borrow_mut().push_back(request);
            self.tasks.wake_one(WORK);
            self.tasks.yield_now();
        }
    }

    fn complete_all(&self) {
        while self.left.get() > 0 {
            let next = self.queue.borrow_mut().pop_front();
            let Some(mut request) = next else {
                self.tasks.wait(WORK, Instant::NEVER).expect("a task");
                continue;
            };
            let result = self.halves().complete(&mut request, Context::SwapOut);
            let number = (request.pos / PAGE) as u8;
            assert_eq!(numbers(&request.pages), [Some(number)], "the pages are those that went");
            self.ends.borrow_mut().push((number, result.map_err(|failure| failure.errno)));
            self.left.set(self.left.get() - 1);
            self.tasks.wake_all(WORK);
        }
    }

    /// Writes each page once; the virtual milliseconds that it took.
    fn run(self: &Rc<Self>) -> u64 {
        let before = self.rig.now_ms();
        let this = Rc::clone(self);
        self.tasks.spawn("reclaim", Role::Worker, move || this.submit_all()).expect("a stack");
        for _ in 0..WORKERS {
            let this = Rc::clone(self);
            self.tasks.spawn("worker", Role::Worker, move || this.complete_all()).expect("a stack");
        }
        self.tasks.run().expect("everybody gets through");
        self.stacks.unwind();
        assert_eq!(self.ends.borrow().len(), usize::from(REQUESTS));
        self.rig.now_ms() - before
    }

    /// What the server's file holds now.
    fn held(&self) -> Vec<Option<u8>> {
        (0..REQUESTS)
            .map(|number| {
                let mut request = request(&self.rig, Direction::Read, number);
                request.pages = self.rig.pages(1, 0xee);
                self.halves().submit(&mut request, Context::SwapIn);
                let result = self.halves().complete(&mut request, Context::SwapIn);
                result.ok().and_then(|()| numbers(&request.pages)[0])
            })
            .collect()
    }
}

fn broken(said: &[Event]) -> Vec<BreakCause> {
    let cause = |event: &Event| match event {
        Event::Broken { cause } => Some(*cause),
        _ => None,
    };
    said.iter().filter_map(cause).collect()
}

/// Requests that were under way when sessions ended.
fn lost(crowd: &Crowd) -> Vec<u32> {
    let lost = |event: &file_server::Event| match event {
        file_server::Event::SessionEnd { requests_lost } => Some(*requests_lost),
        _ => None,
    };
    crowd.rig.server_said().iter().filter_map(lost).collect()
}

#[test]
fn a_connection_that_breaks_over_several_requests_is_made_again_once_and_no_page_is_lost() {
    for seed in 1..20 {
        for rule in ["write after=made nth=4 => disconnect", "write after=made nth=4 => wrong-tag"]
        {
            let crowd = Crowd::new(&[MADE, rule], seed).expect("a good file");
            crowd.rig.said();
            let took = crowd.run();
            let said = crowd.rig.said();
            assert_eq!(broken(&said).len(), 1, "{rule}, seed {seed}");
            let connected = |event: &&Event| matches!(event, Event::Connected { .. });
            assert_eq!(said.iter().filter(connected).count(), 1, "{rule}, seed {seed}");
            assert!(took < 10, "{took} ms");
            assert!(crowd.ends.borrow().iter().all(|(_, end)| end.is_ok()));
            assert_eq!(crowd.held(), (0..REQUESTS).map(Some).collect::<Vec<_>>());
        }
    }
}

#[test]
fn several_requests_are_under_way_when_it_breaks() {
    let rule = "write after=made nth=3 => drop-request";
    let crowd = Crowd::new(&[MADE, rule], 1).expect("a good file");
    let took = crowd.run();
    assert!((60_000..60_010).contains(&took), "{took} ms");
    assert_eq!(broken(&crowd.rig.said()), [BreakCause::TimedOut]);
    let crowd = Crowd::new(&[MADE, "write after=made => drop-request count=3"], 1).expect("good");
    crowd.run();
    assert!(lost(&crowd).contains(&3), "{:?}", lost(&crowd));
}

#[test]
fn requests_that_are_never_answered_all_end_and_leave_their_pages_alone() {
    let crowd = Crowd::new(&[MADE, "write after=made => drop-request"], 1).expect("a good file");
    let took = crowd.run();
    assert!(crowd.ends.borrow().iter().all(|(_, end)| *end == Err(Errno::ETIMEDOUT)));
    // Each waits for at most its major time-out once somebody has it in hand; what is behind it waits for that.
    let rounds = u64::from(REQUESTS.div_ceil(WORKERS)) + 1;
    assert!(took <= rounds * 180_000, "{took} ms");
    assert_eq!(crowd.held(), vec![Some(0xff); usize::from(REQUESTS)]);
}

#[test]
fn who_has_nobody_in_hand_yet_leaves_a_place_for_those_who_have() {
    let rig = Rig::new(&[]);
    let mut swap = rig.swap(12);
    let mut between: Vec<_> = (0..8).map(|n| request(&rig, Direction::Write, n)).collect();
    for request in &mut between {
        swap.split().expect("split").submit(request, Context::SwapOut);
    }
    let mut sent = rig.said();
    sent.retain(|event| matches!(event, Event::Sent { context: Context::SwapOut, .. }));
    assert_eq!(sent.len(), SLOTS - 1);
    write(&mut *swap, 9 * PAGE, &mut rig.pages(1, 9)).expect("a place is left");
    for request in &mut between {
        let done = swap.split().expect("split").complete(request, Context::SwapOut);
        done.expect("a good server");
        request.pages.clear();
    }
    let mut back = rig.pages(10, 0xee);
    read(&mut *swap, 0, &mut back).expect("a good server");
    let wanted = [0, 1, 2, 3, 4, 5, 6, 7, 0, 9].map(Some);
    assert_eq!(numbers(&back), wanted);
}

#[test]
fn neither_half_allocates() {
    for rules in [&[][..], &[MADE, "write after=made nth=2 => disconnect"], &["write => short=100"]]
    {
        let rig = Rig::quiet(rules);
        let swap = rig.swap(12);
        let mut requests: Vec<_> = (0..3).map(|n| request(&rig, Direction::Write, n)).collect();
        let counted = allocation_counter::measure(|| {
            let halves = swap.split().expect("split");
            requests.iter_mut().for_each(|request| halves.submit(request, Context::SwapOut));
            for request in &mut requests {
                halves.complete(request, Context::SwapOut).expect("well in the end");
            }
        });
        assert_eq!(counted.count_total, 0, "{rules:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_request_ends_and_what_ended_well_is_there(
        rules in prop::collection::vec(rule(&["write", "io", "any", "lock"], "made"), 0..4),
        seed in any::<u64>(),
    ) {
        let mut lines = vec![MADE];
        lines.extend(rules.iter().map(String::as_str));
        let Some(crowd) = Crowd::new(&lines, seed) else { return Ok(()) };
        let took = crowd.run();
        prop_assert!(took <= u64::from(REQUESTS) * 180_000, "{} ms", took);
        let held = crowd.held();
        for (number, end) in crowd.ends.borrow().iter() {
            let found = held[usize::from(*number)];
            // A read that failed tells nothing.
            prop_assert!(end.is_err() || found.is_none() || found == Some(*number), "{}", number);
        }
    }
}
