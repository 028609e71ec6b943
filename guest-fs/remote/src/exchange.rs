//! One request and its reply, in one connection.

use hal::{Instant, Platform, Wake};
use iomap::{Context, Errno};
use p9_wire::{MESSAGE_BYTES_MAX, NO_TAG, READ_HEADER_BYTES, Reply, Request};
use tasks::{Alone, Resource, ResourceKind};

use crate::Client;
use crate::events::{BreakCause, Event};
use crate::transfer::Data;

/// Wake-ups without anything to see at one moment of time, before the device is taken for mad.
const IDLE_WAKES_MAX: u32 = 10_000;

/// What is waited for when all places are taken.
const SLOT: Resource = Resource::only(ResourceKind::ServerSlot);

/// A request that was sent, and where its reply will be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) slot: usize,
    session: u64,
    kind: u8,
    /// Bytes of data that were asked for, of a read or write.
    count: u32,
}

impl<P: Platform> Client<P> {
    /// Sends a request in the session that there is. There is a place for it as soon as one of the others is
    /// through; who waits for that holds none.
    pub(crate) fn send(
        &self,
        request: &Request<'_>,
        data: &Data<'_>,
        context: Context,
        deadline: Instant,
    ) -> Result<Sent, BreakCause> {
        let session = self.state.borrow().session;
        loop {
            if let Some(sent) = self.send_at_once(request, data, context, 1)? {
                return Ok(sent);
            }
            let wake = self.tasks.wait(SLOT, deadline);
            if self.state.borrow().session != session {
                return Err(BreakCause::Elsewhere);
            }
            match wake {
                Ok(Wake::Interrupt) => {}
                Ok(Wake::Deadline) => return Err(BreakCause::TimedOut),
                // Nobody is there who could make room.
                Err(Alone) => return Err(BreakCause::NotSent),
            }
        }
    }

    /// Sends a request if at least so many places are free; `None` if they are not.
    pub(crate) fn send_at_once(
        &self,
        request: &Request<'_>,
        data: &Data<'_>,
        context: Context,
        free_min: usize,
    ) -> Result<Option<Sent>, BreakCause> {
        let slot = self.state.borrow_mut().slots.take(free_min);
        let Some(slot) = slot else { return Ok(None) };
        let sent = self.send_in(slot, request, data, context);
        if sent.is_err() {
            self.give_back(slot);
        }
        sent.map(Some)
    }

    fn give_back(&self, slot: usize) {
        self.state.borrow_mut().slots.give_back(slot);
        self.tasks.wake_all(SLOT);
    }

    fn send_in(
        &self,
        slot: usize,
        request: &Request<'_>,
        data: &Data<'_>,
        context: Context,
    ) -> Result<Sent, BreakCause> {
        let mut state = self.state.borrow_mut();
        if matches!(request, Request::Version { .. }) {
            state.slots.set_tag(slot, NO_TAG);
        }
        let tag = state.slots.tag(slot);
        let mut message = [0; MESSAGE_BYTES_MAX];
        let bytes = request.encode(tag, &mut message).map_err(|_| BreakCause::NotSent)?;
        let header = state.slots.put_request(slot, &message[..bytes]);
        let (count, is_read) = match *request {
            Request::Read { count, .. } => (count, true),
            Request::Write { count, .. } => (count, false),
            _ => (0, false),
        };
        let room = if is_read { READ_HEADER_BYTES } else { MESSAGE_BYTES_MAX };
        let reply = state.slots.reply_room(slot, room);
        let mut buffers = [header; 1 + Data::BUFFERS_MAX];
        let used = data.buffers(&mut buffers[1..]);
        let offset = match *request {
            Request::Read { offset, .. } | Request::Write { offset, .. } => offset,
            _ => 0,
        };
        self.tracer.emit(Event::Sent { tag, kind: request.kind(), context, offset, count });
        let token = if is_read {
            buffers[0] = reply;
            self.transport.send(&[header], &buffers[..=used])
        } else {
            self.transport.send(&buffers[..=used], &[reply])
        };
        let token = token.ok_or(BreakCause::NotSent)?;
        state.slots.set_in_flight(slot, token);
        Ok(Sent { slot, session: state.session, kind: request.kind(), count })
    }

