//! A machine with a scripted controller for unit tests: it knows registers, rings and time, answers
//! admin commands as a good controller does, and I/O commands as the script says.
//!
//! It is deliberately not a controller model: no data moves, and nothing is checked that the tests do
//! not ask about. One thing it always checks is that the first page of a command that it answers is
//! still there: a page that was given back too early fails the test.

mod controller;

use std::cell::RefCell;
use std::rc::Rc;

use hal::testing::{DmaPool, PoolDma, VecSink};
use hal::{Instant, Mmio, OutOfMemory, Platform, Tracer, Wake};
use nvme_spec::{Sqe, Status};

pub(crate) use controller::Controller;

use crate::events::Event;
use crate::{Config, Error, NvmeDriver};

/// What the controller does with a command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reply {
    pub(crate) status: Status,
    pub(crate) dw0: u32,
    /// How long it takes.
    pub(crate) delay_ns: u64,
    /// How many completions: 0 = none, ever.
    pub(crate) times: u32,
    pub(crate) has_interrupt: bool,
    /// Added to the CID, wrapping.
    pub(crate) cid_offset: u16,
    pub(crate) sqid_offset: u16,
    pub(crate) sqhd: Option<u16>,
}

impl Reply {
    pub(crate) const OK: Self = Self {
        status: Status::SUCCESS,
        dw0: 0,
        delay_ns: 1000,
        times: 1,
        has_interrupt: true,
        cid_offset: 0,
        sqid_offset: 0,
        sqhd: None,
    };
    pub(crate) const NEVER: Self = Self { times: 0, ..Self::OK };

    pub(crate) fn fail(status: impl Into<Status>) -> Self {
        Self { status: status.into(), ..Self::OK }
    }
}

type Script = Box<dyn FnMut(&Sqe) -> Reply>;
type AdminScript = Box<dyn FnMut(&Sqe) -> Option<Reply>>;

/// The machine.
pub(crate) struct Fake {
    pub(crate) pool: DmaPool,
    pub(crate) controller: RefCell<Controller>,
    sink: Rc<VecSink>,
    tracer: Tracer,
}

impl Fake {
    /// A machine whose controller is as `change` makes it.
    pub(crate) fn new(change: impl FnOnce(&mut Controller)) -> Rc<Self> {
        let pool = DmaPool::new(2048);
        let (sink, tracer) = VecSink::with_tracer();
        let mut controller = Controller::new(pool.clone());
        change(&mut controller);
        Rc::new(Self { pool, controller: RefCell::new(controller), sink, tracer })
    }

    /// What the controller does with I/O commands from now on.
    pub(crate) fn on_io(&self, script: impl FnMut(&Sqe) -> Reply + 'static) {
        self.controller.borrow_mut().io_script = Box::new(script);
    }

    /// What it does with admin commands; `None`: what a good controller does.
    pub(crate) fn on_admin(&self, script: impl FnMut(&Sqe) -> Option<Reply> + 'static) {
        self.controller.borrow_mut().admin_script = Box::new(script);
    }

    /// The replies of the list, one a command, then good ones.
    pub(crate) fn io_replies(&self, replies: impl IntoIterator<Item = Reply>) {
        let mut replies = replies.into_iter().collect::<Vec<_>>().into_iter();
        self.on_io(move |_| replies.next().unwrap_or(Reply::OK));
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.sink.records().iter().map(|record| Event::decode(record).unwrap()).collect()
    }

    /// The names of the events since the last call, as one line.
    pub(crate) fn take_names(&self) -> String {
        let word = |record| {
            let text = Event::decode(record).unwrap().to_string();
            text.split(' ').next().unwrap().to_owned()
        };
        self.sink.take().iter().map(word).collect::<Vec<_>>().join(" ")
    }

    pub(crate) fn now_ns(&self) -> u64 {
        self.controller.borrow().now_ns
    }

    pub(crate) fn probe(self: &Rc<Self>) -> Result<NvmeDriver<Rc<Self>>, Error> {
        NvmeDriver::probe(Rc::clone(self), Config { io_depth: 5, ..Config::default() })
    }
}

impl Mmio for Fake {
    fn read32(&self, offset: usize) -> u32 {
        self.controller.borrow().read(offset)
    }

    fn write32(&self, offset: usize, value: u32) {
        self.controller.borrow_mut().write(offset, value);
    }
}

impl Platform for Fake {
    type Bar = Self;
    type Dma = PoolDma;

    fn bar(&self) -> &Self {
        self
    }

    fn dma_alloc(&self, pages: usize) -> Result<PoolDma, OutOfMemory> {
        self.pool.alloc(pages)
    }

    fn now(&self) -> Instant {
        Instant::from_nanos(self.now_ns())
    }

    fn wait(&self, vector: u16, deadline: Instant) -> Wake {
        self.controller.borrow_mut().wait(vector, deadline.as_nanos())
    }

    fn stop_dma(&self) {
        self.controller.borrow_mut().stop_dma();
    }

    fn tracer(&self) -> &Tracer {
        &self.tracer
    }
}
