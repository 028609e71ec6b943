//! An I/O in two halves: the one who submits it is not the one who completes it (Linux: a kiocb with
//! `ki_complete`).
//!
//! A request owns its pages from submission to completion and keeps its vectors, so a pool of requests that is
//! made once needs no further memory. Only [`dio_submit`] takes bios from the heap, as `iomap_dio_rw` does.

use alloc::vec::Vec;

use block::BlockDevice;
use hal::DmaBuf;

use crate::carrier::{Carrier, Load};
use crate::dio::{finish_write, outcome, send_all};
use crate::events::{Engine, Event};
use crate::piece::transfer_bytes;
use crate::pool::BioPool;
use crate::swap::submit_all;
use crate::{Context, DioEnd, DioOps, Direction, IoFailure, IomapOps, Kiocb};

/// One I/O between its submission and its completion.
#[derive(Debug)]
pub struct Request<P> {
    /// Which way.
    pub direction: Direction,
    /// The first byte in the file.
    pub pos: u64,
    /// The pages, in file order; they are the request's until it is completed.
    pub pages: Vec<P>,
    /// Its length, while pages are on their way.
    bytes: u64,
    pool: BioPool<P>,
    /// The pages while they are under way.
    load: Load<P>,
    submitted: Result<(), IoFailure>,
    end: DioEnd,
    note: u64,
}

impl<P: DmaBuf> Request<P> {
    /// A request of up to `pages_max` pages in up to `bios` bios at once.
    #[must_use]
    pub fn new(bios: usize, pages_max: usize) -> Self {
        Self {
            direction: Direction::Read,
            pos: 0,
            pages: Vec::with_capacity(pages_max),
            bytes: 0,
            pool: BioPool::new(bios, pages_max),
            load: Load::new(Vec::new()),
            submitted: Ok(()),
            end: DioEnd::empty(),
            note: 0,
        }
    }

    /// Makes it a new I/O; its pages are to be filled in.
    ///
    /// # Panics
    /// If the pages of the last one were not taken back, or it was not completed.
    pub fn begin(&mut self, direction: Direction, pos: u64) {
        assert!(self.pages.is_empty(), "a request is used again with its old pages");
        assert_eq!(self.note, 0, "a request is used again before it was completed");
        (self.direction, self.pos) = (direction, pos);
        (self.submitted, self.end) = (Ok(()), DioEnd::empty());
    }

    /// The submission fails as a whole: nothing more is sent.
    pub const fn fail(&mut self, failure: IoFailure) {
        if self.submitted.is_ok() {
            self.submitted = Err(failure);
        }
    }

    /// What the submitter of an I/O without bios leaves for whoever completes it; 0 is nothing. As long as it is there,
    /// a device may reach the pages, which stay where they are.
    pub const fn leave_note(&mut self, note: u64) {
        self.note = note;
    }

    /// Takes the note.
    pub const fn take_note(&mut self) -> u64 {
        core::mem::replace(&mut self.note, 0)
    }

    /// Has the submission failed, as far as is known before the completion?
    #[must_use]
    pub const fn has_failed(&self) -> bool {
        self.submitted.is_err()
    }

