//! Requests from the queue to the server and back, in virtual time.

use nvme_model::GuestMemory;
use p9_wire::{HEADER_BYTES, MESSAGE_BYTES_MAX, NO_TAG, Reply, Request};

use super::chain::Chain;
use super::queue::BrokenRing;
use super::registers::Asked;
use super::{FileServer, Ports, Registers};
use crate::errno::{EINVAL, EPROTO};
use crate::fault::Fate;
use crate::server::{Answer, Effect};
use crate::{Event, Observer};

/// A tag that no request of the driver has: what a server answers that has lost its mind.
const WRONG_TAG_XOR: u16 = 0x5a00;

/// A request that was taken and not yet answered.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    due_ns: u64,
    tag: u16,
    kind: u8,
    chain: Chain,
    bytes: Vec<u8>,
    fate: Fate,
}

impl Pending {
    /// Whether there will ever be something to do about it.
    pub(super) fn is_answered(&self) -> bool {
        !self.fate.is_request_lost && self.due_ns != u64::MAX
    }

    pub(super) fn due_ns(&self) -> u64 {
        self.due_ns
    }
}

impl FileServer {
    /// Writes a register, and does what that asks for at once.
    pub fn mmio_write(&mut self, now_ns: u64, offset: u64, data: &[u8], ports: &mut Ports<'_>) {
        match self.registers.write(offset, data) {
            Asked::Nothing => {}
            Asked::Reset => {
                self.end_session(now_ns, ports.observer);
                self.registers = Registers::default();
            }
            Asked::Start if now_ns < self.away_until_ns => {
                ports.observer.server_event(now_ns, &Event::ConnectionRefused);
                self.ask_for_reset(ports);
            }
            Asked::Start => {}
            Asked::Notify { until } => self.notified(now_ns, until, ports),
            Asked::Broken => self.break_down(now_ns, ports),
        }
    }

    /// Answers what is due at `now_ns`, the oldest first.
    pub fn step(&mut self, now_ns: u64, ports: &mut Ports<'_>) {
        while self.registers.is_running() {
            let due = self.pending.iter().enumerate();
            let due = due.filter(|(_, one)| one.is_answered() && one.due_ns <= now_ns);
            let Some((index, _)) = due.min_by_key(|(index, one)| (one.due_ns, *index)) else {
                return;
            };
            let pending = self.pending.remove(index);
            self.answer(now_ns, pending, ports);
        }
    }

    fn notified(&mut self, now_ns: u64, until: u16, ports: &mut Ports<'_>) {
        while self.registers.is_running() && self.registers.queue.is_ready {
            match self.registers.queue.take(until, ports.memory) {
                Ok(Some(chain)) => self.accept(now_ns, chain, ports),
                Ok(None) => return,
                Err(BrokenRing) => return self.break_down(now_ns, ports),
            }
        }
    }

    /// Takes one request: asks the fault rules, and says when it is due.
    fn accept(&mut self, now_ns: u64, chain: Chain, ports: &mut Ports<'_>) {
        let bytes_max = self.server.msize().max(MESSAGE_BYTES_MAX as u32);
        let bytes = chain.gather(bytes_max, ports.memory).unwrap_or_default();
        let due_ns = now_ns.saturating_add(self.timing.request_ns.max(1));
        let Ok((tag, request)) = Request::decode(&bytes, bytes.len()) else {
            let size = u32::try_from(chain.readable_bytes()).unwrap_or(u32::MAX);
            ports.observer.server_event(now_ns, &Event::Malformed { bytes: size });
            let tag = tag_of(&bytes);
            let fate = Fate { error: Some(EPROTO), ..Fate::default() };
            self.pending.push(Pending { due_ns, tag, kind: 0, chain, bytes: Vec::new(), fate });
            return;
        };
        let (file, offset, count) = self.subject(&request);
        let kind = request.kind();
        ports.observer.server_event(now_ns, &Event::Request { tag, kind, file, offset, count });
        let observer = &mut *ports.observer;
        let mut fate = self.faults.ask(&request, now_ns, |rule, action| {
            let action = action.number();
            observer.server_event(now_ns, &Event::Fault { rule, tag, action });
        });
        if self.pending.iter().any(|other| other.tag == tag) {
            fate.error = Some(EINVAL);
        }
        let data_ns = self.timing.kib_ns.saturating_mul(u64::from(count.div_ceil(1024)));
        let due_ns = due_ns.saturating_add(data_ns).saturating_add(fate.delay_ns);
        if fate.is_filesystem_down && !self.server.export.is_down() {
            self.server.export.set_down(true);
            ports.observer.server_event(now_ns, &Event::FilesystemDown);
        }
        let disconnect_ns = fate.disconnect_ns;
        self.pending.push(Pending { due_ns, tag, kind, chain, bytes, fate });
        if let Some(away_ns) = disconnect_ns {
            self.disconnect(now_ns, away_ns, ports);
        }
    }

