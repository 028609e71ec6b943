//! A drive with a volatile cache, without a controller: media of the model, and a log of what was written.
//!
//! Requests take effect when they are submitted and complete when they are waited for, so that a flush
//! covers exactly what its submitter has waited for. What it does not do: no time passes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use block::{BLOCK_BYTES, Bio, BlockDevice, BlockError, DeviceStatus, Done, Geometry, Op};
use block::{Rejected, Ticket};
use hal::testing::{DmaPool, PoolDma};
use hal::{DmaBuf, OutOfMemory, Tracer};
use nvme_model::crash::{self, Atomicity, Content, CrashPoint, WriteLog};
use nvme_model::media::OverlayMedia;
use nvme_model::{Media, RamMedia};

/// Pages of memory that a filesystem and its user have.
const POOL_PAGES: usize = 192;

/// The most pages of a request: small, so that there are many requests.
const TRANSFER_BLOCKS_MAX: u32 = 8;

/// What blocks hold that were never written: no filesystem may ever show it.
pub const POISON: u8 = 0xdb;

/// Which requests fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Victim {
    /// Reads.
    Read,
    /// Writes.
    Write,
    /// Flushes.
    Flush,
    /// All of them.
    Any,
}

/// Requests fail, from some number on.
#[derive(Clone, Copy, Debug)]
pub struct IoFault {
    /// Which.
    pub victim: Victim,
    /// So many of them succeed first.
    pub skip: u64,
    /// So many fail then.
    pub times: u64,
    /// A write that fails is on the media all the same.
    pub lands: bool,
}

/// A moment at which power may be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// A write was submitted; the log ends here.
    Change(u64),
    /// A flush or a durable write has completed.
    Barrier(u64),
}

/// What the drive remembers of its past.
#[derive(Debug)]
pub struct Record {
    /// Everything that was written.
    pub log: WriteLog,
    /// When.
    pub moments: Vec<Moment>,
}

struct State {
    media: OverlayMedia,
    record: Option<Record>,
    flying: BTreeMap<Ticket, Flight>,
    next_ticket: u64,
    requests: u64,
    budget: u64,
    fault: Option<IoFault>,
    fired: u64,
    pages_left: Option<u64>,
}

struct Flight {
    bio: Bio<PoolDma>,
    logged: Option<crash::Ticket>,
    is_barrier: bool,
    result: Result<(), BlockError>,
}

/// The drive.
pub struct Disk {
    pool: DmaPool,
    tracer: Tracer,
    state: RefCell<State>,
}

/// Media of `blocks` pages in logical blocks of `block_bytes`, poisoned.
#[must_use]
pub fn poisoned(blocks: u64, block_bytes: u32) -> Arc<dyn Media> {
    let per_page = BLOCK_BYTES as u64 / u64::from(block_bytes);
    let mut media = RamMedia::new(blocks * per_page, block_bytes);
    let page = [POISON; BLOCK_BYTES];
    for block in 0..blocks {
        media.write(block * per_page, &page).expect("memory does not fail");
    }
    Arc::new(media)
}

impl Disk {
    /// A drive that holds what `base` holds.
    #[must_use]
    pub fn new(base: Arc<dyn Media>, pool: &DmaPool) -> Self {
        Self::of(OverlayMedia::new(base), pool)
    }

    /// A drive with this content.
    #[must_use]
    pub fn of(media: OverlayMedia, pool: &DmaPool) -> Self {
        let state = State {
            media,
            record: None,
            flying: BTreeMap::new(),
            next_ticket: 0,
            requests: 0,
            budget: u64::MAX,
            fault: None,
            fired: 0,
            pages_left: None,
        };
        Self { pool: pool.clone(), tracer: Tracer::none(), state: state.into() }
    }

    /// Memory for any number of drives that are used one after the other.
    #[must_use]
    pub fn pool() -> DmaPool {
        DmaPool::new(POOL_PAGES)
    }

    /// What it holds now, the cache included.
    #[must_use]
    pub fn media(&self) -> OverlayMedia {
        self.state.borrow().media.clone()
    }

    /// From now on everything is logged. Nothing that was written before can be lost.
    pub fn start_record(&self) {
        let mut state = self.state.borrow_mut();
        let log = WriteLog::new(Arc::new(state.media.clone()), Atomicity::default());
        state.record = Some(Record { log, moments: Vec::new() });
    }

