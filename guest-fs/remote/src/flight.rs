//! Pieces of a read or write that are under way, and what becomes of each.

use hal::{Instant, PAGE_BYTES, Platform};
use iomap::Errno;

use crate::Client;
use crate::exchange::Sent;
use crate::slots::SLOTS;
use crate::transfer::{Data, Job, Piece, moved_bytes};

/// A piece that was sent, and that nobody has looked after yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flight {
    piece: Piece,
    sent: Sent,
    deadline: Instant,
}

/// The slots of a transfer's flights, one bit each.
pub(crate) type Flights = u64;

/// How many places a transfer may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Places {
    /// All that are free: its sender looks after it at once.
    Free,
    /// All but one: who looks after it may still have to come, and whoever waits for a place then must get one in the
    /// end. So the last place only goes to somebody who gives it back by himself.
    Spare,
}

impl Places {
    /// Places that must be free before one is taken.
    const fn free_min(self) -> usize {
        match self {
            Self::Free => 1,
            Self::Spare => 2,
        }
    }
}

impl<P: Platform> Client<P> {
    /// Sends pieces from byte `from` on, as many as there are places, and waits for nothing. Without a connection that
    /// is ready there is nothing to be quick about: nothing is sent.
    pub(crate) fn launch(&self, job: &Job<'_>, mut from: u32, places: Places) -> Flights {
        let Some(fid) = self.ready_fid(job.file) else { return 0 };
        let (mut flights, size) = (0, job.size_bytes());
        let deadline = self.now() + self.config.timeo;
        while from < size {
            let piece = Piece { from, end: size.min(from.saturating_add(self.piece_bytes())) };
            let data = Data::of(job.pages, piece.from, piece.end - piece.from);
            let request = job.request(fid, piece);
            match self.send_at_once(&request, &data, job.context, places.free_min()) {
                Ok(Some(sent)) => {
                    let flight = Flight { piece, sent, deadline };
                    self.state.borrow_mut().flights[sent.slot] = Some(flight);
                    flights |= 1 << sent.slot;
                }
                Ok(None) => break,
                Err(cause) => {
                    self.break_connection(cause);
                    break;
                }
            }
            from = piece.end;
        }
        flights
    }

    /// Waits for what was launched. Says where the last piece ends, and how it went: the first failure with its place.
    /// When it returns, nothing of it is under way any more.
    pub(crate) fn land(&self, job: &Job<'_>, flights: Flights) -> (u32, Result<(), (Errno, u32)>) {
        let (mut end, mut result) = (0, Ok(()));
        let budget = self.budget();
        for Flight { piece, sent, deadline } in self.in_order(flights).into_iter().flatten() {
            let mut budget = budget;
            let moved = match self.receive(sent, deadline) {
                Ok(answer) => moved_bytes(answer, piece),
                Err(cause) => {
                    self.break_connection(cause);
                    budget.spend(cause);
                    Ok(0)
                }
            };
            // What is left is moved by itself, whatever became of the connection.
            let done = moved.and_then(|moved| {
                let rest = Piece { from: piece.from + moved, ..piece };
                self.alone(job, rest, budget)
            });
            if let (Err(errno), Ok(())) = (done, result) {
                result = Err((errno, piece.from));
            }
            end = piece.end;
        }
        (end, result)
    }

    /// Takes the flights out of their slots, by their place in the transfer.
    fn in_order(&self, flights: Flights) -> [Option<Flight>; SLOTS] {
        let mut taken = [None; SLOTS];
        for (slot, place) in taken.iter_mut().enumerate() {
            if flights & 1 << slot != 0 {
                *place = self.state.borrow_mut().flights[slot].take();
            }
        }
        taken.sort_by_key(|flight: &Option<Flight>| flight.map_or(u32::MAX, |f| f.piece.from));
        taken
    }

    /// A page from byte `from` on, by itself.
    pub(crate) fn one_page(&self, job: &Job<'_>, from: u32) -> (u32, Result<(), (Errno, u32)>) {
        let end = job.size_bytes().min(from.saturating_add(PAGE_BYTES as u32));
        let moved = self.alone(job, Piece { from, end }, self.budget());
        (end, moved.map_err(|errno| (errno, from)))
    }
}
