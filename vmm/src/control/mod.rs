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

use nvme_model::Controller;
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

use crate::VmmError;

pub(crate) use server::ControlServer;

/// Answers what is said to the machine.
pub trait ControlHook: Send + std::fmt::Debug {
    /// The answer to one line, itself one line; neither has its end of line.
    fn answer(&mut self, controller: Option<&mut Controller>, now_ns: u64, line: &str) -> String;
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
    pub(crate) fn answer_all(&mut self, mut controller: Option<&mut Controller>, now_ns: u64) {
        let requests = std::mem::take(&mut *lock(&self.mailbox.requests));
        if requests.is_empty() {
            return;
        }
        for Letter { client, line } in requests {
            let line = self.hook.answer(controller.as_deref_mut(), now_ns, &line);
            lock(&self.mailbox.replies).push_back(Letter { client, line });
        }
        if let Err(error) = self.mailbox.replied.write(1) {
            log::error!("answers at the control socket cannot be announced: {error}");
        }
    }
}