    /// Runs `submit` over the pages.
    fn drive<D: BlockDevice<Page = P>>(
        &mut self,
        device: &D,
        submit: impl FnOnce(Carrier<'_, D>) -> Result<DioEnd, IoFailure>,
    ) {
        self.load = Load::new(core::mem::take(&mut self.pages));
        let carrier = Carrier::new(device, self.direction, &mut self.load, &mut self.pool);
        match submit(carrier) {
            Ok(end) => self.end = end,
            Err(failure) => self.fail(failure),
        }
    }

    /// Waits for everything in flight and puts every page in its place.
    ///
    /// # Errors
    /// The first failure in file order.
    fn land<D: BlockDevice<Page = P>>(&mut self, device: &D) -> Result<(), IoFailure> {
        if !self.pages.is_empty() {
            // It never left.
            return self.submitted;
        }
        let mut carrier = Carrier::new(device, self.direction, &mut self.load, &mut self.pool);
        let landed = carrier.finish();
        self.pages = core::mem::take(&mut self.load.pages);
        landed.and(self.submitted)
    }
}

/// Submits whole pages to blocks that `place` gives, by asking nobody: the position of the first page in, the
/// block and how many pages follow it there out.
///
/// What fails is told at the completion ([`direct_complete`]).
pub fn direct_submit<D: BlockDevice>(
    device: &D,
    request: &mut Request<D::Page>,
    place: impl Fn(u64) -> Result<(u64, u64), IoFailure>,
) {
    let mut pos = request.pos;
    request.drive(device, |mut carrier| {
        while carrier.left() > 0 {
            let (block, run) = place(pos)?;
            let run = usize::try_from(run).unwrap_or(usize::MAX);
            let count = run.min(carrier.left()).min(carrier.bio_pages_max());
            if count == 0 || !carrier.send(pos, block, count) {
                break;
            }
            pos = pos.saturating_add((count as u64).saturating_mul(crate::piece::PAGE));
        }
        Ok(DioEnd::empty())
    });
}

/// Waits for a request of [`direct_submit`].
///
/// # Errors
/// [`IoFailure`] of the first byte concerned.
pub fn direct_complete<D: BlockDevice>(
    device: &D,
    request: &mut Request<D::Page>,
) -> Result<(), IoFailure> {
    request.land(device)
}

/// The first half of [`crate::swap_rw`]. What fails is told at the completion.
pub fn swap_submit<O: IomapOps, D: BlockDevice>(
    ops: &O,
    device: &D,
    inode: O::Inode,
    request: &mut Request<D::Page>,
    context: Context,
) {
    let (pos, direction) = (request.pos, request.direction);
    begin(device, request, Engine::Swap, context);
    if !request.has_failed() {
        request.drive(device, |mut carrier| {
            submit_all(ops, device, inode, pos, direction, context, &mut carrier)?;
            Ok(DioEnd::empty())
        });
    }
}

/// The second half of [`crate::swap_rw`].
///
/// # Errors
/// [`IoFailure`] of the first byte concerned.
pub fn swap_complete<D: BlockDevice>(
    device: &D,
    request: &mut Request<D::Page>,
) -> Result<(), IoFailure> {
    let result = request.land(device);
    device.tracer().emit(outcome(Engine::Swap, request.pos, request.bytes, result));
    result
}

/// The first half of [`crate::dio_rw`]: what runs in the submitter. What fails is told at the completion.
pub fn dio_submit<O: DioOps, D: BlockDevice>(
    ops: &O,
    device: &D,
    inode: O::Inode,
    request: &mut Request<D::Page>,
    iocb: Kiocb,
) {
    let (pos, direction) = (request.pos, request.direction);
    begin(device, request, Engine::Dio, iocb.context);
    if !request.has_failed() {
        request.pool = BioPool::from_heap(request.pages.len());
        ops.allocating(iocb.context);
        request
            .drive(device, |carrier| send_all(ops, device, inode, pos, iocb, direction, carrier));
    }
}

/// The second half of [`crate::dio_rw`]: what runs in a worker, with the filesystem's `end_io`.
///
/// # Errors
/// [`IoFailure`] of the first byte concerned.
pub fn dio_complete<O: DioOps, D: BlockDevice>(
    ops: &O,
    device: &D,
    inode: O::Inode,
    request: &mut Request<D::Page>,
    iocb: Kiocb,
) -> Result<(), IoFailure> {
    let (pos, bytes, end) = (request.pos, request.bytes, request.end);
    let result = request.land(device).and_then(|()| match request.direction {
        Direction::Read => Ok(()),
        Direction::Write => finish_write(ops, device, inode, pos, bytes, end, iocb),
    });
    device.tracer().emit(outcome(Engine::Dio, pos, bytes, result));
    result
}

fn begin<D: BlockDevice>(
    device: &D,
    request: &mut Request<D::Page>,
    engine: Engine,
    context: Context,
) {
    let (pos, direction) = (request.pos, request.direction);
    match transfer_bytes(pos, request.pages.len()) {
        Ok(bytes) => {
            request.bytes = bytes;
            device.tracer().emit(Event::IoBegin { engine, direction, context, pos, bytes });
        }
        Err(failure) => request.fail(failure),
    }
}
