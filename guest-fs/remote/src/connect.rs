//! Connections: how one begins, how it ends, and how often a request may outlive one.

use hal::{Instant, Platform, Wake};
use iomap::{Context, Errno};
use p9_wire::{NO_FID, Reply, Request, VERSION};
use tasks::{Resource, ResourceKind};
use virtio::Error;

use crate::Client;
use crate::events::{BreakCause, Event};
use crate::transfer::Data;

/// The root directory's fid.
pub(crate) const ROOT_FID: u32 = 0;

/// What is waited for while somebody else sets the session up.
const TURN: Resource = Resource::only(ResourceKind::Session);
/// What is waited for while an answer is on its way: the only vector.
const ANSWER: Resource = Resource::only(ResourceKind::Server);
const TIME: Resource = Resource::only(ResourceKind::Time);

/// How often a request may still be sent, and until when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    attempts: u32,
    give_up: Instant,
    /// What it gets if nothing is left.
    errno: Errno,
}

impl Budget {
    /// It was sent, and the connection broke. What another request has broken costs this one only time.
    pub(crate) fn spend(&mut self, cause: BreakCause) {
        if cause == BreakCause::Elsewhere {
            return;
        }
        self.attempts = self.attempts.saturating_sub(1);
        self.errno = cause.errno();
    }
}

impl<P: Platform> Client<P> {
    /// What a request may cost that was not sent yet.
    pub(crate) fn budget(&self) -> Budget {
        Budget {
            attempts: self.config.retrans.saturating_add(1),
            give_up: self.now() + self.config.major_timeout(),
            errno: Errno::ETIMEDOUT,
        }
    }

    /// Does `attempt` in a connection, again in another one if it breaks, as often as the mount allows.
    ///
    /// # Errors
    /// What the server answered, or what a request gets that was sent often enough.
    pub(crate) fn retried<T>(
        &self,
        kind: u8,
        mut budget: Budget,
        mut attempt: impl FnMut(Instant) -> Result<Result<T, Errno>, BreakCause>,
    ) -> Result<T, Errno> {
        let mut is_first = true;
        while budget.attempts > 0 && (is_first || self.now() < budget.give_up) {
            is_first = false;
            if let Err(errno) = self.connect(budget.give_up) {
                budget.errno = errno;
                break;
            }
            let deadline = (self.now() + self.config.timeo).min(budget.give_up);
            match attempt(deadline) {
                Ok(answer) => return answer,
                Err(cause) => {
                    self.break_connection(cause);
                    budget.spend(cause);
                }
            }
        }
        let errno = budget.errno;
        self.tracer.emit(Event::GaveUp { kind, errno });
        Err(errno)
    }

    pub(crate) fn now(&self) -> Instant {
        self.transport.platform().now()
    }

    /// Whether there is a connection, and whether there can be one.
    fn is_connected(&self) -> Result<bool, Errno> {
        let state = self.state.borrow();
        if state.is_dead { Err(Errno::EIO) } else { Ok(state.is_connected) }
    }

    /// Makes sure of a connection. One connects for all who need one.
    fn connect(&self, give_up: Instant) -> Result<(), Errno> {
        if self.is_connected()? {
            return Ok(());
        }
        self.in_turn(give_up, || self.connect_in_turn(give_up)).unwrap_or(Err(Errno::ETIMEDOUT))
    }

    /// Does `action` while nobody else does anything of the kind; `None` if that could not be by `deadline`.
    pub(crate) fn in_turn<T>(&self, deadline: Instant, action: impl FnOnce() -> T) -> Option<T> {
        while self.state.borrow().is_in_turn {
            if self.tasks.wait(TURN, deadline) != Ok(Wake::Interrupt) {
                return None;
            }
        }
        self.state.borrow_mut().is_in_turn = true;
        self.tasks.claim(TURN);
        let result = action();
        self.state.borrow_mut().is_in_turn = false;
        self.tasks.unclaim(TURN);
        Some(result)
    }

