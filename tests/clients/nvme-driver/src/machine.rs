//! The controller model in virtual time, behind a register window.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use nvme_model::fault::FaultPlan;
use nvme_model::media::RamMedia;
use nvme_model::{
    CachePolicy, Config, Controller, Event, IrqSink, LabIrq, LabWake, Ports, lab_wait,
};

use crate::hardware::{Bar, Device, Granted};

/// Bytes of the namespace, whatever its block size.
const MEDIA_BYTES: u64 = 16 << 20;

/// Vectors that were signalled and not waited for yet.
#[derive(Debug, Default)]
struct Raised(BTreeSet<u16>);

impl IrqSink for Raised {
    fn signal(&mut self, vector: u16) {
        self.0.insert(vector);
    }
}

impl LabIrq for Raised {
    fn take_raised(&mut self, line: u32) -> bool {
        u16::try_from(line).is_ok_and(|vector| self.0.remove(&vector))
    }
}

#[derive(Debug)]
struct State {
    controller: Controller,
    now_ns: u64,
    raised: Raised,
    events: Vec<(u64, Event)>,
}

/// The device that answers the driver's register accesses.
#[derive(Debug)]
struct Function(RefCell<State>);

impl Function {
    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.borrow_mut())
    }
}

impl Device for Function {
    fn read(&self, offset: u64, data: &mut [u8]) {
        self.with(|state| {
            state.controller.mmio_read(state.now_ns, offset, data, &mut state.events);
        });
    }

    fn write(&self, offset: u64, data: &[u8]) {
        self.with(|State { controller, now_ns, raised, events }| {
            controller.mmio_write(*now_ns, offset, data, events);
            controller
                .step(*now_ns, &mut Ports { memory: &Granted, irq: raised, observer: events });
        });
    }
}

/// A machine with one controller.
#[derive(Debug)]
pub struct Machine {
    function: Rc<Function>,
    bar: Bar,
}

impl Machine {
    /// A machine whose namespace has blocks of `lba_bytes`, and these fault rules.
    ///
    /// # Panics
    /// If a rule is not one, or this thread has a machine already.
    #[must_use]
    pub fn new(lba_bytes: u32, rules: &[&str]) -> Self {
        let rule = |text: &&str| text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        let plan = FaultPlan { seed: 1, rules: rules.iter().map(rule).collect() };
        let media = RamMedia::new(MEDIA_BYTES / u64::from(lba_bytes), lba_bytes);
        let controller = Controller::new(Config::default(), Box::new(media), plan)
            .expect("the default configuration is valid");
        let bar_bytes = usize::try_from(controller.config().bar_bytes()).expect("a small BAR");
        let (raised, events) = (Raised::default(), Vec::new());
        let state = State { controller, now_ns: 0, raised, events };
        let function = Rc::new(Function(RefCell::new(state)));
        Self { bar: Bar::new(bar_bytes, Rc::clone(&function) as Rc<dyn Device>), function }
    }

    /// The register window.
    pub(crate) fn bar(&self) -> &Bar {
        &self.bar
    }

    /// Nanoseconds since power-on.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        self.function.with(|state| state.now_ns)
    }

    /// Lets time pass until `vector` was signalled; `false` after `patience` without.
    pub(crate) fn wait(&self, vector: u16, patience: Duration) -> bool {
        self.function.with(|State { controller, now_ns, raised, events }| {
            let nanos = u64::try_from(patience.as_nanos()).unwrap_or(u64::MAX);
            let deadline_ns = now_ns.saturating_add(nanos).min(u64::MAX - 1);
            let line = vector.into();
            let wake = lab_wait(controller, now_ns, deadline_ns, line, &Granted, raised, events);
            wake == LabWake::Interrupt
        })
    }

    /// Whether the controller asserts its interrupt pin.
    #[must_use]
    pub fn is_pin_asserted(&self) -> bool {
        self.function.with(|state| state.controller.is_pin_asserted())
    }

    /// Lets time pass.
    pub(crate) fn sleep(&self, time: Duration) {
        // Nobody signals this vector.
        self.wait(u16::MAX, time);
    }

    /// Cuts the power: what is in the volatile cache is lost.
    pub fn power_cut(&self) {
        self.function.with(|State { controller, now_ns, raised, events }| {
            controller.power_cut(*now_ns, CachePolicy::LoseAll, events);
            raised.0.clear();
        });
    }

    /// What the media holds in these logical blocks.
    ///
    /// # Panics
    /// If the media has no such blocks.
    #[must_use]
    pub fn on_media(&self, slba: u64, bytes: usize) -> Vec<u8> {
        let mut data = vec![0; bytes];
        self.function.with(|state| {
            let media = state.controller.media_mut(1).expect("namespace 1");
            media.read(slba, &mut data).expect("blocks of the namespace");
        });
        data
    }

    /// The controller's events so far.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.function.with(|state| state.events.iter().map(|(_, event)| *event).collect())
    }

    /// # Panics
    /// If a planned fault did not happen: the test would have tested nothing.
    pub fn assert_all_rules_fired(&self) {
        self.function.with(|state| {
            let unfired: Vec<_> = state.controller.faults().unfired().collect();
            assert!(unfired.is_empty(), "not exercised: {unfired:?}");
        });
    }
}

/// The controller wants to be switched off before it is scrapped: it guards every command in flight.
impl Drop for Machine {
    fn drop(&mut self) {
        self.power_cut();
    }
}
