//! The control socket on the event loop: clients come, say lines, get answers, go.
//!
//! Bounded in everything that a client decides: how many there are, how long a line is, how many
//! requests wait, how much of an answer is not fetched.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;

use event_manager::{EventOps, Events, MutEventSubscriber};
use vmm_sys_util::epoll::EventSet;

use super::lines::LineBuffer;
use super::{Letter, Mailbox, lock};
use crate::VmmError;
use crate::event_loop::subscribe;
use crate::socket::OwnSocket;

/// Clients at the same time.
const CLIENTS_MAX: usize = 16;
/// Requests that nobody has answered, over all clients.
const REQUESTS_MAX: usize = 256;
/// Bytes of answers that a client has not fetched.
const UNREAD_BYTES_MAX: usize = 4 << 20;

// Which descriptor is ready; clients count on from here.
const LISTENER: u32 = 0;
const REPLIED: u32 = 1;
const FIRST_CLIENT: u32 = 2;

#[derive(Debug)]
struct Client {
    stream: UnixStream,
    input: LineBuffer,
    output: Vec<u8>,
    mark: u32,
}

/// The socket and its clients.
pub(crate) struct ControlServer {
    socket: OwnSocket,
    owner: u32,
    mailbox: Arc<Mailbox>,
    /// Tells whoever answers that there are requests.
    wake: Box<dyn FnMut() + Send>,
    clients: BTreeMap<u64, Client>,
    next_client: u32,
}

impl ControlServer {
    /// Listens at `path`; `wake` is called when there are requests in `mailbox`.
    ///
    /// # Errors
    /// There is something at `path` already, or the socket cannot be made.
    pub(crate) fn new(
        path: &Path,
        mailbox: Arc<Mailbox>,
        wake: impl FnMut() + Send + 'static,
    ) -> Result<Self, VmmError> {
        let socket = OwnSocket::bind("control", path)?;
        let nonblocking = socket.listener.set_nonblocking(true);
        nonblocking.map_err(|source| VmmError::Host { what: "setting up a socket", source })?;
        Ok(Self {
            socket,
            owner: rustix::process::getuid().as_raw(),
            mailbox,
            wake: Box::new(wake),
            clients: BTreeMap::new(),
            next_client: FIRST_CLIENT,
        })
    }

    fn accept(&mut self, ops: &mut EventOps<'_>) {
        while let Ok((stream, _)) = self.socket.listener.accept() {
            let peer = rustix::net::sockopt::socket_peercred(&stream);
            let is_owner = peer.is_ok_and(|peer| peer.uid.as_raw() == self.owner);
            if !is_owner
                || self.clients.len() >= CLIENTS_MAX
                || stream.set_nonblocking(true).is_err()
            {
                log::warn!("a client of the control socket is turned away");
                continue;
            }
            let mark = self.next_client;
            self.next_client = mark.checked_add(1).unwrap_or(FIRST_CLIENT);
            subscribe(ops, Events::with_data(&stream, mark, EventSet::IN));
            let client = Client { stream, input: LineBuffer::default(), output: Vec::new(), mark };
            self.clients.insert(mark.into(), client);
        }
    }

    /// Reads what a client says; `false` if it has gone or talks nonsense.
    fn listen(&mut self, id: u64) -> bool {
        let Some(client) = self.clients.get_mut(&id) else {
            return true;
        };
        let mut bytes = [0; 4096];
        loop {
            let count = match client.stream.read(&mut bytes) {
                Ok(0) => return false,
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            };
            let Ok(lines) = client.input.push(&bytes[..count]) else {
                return false;
            };
            let mut requests = lock(&self.mailbox.requests);
            requests.extend(lines.into_iter().map(|line| Letter { client: id, line }));
            if requests.len() > REQUESTS_MAX {
                return false;
            }
            drop(requests);
            (self.wake)();
        }
    }

    /// Hands out the answers.
    fn deliver(&mut self, ops: &mut EventOps<'_>) {
        // Reading resets the eventfd; that it was reset already is no error.
        let _ = self.mailbox.replied.read();
        let replies = std::mem::take(&mut *lock(&self.mailbox.replies));
        for Letter { client: id, line } in replies {
            if let Some(client) = self.clients.get_mut(&id) {
                client.output.extend(line.bytes().filter(|byte| *byte != b'\n'));
                client.output.push(b'\n');
            }
        }
        let ids: Vec<u64> = self.clients.keys().copied().collect();
        for id in ids {
            if !self.flush(id, ops) {
                self.dismiss(id, ops);
            }
        }
    }

    /// Writes what waits for a client, and watches for room if not all of it fits; `false` if it has gone.
    fn flush(&mut self, id: u64, ops: &mut EventOps<'_>) -> bool {
        let Some(client) = self.clients.get_mut(&id) else {
            return true;
        };
        while !client.output.is_empty() {
            match client.stream.write(&client.output) {
                Ok(count) => drop(client.output.drain(..count)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => return false,
            }
        }
        let wanted =
            if client.output.is_empty() { EventSet::IN } else { EventSet::IN | EventSet::OUT };
        let events = Events::with_data(&client.stream, client.mark, wanted);
        ops.modify(events).is_ok() && client.output.len() <= UNREAD_BYTES_MAX
    }

    fn dismiss(&mut self, id: u64, ops: &mut EventOps<'_>) {
        if let Some(client) = self.clients.remove(&id)
            && let Err(error) = ops.remove(Events::empty(&client.stream))
        {
            log::error!("cannot stop watching descriptor {}: {error}", client.stream.as_raw_fd());
        }
    }
}

impl MutEventSubscriber for ControlServer {
    fn process(&mut self, events: Events, ops: &mut EventOps<'_>) {
        match events.data() {
            LISTENER => self.accept(ops),
            REPLIED => self.deliver(ops),
            mark => {
                let id = u64::from(mark);
                if !self.listen(id) || !self.flush(id, ops) {
                    self.dismiss(id, ops);
                }
            }
        }
    }

    fn init(&mut self, ops: &mut EventOps<'_>) {
        subscribe(ops, Events::with_data(&self.socket.listener, LISTENER, EventSet::IN));
        subscribe(ops, Events::with_data(&self.mailbox.replied, REPLIED, EventSet::IN));
    }
}