    /// Tries to connect, waiting longer and longer between attempts.
    fn connect_in_turn(&self, give_up: Instant) -> Result<(), Errno> {
        let mut pause = self.config.reconnect_min;
        while !self.is_connected()? {
            match self.connect_once() {
                Ok(()) => return Ok(()),
                Err(Some(Errno::EIO)) => return Err(Errno::EIO),
                Err(_) => {}
            }
            let until = (self.now() + pause).min(give_up);
            if self.now() >= give_up {
                return Err(Errno::ETIMEDOUT);
            }
            let wait_ns = u64::try_from((until - self.now()).as_nanos()).unwrap_or(u64::MAX);
            self.tracer.emit(Event::NotConnected { wait_ns });
            self.pause(until);
            pause = pause.saturating_mul(2).min(self.config.reconnect_max);
        }
        Ok(())
    }

    /// Lets time pass; whatever the device says meanwhile is of no interest.
    fn pause(&self, until: Instant) {
        while self.now() < until && self.tasks.wait(TIME, until).is_ok() {}
        if self.now() >= until {
            return;
        }
        // Nobody else runs. A device that is reset says nothing; one that does all the same is not listened to for
        // ever.
        for _ in 0..64 {
            if self.transport.wait(until) == Wake::Deadline {
                return;
            }
        }
    }

    /// # Errors
    /// `None`: nobody is there; `EIO`: the device, or the session, cannot be had at all.
    fn connect_once(&self) -> Result<(), Option<Errno>> {
        let started = self.transport.start();
        let mut state = self.state.borrow_mut();
        // Whatever was in flight is void now.
        state.slots.forget();
        state.session += 1;
        match started {
            Ok(()) => drop(state),
            Err(Error::Refused) => return Err(None),
            Err(_) => {
                state.is_dead = true;
                self.transport.abandon();
                return Err(Some(Errno::EIO));
            }
        }
        match self.open_session() {
            Ok(Ok(msize)) => {
                let mut state = self.state.borrow_mut();
                state.is_connected = true;
                state.msize = msize;
                self.tracer.emit(Event::Connected { msize });
                Ok(())
            }
            Ok(Err(_)) => {
                self.break_connection(BreakCause::Lied);
                Err(Some(Errno::EIO))
            }
            Err(cause) => {
                self.break_connection(cause);
                Err(None)
            }
        }
    }

    fn open_session(&self) -> Result<Result<u32, Errno>, BreakCause> {
        let deadline = self.now() + self.config.timeo;
        let version = Request::Version { msize: self.config.msize, version: VERSION };
        let msize = match self.exchange(&version, deadline)? {
            Ok(Reply::Version { msize, is_known: true }) if self.is_good(msize) => msize,
            Ok(_) => return Err(BreakCause::Lied),
            Err(errno) => return Ok(Err(errno)),
        };
        let attach =
            Request::Attach { fid: ROOT_FID, afid: NO_FID, uname: "root", aname: "", n_uname: 0 };
        Ok(self.exchange(&attach, deadline)?.map(|_| msize))
    }

    /// At least a page a message, and no more than was asked for.
    fn is_good(&self, msize: u32) -> bool {
        let least = hal::PAGE_BYTES as u32 + p9_wire::IO_HEADER_BYTES;
        (least..=self.config.msize).contains(&msize)
    }

    /// One request without data in this connection.
    pub(crate) fn exchange(
        &self,
        request: &Request<'_>,
        deadline: Instant,
    ) -> Result<Result<Reply, Errno>, BreakCause> {
        let sent = self.send(request, &Data::NONE, Context::User, deadline)?;
        self.receive(sent, deadline)
    }

    /// Ends the connection: every buffer is the client's again, and every file must be opened anew.
    pub(crate) fn break_connection(&self, cause: BreakCause) {
        let mut state = self.state.borrow_mut();
        if cause == BreakCause::Elsewhere {
            return;
        }
        state.is_connected = false;
        state.session += 1;
        self.tracer.emit(Event::Broken { cause });
        if self.transport.stop().is_err() {
            state.is_dead = true;
            self.transport.abandon();
        }
        state.slots.forget();
        // Who waits for an answer would wait in vain (Linux `xprt_wake_pending_tasks`).
        self.tasks.wake_all(ANSWER);
    }
}
