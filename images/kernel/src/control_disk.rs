//! The virtio disk: the control that no fault reaches.
//!
//! One request at a time, finished when `submit` returns; the disk has no part in virtual time. FUA is
//! a write followed by a flush, as Linux does it for disks without FUA.

use alloc::collections::BTreeMap;
use alloc::vec;
use core::cell::{Cell, RefCell};

use block::{
    BLOCK_BYTES, Bio, BlockDevice, BlockError, DeviceStatus, Done, Geometry, Op, Rejected, Ticket,
};
use hal::{DmaBuf, OutOfMemory, Tracer};
use virtio_drivers::Error;
use virtio_drivers::device::blk::{SECTOR_SIZE, VirtIOBlk};
use virtio_drivers::transport::pci::PciTransport;

use crate::console;
use crate::hal::dma::DmaPages;
use crate::hal::virtio::VirtioHal;

const SECTORS_PER_BLOCK: usize = BLOCK_BYTES / SECTOR_SIZE;
/// A request is done in one piece in the guest, so any size would do; this bounds a caller's memory.
const TRANSFER_BLOCKS_MAX: u32 = 256;
// Spec: VIRTIO-1.2 5.2.6 "Device Operation", VIRTIO_BLK_S_IOERR
const STATUS_IO_ERROR: DeviceStatus = DeviceStatus(1);
/// The driver knew without asking.
const STATUS_NOT_ASKED: DeviceStatus = DeviceStatus(0);

/// The disk.
pub(crate) struct ControlDisk {
    disk: RefCell<VirtIOBlk<VirtioHal, PciTransport>>,
    size_blocks: u64,
    done: RefCell<BTreeMap<Ticket, Done<DmaPages>>>,
    next_ticket: Cell<u64>,
    tracer: Tracer,
}

impl ControlDisk {
    /// Starts the device.
    pub(crate) fn new(transport: PciTransport, tracer: Tracer) -> virtio_drivers::Result<Self> {
        let disk = VirtIOBlk::new(transport)?;
        let size_blocks = disk.capacity() / SECTORS_PER_BLOCK as u64;
        Ok(Self {
            disk: RefCell::new(disk),
            size_blocks,
            done: RefCell::default(),
            next_ticket: Cell::new(1),
            tracer,
        })
    }

    fn check(&self, bio: &Bio<DmaPages>) -> Result<(), BlockError> {
        let is_page = |page: &DmaPages| page.size_bytes() == BLOCK_BYTES;
        let end = bio.block.checked_add(bio.size_blocks());
        let is_data = matches!(bio.op, Op::Read | Op::Write { .. });
        let fits = end.is_some_and(|end| end <= self.size_blocks)
            && (is_data || bio.pages.is_empty())
            && bio.pages.len() <= TRANSFER_BLOCKS_MAX as usize
            && bio.pages.iter().all(is_page);
        if fits { Ok(()) } else { Err(BlockError::Invalid) }
    }

    fn carry_out(&self, bio: &Bio<DmaPages>) -> Result<(), BlockError> {
        console::publish();
        match bio.op {
            Op::Read => self.read(bio),
            Op::Write { fua } => {
                self.write(bio)?;
                if fua { self.flush() } else { Ok(()) }
            }
            Op::Flush => self.flush(),
            Op::WriteZeroes { blocks } => self.write_zeroes(bio.block, blocks),
            Op::Discard { .. } => Err(BlockError::NotSupported(STATUS_NOT_ASKED)),
        }
    }

    fn read(&self, bio: &Bio<DmaPages>) -> Result<(), BlockError> {
        let mut bytes = vec![0; BLOCK_BYTES];
        for (block, page) in (bio.block..).zip(&bio.pages) {
            let read = self.disk.borrow_mut().read_blocks(sector(block), &mut bytes);
            read.map_err(error)?;
            page.write(0, &bytes);
        }
        Ok(())
    }

    fn write(&self, bio: &Bio<DmaPages>) -> Result<(), BlockError> {
        let mut bytes = vec![0; BLOCK_BYTES];
        for (block, page) in (bio.block..).zip(&bio.pages) {
            page.read(0, &mut bytes);
            let written = self.disk.borrow_mut().write_blocks(sector(block), &bytes);
            written.map_err(error)?;
        }
        Ok(())
    }

    fn write_zeroes(&self, first: u64, blocks: u32) -> Result<(), BlockError> {
        let zeroes = vec![0; BLOCK_BYTES];
        for block in first..first + u64::from(blocks) {
            let written = self.disk.borrow_mut().write_blocks(sector(block), &zeroes);
            written.map_err(error)?;
        }
        Ok(())
    }

    fn flush(&self) -> Result<(), BlockError> {
        self.disk.borrow_mut().flush().map_err(error)
    }
}

impl core::fmt::Debug for ControlDisk {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "ControlDisk({} blocks)", self.size_blocks)
    }
}

/// The first sector of a block that lies on the disk.
fn sector(block: u64) -> usize {
    block as usize * SECTORS_PER_BLOCK
}

fn error(error: Error) -> BlockError {
    match error {
        Error::Unsupported => BlockError::NotSupported(STATUS_NOT_ASKED),
        _ => BlockError::Io(STATUS_IO_ERROR),
    }
}

impl BlockDevice for ControlDisk {
    type Page = DmaPages;

    fn geometry(&self) -> Geometry {
        Geometry {
            size_blocks: self.size_blocks,
            transfer_blocks_max: TRANSFER_BLOCKS_MAX,
            atomic_blocks: 1,
            has_volatile_cache: true,
        }
    }

    fn alloc_page(&self) -> Result<DmaPages, OutOfMemory> {
        DmaPages::own(1)
    }

    fn submit(&self, bio: Bio<DmaPages>) -> Result<Ticket, Rejected<DmaPages>> {
        if let Err(why) = self.check(&bio) {
            return Err(Rejected { bio, why });
        }
        let result = self.carry_out(&bio);
        let ticket = Ticket(self.next_ticket.replace(self.next_ticket.get() + 1));
        self.done.borrow_mut().insert(ticket, Done { bio, result });
        Ok(ticket)
    }

    fn try_take(&self, ticket: Ticket) -> Option<Done<DmaPages>> {
        self.done.borrow_mut().remove(&ticket)
    }

    fn wait(&self, ticket: Ticket) -> Done<DmaPages> {
        self.try_take(ticket).expect("a ticket is taken once")
    }

    fn tracer(&self) -> &Tracer {
        &self.tracer
    }
}
