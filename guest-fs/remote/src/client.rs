//! The client: its transport, its session, what it knows of files.

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt;

use hal::{Instant, Platform, Tracer};
use p9_wire::virtio::DEVICE_ID;
use tasks::TaskHandle;
use virtio::{Error, Transport};

use crate::ClientConfig;
use crate::files::File;
use crate::flight::Flight;
use crate::slots::{SLOTS, Slots};

/// What is remembered between two waits. Never borrowed across one: somebody else may wait, too.
#[derive(Debug)]
pub(crate) struct State<D> {
    pub(crate) slots: Slots<D>,
    /// What is under way in each slot, of a read or write that somebody will look after.
    pub(crate) flights: [Option<Flight>; SLOTS],
    /// Somebody begins a session, or opens a file in it: the others wait for that.
    pub(crate) is_in_turn: bool,
    /// Wake-ups with nothing to see, and the moment of the last one.
    pub(crate) idle_wakes: (Instant, u32),
    /// Counts connections; a file that was opened in another one must be opened anew.
    pub(crate) session: u64,
    pub(crate) is_connected: bool,
    /// The device could not be reset: it is cut off from memory, and nothing works any more.
    pub(crate) is_dead: bool,
    /// Somebody has mounted.
    pub(crate) is_mounted: bool,
    pub(crate) msize: u32,
    pub(crate) files: Vec<File>,
}

/// The client of one server.
pub struct Client<P: Platform> {
    pub(crate) transport: Transport<P>,
    pub(crate) config: ClientConfig,
    pub(crate) tasks: TaskHandle,
    pub(crate) tracer: Tracer,
    pub(crate) state: RefCell<State<P::Dma>>,
}

impl<P: Platform> Client<P> {
    /// A client on the device of this machine. It connects when it is needed. Who calls it as one of `tasks` waits as a
    /// task; `platform` is one on which the waits for the device are such, too.
    ///
    /// # Errors
    /// [`Error`] if there is no such device, or no memory.
    pub fn new(platform: P, tasks: TaskHandle, config: ClientConfig) -> Result<Rc<Self>, Error> {
        let tracer = platform.tracer().clone();
        let transport = Transport::new(platform, DEVICE_ID)?;
        let slots = Slots::new(transport.platform()).map_err(Error::Memory)?;
        let state = State {
            slots,
            flights: [None; SLOTS],
            is_in_turn: false,
            idle_wakes: (Instant::BOOT, 0),
            session: 0,
            is_connected: false,
            is_dead: false,
            is_mounted: false,
            msize: 0,
            files: Vec::new(),
        };
        Ok(Rc::new(Self { transport, config, tasks, tracer, state: RefCell::new(state) }))
    }
}

impl<P: Platform> fmt::Debug for Client<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("config", &self.config).finish_non_exhaustive()
    }
}
