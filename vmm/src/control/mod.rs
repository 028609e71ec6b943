//! A socket by which somebody outside talks to a running machine, line by line.
//!
//! The machine carries lines and knows nothing of what they say: a [`ControlHook`] answers them, on the
//! CPU's thread, between two steps of the guest, so that no answer sees the controller half-way. The
//! socket itself is the event loop's (`server`). Only the user who runs the machine gets through: the
//! socket is theirs alone, and whoever connects is asked for credentials.
//!
//! For the wall clock. In the lab clock nothing may come from outside, so nothing does.

mod lines;
mod server;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nvme_model::{Controller, Observer};
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

use crate::VmmError;

pub(crate) use server::ControlServer;

/// The drive of a running machine, between two steps of its guest.
pub struct ControlledDrive<'a> {
    /// Its controller.
    pub controller: &'a mut Controller,
    /// The machine's time.
    pub now_ns: u64,
    /// Who is told what happens in the controller meanwhile.
    pub observer: &'a mut dyn Observer,
}

impl std::fmt::Debug for ControlledDrive<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ControlledDrive").field("now_ns", &self.now_ns).finish_non_exhaustive()
    }
}

impl ControlledDrive<'_> {
    fn again(&mut self) -> ControlledDrive<'_> {
        let Self { controller, now_ns, observer } = self;
        ControlledDrive { controller, now_ns: *now_ns, observer: *observer }
    }
}

/// Answers what is said to the machine.
pub trait ControlHook: Send + std::fmt::Debug {
    /// The answer to one line, itself one line; neither has its end of line. Without a drive there is one all the same.
    fn answer(&mut self, drive: Option<ControlledDrive<'_>>, line: &str) -> String;
}

/// Where a machine listens, and who answers.
#[derive(Debug)]
pub struct Control {
    /// The socket. It must not exist, unless it is one of the same user's that nobody listens at.
    pub path: PathBuf,
    /// Who answers.
    pub hook: Box<dyn ControlHook>,
}

/// One client's line, or the answer to it.
#[derive(Debug)]
struct Letter {
    client: u64,
    line: String,
}

/// Lines on their way between the event loop's thread and the CPU's.
#[derive(Debug)]
pub(crate) struct Mailbox {
    requests: Mutex<VecDeque<Letter>>,
    replies: Mutex<VecDeque<Letter>>,
    /// Wakes the event loop: there are replies.
    replied: EventFd,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Mailbox {
    /// An empty one.
    ///
    /// # Errors
    /// The host has no descriptors left.
    pub(crate) fn new() -> Result<Self, VmmError> {
        let replied = EventFd::new(EFD_NONBLOCK)
            .map_err(|source| VmmError::Host { what: "creating an eventfd", source })?;
        Ok(Self { requests: Mutex::default(), replies: Mutex::default(), replied })
    }
}

/// The CPU's thread's end: requests in, answers out.
#[derive(Debug)]
pub(crate) struct Answering {
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) hook: Box<dyn ControlHook>,
}

impl Answering {
    /// Answers what has come.
    pub(crate) fn answer_all(&mut self, mut drive: Option<ControlledDrive<'_>>) {
        let requests = std::mem::take(&mut *lock(&self.mailbox.requests));
        if requests.is_empty() {
            return;
        }
        for Letter { client, line } in requests {
            let line = self.hook.answer(drive.as_mut().map(ControlledDrive::again), &line);
            lock(&self.mailbox.replies).push_back(Letter { client, line });
        }
        if let Err(error) = self.mailbox.replied.write(1) {
            log::error!("answers at the control socket cannot be announced: {error}");
        }
    }
}