    /// Waits for the reply. The place is free afterwards, whatever comes of it.
    pub(crate) fn receive(
        &self,
        sent: Sent,
        deadline: Instant,
    ) -> Result<Result<Reply, Errno>, BreakCause> {
        let mut message = [0; MESSAGE_BYTES_MAX];
        let received = loop {
            let state = self.state.borrow();
            if state.session != sent.session {
                break Err(BreakCause::Elsewhere);
            }
            if let Some(written) = state.slots.reply(sent.slot, &mut message) {
                break Ok((state.slots.tag(sent.slot), written));
            }
            drop(state);
            if let Err(cause) = self.look_or_wait(sent.session, deadline) {
                break Err(cause);
            }
        };
        self.give_back(sent.slot);
        let (tag, written) = received?;
        let answer = understood(&message, written, tag, &sent)?;
        let (errno, count) = match answer {
            Reply::Error { errno } => (errno, 0),
            Reply::Read { count } | Reply::Write { count } => (0, count),
            _ => (0, 0),
        };
        self.tracer.emit(Event::Answered { tag, kind: sent.kind, errno, count });
        Ok(match answer {
            // A number that nobody knows is an error all the same.
            Reply::Error { errno } => {
                Err(u16::try_from(errno).ok().and_then(Errno::from_number).unwrap_or(Errno::EIO))
            }
            answer => Ok(answer),
        })
    }

    /// Takes what the device has used; if there is nothing, waits once for it.
    fn look_or_wait(&self, session: u64, deadline: Instant) -> Result<(), BreakCause> {
        if self.reap()? {
            return Ok(());
        }
        let wake = self.transport.wait(deadline);
        // What the device says now is about another session then.
        if self.state.borrow().session != session {
            return Err(BreakCause::Elsewhere);
        }
        match wake {
            _ if self.reap()? => Ok(()),
            Wake::Deadline => Err(BreakCause::TimedOut),
            Wake::Interrupt if self.transport.needs_reset() => Err(BreakCause::Disconnected),
            // Somebody else's answer, or a lie.
            Wake::Interrupt if self.is_calm() => Ok(()),
            Wake::Interrupt => Err(BreakCause::Lied),
        }
    }

    /// Whether a wake-up in vain can still be believed.
    fn is_calm(&self) -> bool {
        let now = self.now();
        let (at, count) = &mut self.state.borrow_mut().idle_wakes;
        if *at != now {
            (*at, *count) = (now, 0);
        }
        *count += 1;
        *count < IDLE_WAKES_MAX
    }

    /// Whether the device had used anything.
    fn reap(&self) -> Result<bool, BreakCause> {
        let mut has_any = false;
        while let Some(used) = self.transport.reap().map_err(|_| BreakCause::Lied)? {
            self.state.borrow_mut().slots.finish(used);
            has_any = true;
        }
        Ok(has_any)
    }
}

/// The reply, if it is one to this request.
fn understood(
    message: &[u8; MESSAGE_BYTES_MAX],
    written: usize,
    tag: u16,
    sent: &Sent,
) -> Result<Reply, BreakCause> {
    let is_read = sent.kind == (Request::Read { fid: 0, offset: 0, count: 0 }).kind();
    let room = if is_read { READ_HEADER_BYTES } else { MESSAGE_BYTES_MAX };
    let bytes = message.get(..written.min(room)).ok_or(BreakCause::Lied)?;
    let (found_tag, reply) = Reply::decode(bytes, written).map_err(|_| BreakCause::Lied)?;
    let is_error = matches!(reply, Reply::Error { .. });
    if found_tag != tag || !is_error && reply.kind() != sent.kind + 1 {
        return Err(BreakCause::Lied);
    }
    match reply {
        Reply::Read { count } | Reply::Write { count } if count > sent.count => {
            Err(BreakCause::Lied)
        }
        reply => Ok(reply),
    }
}
