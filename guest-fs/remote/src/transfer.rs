//! Reads and writes of whole pages, in as many requests as the message size needs, several in flight.

use hal::{DmaBuf, Instant, PAGE_BYTES, Platform};
use iomap::{Context, Direction, Errno};
use p9_wire::{IO_HEADER_BYTES, Reply, Request};
use virtio::Buffer;

use crate::Client;
use crate::connect::Budget;
use crate::events::BreakCause;
use crate::flight::{Flights, Places};

/// Pages of one request at most: 128 KiB. A folio that is larger goes in several.
pub(crate) const PAGES_MAX: usize = 32;

const PAGE: u64 = PAGE_BYTES as u64;

/// The memory of a request's data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Data<'a> {
    /// Whole pages.
    pages: &'a [Buffer],
    /// Bytes that are left out at the beginning.
    skip_bytes: u32,
    size_bytes: u32,
}

impl<'a> Data<'a> {
    /// A request without data.
    pub(crate) const NONE: Data<'static> = Data { pages: &[], skip_bytes: 0, size_bytes: 0 };
    /// Buffers of one request at most.
    pub(crate) const BUFFERS_MAX: usize = PAGES_MAX;

    /// Bytes `from..from + size` of `pages`.
    pub(crate) fn of(pages: &'a [Buffer], from: u32, size_bytes: u32) -> Self {
        let first = from as usize / PAGE_BYTES;
        let pages = pages.get(first..).unwrap_or_default();
        Self { pages, skip_bytes: from % PAGE_BYTES as u32, size_bytes }
    }

    /// Puts the buffers into `room`; how many there are.
    pub(crate) fn buffers(&self, room: &mut [Buffer]) -> usize {
        let (mut skip, mut left, mut used) = (self.skip_bytes, self.size_bytes, 0);
        for (page, place) in self.pages.iter().zip(room) {
            if left == 0 {
                break;
            }
            let size_bytes = (page.size_bytes - skip).min(left);
            *place = Buffer { iova: hal::Iova(page.iova.0 + u64::from(skip)), size_bytes };
            (skip, left, used) = (0, left - size_bytes, used + 1);
        }
        used
    }
}

/// A part of a transfer: bytes `from..end` of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    pub(crate) from: u32,
    pub(crate) end: u32,
}

/// What a transfer is about.
pub(crate) struct Job<'a> {
    pub(crate) direction: Direction,
    /// The file's place in the client's table.
    pub(crate) file: usize,
    pub(crate) pos: u64,
    pub(crate) pages: &'a [Buffer],
    pub(crate) context: Context,
}

impl Job<'_> {
    pub(crate) fn size_bytes(&self) -> u32 {
        self.pages.iter().map(|page| page.size_bytes).fold(0, u32::saturating_add)
    }

    pub(crate) fn request(&self, fid: u32, piece: Piece) -> Request<'static> {
        let offset = self.pos + u64::from(piece.from);
        let count = piece.end - piece.from;
        match self.direction {
            Direction::Read => Request::Read { fid, offset, count },
            Direction::Write => Request::Write { fid, offset, count },
        }
    }
}

/// The device's view of pages; `None` if there are too many.
pub(crate) fn buffers_of<D: DmaBuf>(pages: &[D], room: &mut [Buffer; PAGES_MAX]) -> Option<usize> {
    if pages.len() > PAGES_MAX {
        return None;
    }
    for (page, place) in pages.iter().zip(room.iter_mut()) {
        *place = Buffer { iova: page.iova(), size_bytes: PAGE_BYTES as u32 };
    }
    Some(pages.len())
}

/// Nothing: for arrays of buffers.
pub(crate) const NO_BUFFERS: [Buffer; PAGES_MAX] =
    [Buffer { iova: hal::Iova(0), size_bytes: 0 }; PAGES_MAX];

impl<P: Platform> Client<P> {
    /// Moves all of a job's pages.
    ///
    /// # Errors
    /// The errno, and the first byte in the file that is concerned.
    pub(crate) fn transfer(&self, job: &Job<'_>) -> Result<(), (Errno, u64)> {
        self.transfer_launched(job, 0)
    }

    /// The same; the first pieces are under way already, as `flights`.
    pub(crate) fn transfer_launched(
        &self,
        job: &Job<'_>,
        mut flights: Flights,
    ) -> Result<(), (Errno, u64)> {
        let mut from = 0;
        while from < job.size_bytes() {
            if flights == 0 {
                flights = self.launch(job, from, Places::Free);
            }
            let (end, result) = match core::mem::take(&mut flights) {
                0 => self.one_page(job, from),
                flights => self.land(job, flights),
            };
            if let Err((errno, at)) = result {
                return Err((errno, (job.pos + u64::from(at)) / PAGE * PAGE));
            }
            from = end;
        }
        Ok(())
    }

    /// Data of one request.
    pub(crate) fn piece_bytes(&self) -> u32 {
        let room = self.state.borrow().msize.saturating_sub(IO_HEADER_BYTES);
        let page = PAGE_BYTES as u32;
        (room / page * page).clamp(page, page * PAGES_MAX as u32)
    }

    /// Moves a piece, however short the answers are and however often the connection breaks.
    pub(crate) fn alone(
        &self,
        job: &Job<'_>,
        mut piece: Piece,
        mut budget: Budget,
    ) -> Result<(), Errno> {
        while piece.from < piece.end {
            let kind = job.request(0, piece).kind();
            let moved =
                self.retried(kind, budget, |deadline| self.attempt(job, piece, deadline))?;
            if moved == 0 {
                // The end of the file, or a server that does nothing.
                return Err(Errno::EIO);
            }
            piece.from += moved;
            // What is left is another request.
            budget = self.budget();
        }
        Ok(())
    }

    fn attempt(
        &self,
        job: &Job<'_>,
        piece: Piece,
        deadline: Instant,
    ) -> Result<Result<u32, Errno>, BreakCause> {
        let fid = match self.open_again(job.file, deadline)? {
            Ok(fid) => fid,
            Err(errno) => return Ok(Err(errno)),
        };
        let data = Data::of(job.pages, piece.from, piece.end - piece.from);
        let sent = self.send(&job.request(fid, piece), &data, job.context, deadline)?;
        Ok(moved_bytes(self.receive(sent, deadline)?, piece))
    }
}

/// Bytes that an answer says were moved; no more than were asked for.
pub(crate) fn moved_bytes(answer: Result<Reply, Errno>, piece: Piece) -> Result<u32, Errno> {
    match answer? {
        Reply::Read { count } | Reply::Write { count } => Ok(count.min(piece.end - piece.from)),
        _ => Err(Errno::EIO),
    }
}

/// Reads or writes pages that are the caller's.
pub(crate) fn pages_of<D: DmaBuf, T>(
    pages: &[D],
    action: impl FnOnce(&[Buffer]) -> T,
) -> Option<T> {
    let mut room = NO_BUFFERS;
    let count = buffers_of(pages, &mut room)?;
    Some(action(&room[..count]))
}