    /// Where the log ends; 0 without one.
    #[must_use]
    pub fn mark(&self) -> u64 {
        self.state.borrow().record.as_ref().map_or(0, |record| record.log.end())
    }

    /// Takes the log.
    pub fn take_record(&self) -> Option<Record> {
        self.state.borrow_mut().record.take()
    }

    /// Power is cut now: one of the images that it may leave, by `seed`; for [`u64::MAX`] that in which
    /// nothing survives that may be lost.
    #[must_use]
    pub fn cut(&self, seed: u64) -> Option<OverlayMedia> {
        let state = self.state.borrow();
        let log = &state.record.as_ref()?.log;
        let point = CrashPoint::at(log, log.end()).expect("memory does not fail");
        let space = point.space();
        let image = if seed == u64::MAX { space.nothing() } else { space.sample(seed) };
        Some(point.media(&image).expect("memory does not fail"))
    }

    /// Arms a fault, or none.
    pub fn set_fault(&self, fault: Option<IoFault>) {
        let mut state = self.state.borrow_mut();
        (state.fault, state.fired) = (fault, 0);
    }

    /// How often the fault has fired.
    #[must_use]
    pub fn fired(&self) -> u64 {
        self.state.borrow().fired
    }

    /// So many pages can be had, the next one cannot, and then there are enough again.
    pub fn set_pages_left(&self, pages: Option<u64>) {
        self.state.borrow_mut().pages_left = pages;
    }

    /// Whether the page that could not be had was asked for.
    #[must_use]
    pub fn was_out_of_pages(&self) -> bool {
        self.state.borrow().pages_left == Some(u64::MAX)
    }

    /// After so many requests the drive is gone: whoever asks for ever comes to an end.
    pub fn set_budget(&self, requests: u64) {
        let mut state = self.state.borrow_mut();
        (state.requests, state.budget) = (0, requests);
    }

    /// Whether the budget was used up.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        let state = self.state.borrow();
        state.requests > state.budget
    }

    /// How many requests there were.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.state.borrow().requests
    }

    /// The content of a page.
    #[must_use]
    pub fn peek(&self, block: u64) -> [u8; BLOCK_BYTES] {
        let state = self.state.borrow();
        let mut page = [0; BLOCK_BYTES];
        state.media.read(block * state.per_page(), &mut page).expect("memory does not fail");
        page
    }

    /// Changes a page behind everybody's back.
    pub fn poke(&self, block: u64, page: &[u8; BLOCK_BYTES]) {
        let mut state = self.state.borrow_mut();
        let lba = block * state.per_page();
        state.media.write(lba, page).expect("memory does not fail");
    }
}

impl State {
    fn per_page(&self) -> u64 {
        BLOCK_BYTES as u64 / u64::from(self.media.block_bytes())
    }

    fn size_pages(&self) -> u64 {
        self.media.size_blocks() / self.per_page()
    }

    /// The error of this request, if it is to fail, and whether it has its effect all the same.
    fn fail(&mut self, op: Op) -> Option<(BlockError, bool)> {
        self.requests = self.requests.saturating_add(1);
        if self.requests > self.budget {
            return Some((BlockError::Gone, false));
        }
        let fault = self.fault.as_mut()?;
        let is_victim = match fault.victim {
            Victim::Read => op == Op::Read,
            Victim::Write => matches!(op, Op::Write { .. }),
            Victim::Flush => op == Op::Flush,
            Victim::Any => true,
        };
        if !is_victim {
            return None;
        }
        if fault.skip > 0 {
            fault.skip -= 1;
            return None;
        }
        fault.times = fault.times.checked_sub(1)?;
        let lands = fault.lands && op != Op::Read && op != Op::Flush;
        self.fired += 1;
        Some((BlockError::Medium(DeviceStatus(0x281)), lands))
    }