    /// What a request is about: file, first byte, bytes.
    fn subject(&self, request: &Request<'_>) -> (u64, u64, u32) {
        match *request {
            Request::Read { fid, offset, count } | Request::Write { fid, offset, count } => {
                (self.server.path_of(fid), offset, count)
            }
            Request::Fsync { fid, .. }
            | Request::Lopen { fid, .. }
            | Request::Getattr { fid, .. }
            | Request::Clunk { fid } => (self.server.path_of(fid), 0, 0),
            _ => (0, 0, 0),
        }
    }

    fn disconnect(&mut self, now_ns: u64, away_ns: u64, ports: &mut Ports<'_>) {
        ports.observer.server_event(now_ns, &Event::Disconnect { away_ns });
        self.end_session(now_ns, ports.observer);
        self.away_until_ns = now_ns.saturating_add(away_ns);
        self.ask_for_reset(ports);
    }

    fn break_down(&mut self, now_ns: u64, ports: &mut Ports<'_>) {
        ports.observer.server_event(now_ns, &Event::BrokenRing);
        self.end_session(now_ns, ports.observer);
        self.ask_for_reset(ports);
    }

    fn ask_for_reset(&mut self, ports: &mut Ports<'_>) {
        self.registers.set_needs_reset();
        ports.irq.signal(0);
    }

    /// Carries a request out, and puts the reply into the queue unless that is lost.
    fn answer(&mut self, now_ns: u64, pending: Pending, ports: &mut Ports<'_>) {
        let Pending { tag, kind, chain, bytes, fate, .. } = pending;
        let mut answer = self.execute(&bytes, &fate);
        tell_effect(now_ns, answer.effect, ports.observer);
        if let Some(flip) = fate.flip
            && let Some(at) = flip.offset.checked_rem(answer.data.len() as u64)
            && let Some(byte) = answer.data.get_mut(usize::try_from(at).unwrap_or(usize::MAX))
        {
            *byte ^= flip.xor;
        }
        if fate.is_reply_lost {
            // The driver's memory stays lent: only a reset gives it back.
            let fate = Fate { is_request_lost: true, ..fate };
            self.pending.push(Pending { due_ns: u64::MAX, tag, kind, chain, bytes: vec![], fate });
            return;
        }
        let sent_tag = if fate.has_wrong_tag { tag ^ WRONG_TAG_XOR } else { tag };
        match self.put_reply(sent_tag, &chain, &answer, ports.memory) {
            Ok(()) => {
                let (errno, count) = match answer.reply {
                    Reply::Error { errno } => (errno, 0),
                    Reply::Read { count } | Reply::Write { count } => (0, count),
                    _ => (0, 0),
                };
                let reply = Event::Reply { tag: sent_tag, kind, errno, count };
                ports.observer.server_event(now_ns, &reply);
                ports.irq.signal(0);
            }
            Err(BrokenRing) => self.break_down(now_ns, ports),
        }
    }

    fn execute(&mut self, bytes: &[u8], fate: &Fate) -> Answer {
        if let Some(errno) = fate.error {
            return Answer::error(errno);
        }
        let Ok((_, request)) = Request::decode(bytes, bytes.len()) else {
            return Answer::error(EPROTO);
        };
        let most = fate.bytes_max.unwrap_or(u32::MAX);
        match request {
            Request::Read { fid, offset, count } => {
                let request = Request::Read { fid, offset, count: count.min(most) };
                self.server.handle(&request, &[])
            }
            Request::Write { offset, count, .. } => {
                let data = bytes.get(p9_wire::WRITE_HEADER_BYTES..).unwrap_or_default();
                let kept = usize::try_from(count.min(most)).unwrap_or(usize::MAX);
                let data = data.get(..kept).unwrap_or(data);
                if fate.is_elsewhere {
                    return self.server.write_elsewhere(offset, data);
                }
                self.server.handle(&request, data)
            }
            request => self.server.handle(&request, &[]),
        }
    }

    fn put_reply(
        &mut self,
        tag: u16,
        chain: &Chain,
        answer: &Answer,
        memory: &dyn GuestMemory,
    ) -> Result<(), BrokenRing> {
        let mut message = vec![0; MESSAGE_BYTES_MAX];
        let header_bytes = answer.reply.encode(tag, &mut message).map_err(|_| BrokenRing)?;
        message.truncate(header_bytes);
        message.extend_from_slice(&answer.data);
        // A driver without room for the reply gets what fits: its own size field tells it so.
        let written = chain.scatter(&message, memory).ok_or(BrokenRing)?;
        self.registers.queue.give(chain.head, written, memory)
    }
}

fn tell_effect(now_ns: u64, effect: Effect, observer: &mut dyn Observer) {
    let event = match effect {
        Effect::None => return,
        Effect::Session { msize } => Event::Session { msize },
        Effect::Written { path, offset, bytes } => Event::Written { file: path, offset, bytes },
        Effect::Down(true) => Event::FilesystemDown,
        Effect::Down(false) => Event::FilesystemUp,
    };
    observer.server_event(now_ns, &event);
}

/// The tag of what is no message, if it is long enough to have one.
fn tag_of(bytes: &[u8]) -> u16 {
    match bytes.first_chunk::<HEADER_BYTES>() {
        Some([_, _, _, _, _, low, high]) => u16::from_le_bytes([*low, *high]),
        None => NO_TAG,
    }
}