    /// Does what the bio asks, and logs it.
    fn execute(&mut self, bio: &Bio<PoolDma>) -> Option<crash::Ticket> {
        let (per_page, lba) = (self.per_page(), bio.block * self.per_page());
        let blocks = bio.size_blocks() * per_page;
        let change =
            |content, is_durable| crash::Op::Change { slba: lba, blocks, content, is_durable };
        let op = match bio.op {
            Op::Read => {
                let mut bytes = [0; BLOCK_BYTES];
                for (page, at) in bio.pages.iter().zip((lba..).step_by(per_page as usize)) {
                    self.media.read(at, &mut bytes).expect("memory does not fail");
                    page.write(0, &bytes);
                }
                return None;
            }
            Op::Flush => crash::Op::Flush,
            Op::Write { fua } => {
                let mut bytes = vec![0; BLOCK_BYTES * bio.pages.len()];
                for (page, bytes) in bio.pages.iter().zip(bytes.chunks_mut(BLOCK_BYTES)) {
                    page.read(0, bytes);
                }
                self.media.write(lba, &bytes).expect("memory does not fail");
                change(Content::Bytes(bytes.into()), fua)
            }
            Op::WriteZeroes { .. } | Op::Discard { .. } => {
                self.media.discard(lba, blocks).expect("memory does not fail");
                change(Content::Zeros, false)
            }
        };
        let record = self.record.as_mut()?;
        let is_change = op != crash::Op::Flush;
        let ticket = record.log.submit(Some(op));
        if is_change {
            record.moments.push(Moment::Change(record.log.end()));
        }
        Some(ticket)
    }

    fn land(&mut self, flight: Flight) -> Done<PoolDma> {
        if let (Some(record), Some(ticket)) = (self.record.as_mut(), flight.logged) {
            record.log.complete(ticket, None).expect("memory does not fail");
            if flight.is_barrier {
                record.moments.push(Moment::Barrier(record.log.end()));
            }
        }
        Done { bio: flight.bio, result: flight.result }
    }
}

impl BlockDevice for Disk {
    type Page = PoolDma;

    fn geometry(&self) -> Geometry {
        let state = self.state.borrow();
        Geometry {
            size_blocks: state.size_pages(),
            transfer_blocks_max: TRANSFER_BLOCKS_MAX,
            atomic_blocks: u32::from(state.per_page() == 1),
            has_volatile_cache: true,
        }
    }

    fn alloc_page(&self) -> Result<PoolDma, OutOfMemory> {
        let mut state = self.state.borrow_mut();
        match state.pages_left.as_mut() {
            None | Some(&mut u64::MAX) => {}
            Some(0) => {
                state.pages_left = Some(u64::MAX);
                return Err(OutOfMemory);
            }
            Some(left) => *left -= 1,
        }
        self.pool.alloc(1)
    }

    fn submit(&self, bio: Bio<PoolDma>) -> Result<Ticket, Rejected<PoolDma>> {
        let mut state = self.state.borrow_mut();
        let end = bio.block.checked_add(bio.size_blocks());
        let wants_pages = matches!(bio.op, Op::Read | Op::Write { .. });
        let is_fine = end.is_some_and(|end| end <= state.size_pages())
            && bio.pages.len() <= TRANSFER_BLOCKS_MAX as usize
            && bio.pages.is_empty() != wants_pages;
        if !is_fine {
            return Err(Rejected { bio, why: BlockError::Invalid });
        }
        let failure = state.fail(bio.op);
        let has_effect = failure.is_none_or(|(_, lands)| lands);
        let logged = if has_effect { state.execute(&bio) } else { None };
        let is_barrier = matches!(bio.op, Op::Flush | Op::Write { fua: true });
        let result = failure.map_or(Ok(()), |(error, _)| Err(error));
        let ticket = Ticket(state.next_ticket);
        state.next_ticket += 1;
        state.flying.insert(ticket, Flight { bio, logged, is_barrier, result });
        Ok(ticket)
    }

    fn try_take(&self, ticket: Ticket) -> Option<Done<PoolDma>> {
        let mut state = self.state.borrow_mut();
        let flight = state.flying.remove(&ticket)?;
        Some(state.land(flight))
    }

    fn wait(&self, ticket: Ticket) -> Done<PoolDma> {
        self.try_take(ticket).expect("a ticket is waited for once")
    }

    fn tracer(&self) -> &Tracer {
        &self.tracer
    }
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Disk").field("requests", &self.requests()).finish_non_exhaustive()
    }
}
