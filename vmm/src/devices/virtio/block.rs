//! The virtio block device: a control disk that is always healthy.
//!
//! Programs that behave differently on this disk and on the NVMe controller under test show what the
//! controller did. It completes in order and at once; a flush is the backend's flush.

use std::fs::File;
use std::os::unix::fs::FileExt;

use machine::pci_ids;
use virtio_bindings::virtio_blk::{
    VIRTIO_BLK_F_BLK_SIZE, VIRTIO_BLK_F_FLUSH, VIRTIO_BLK_F_RO, VIRTIO_BLK_ID_BYTES,
    VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_OK, VIRTIO_BLK_S_UNSUPP, VIRTIO_BLK_T_FLUSH,
    VIRTIO_BLK_T_GET_ID, VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT,
};
use virtio_queue::{Queue, QueueT};

use super::chain::{Request, Span, gather, next_request, scatter, size_bytes, split};
use super::{BrokenRing, VirtioDevice};
use crate::kvm::Ram;

/// The unit of all sector numbers, whatever the block size.
const SECTOR_BYTES: u64 = 512;

/// A request's header: type, reserved, sector.
const HEADER_BYTES: u64 = 16;

/// What is copied at a time.
const CHUNK_BYTES: u64 = 64 << 10;

/// Where the control disk keeps its bytes.
#[derive(Debug)]
#[non_exhaustive]
pub enum ControlDisk {
    /// In memory of the VMM; survives power cycles, not the process.
    Ram(Vec<u8>),
    /// In a file, up to its present length, rounded down to whole sectors.
    File {
        /// Opened for reading, and for writing unless `is_read_only`.
        file: File,
        /// The guest may not write.
        is_read_only: bool,
    },
}

impl ControlDisk {
    fn size_bytes(&self) -> Result<u64, std::io::Error> {
        Ok(match self {
            Self::Ram(bytes) => bytes.len() as u64,
            Self::File { file, .. } => file.metadata()?.len(),
        })
    }

    fn is_read_only(&self) -> bool {
        matches!(self, Self::File { is_read_only: true, .. })
    }

    fn read(&self, offset: u64, dst: &mut [u8]) -> Option<()> {
        match self {
            Self::Ram(bytes) => {
                let start = usize::try_from(offset).ok()?;
                dst.copy_from_slice(bytes.get(start..start.checked_add(dst.len())?)?);
                Some(())
            }
            Self::File { file, .. } => logged(file.read_exact_at(dst, offset)),
        }
    }

    fn write(&mut self, offset: u64, src: &[u8]) -> Option<()> {
        match self {
            Self::Ram(bytes) => {
                let start = usize::try_from(offset).ok()?;
                bytes.get_mut(start..start.checked_add(src.len())?)?.copy_from_slice(src);
                Some(())
            }
            Self::File { file, .. } => logged(file.write_all_at(src, offset)),
        }
    }

    fn flush(&self) -> Option<()> {
        match self {
            Self::Ram(_) => Some(()),
            Self::File { file, .. } => logged(file.sync_data()),
        }
    }
}

fn logged(result: std::io::Result<()>) -> Option<()> {
    result.inspect_err(|error| log::error!("control disk: {error}")).ok()
}

/// The block device's own state.
#[derive(Debug)]
pub(crate) struct Block {
    disk: ControlDisk,
    sectors: u64,
}

/// What became of a request: its status, and the bytes written before it.
type Done = (u32, u64);

impl Block {
    /// A device on `disk`.
    ///
    /// # Errors
    /// The file's length cannot be found out.
    pub(crate) fn new(disk: ControlDisk) -> Result<Self, std::io::Error> {
        let sectors = disk.size_bytes()? / SECTOR_BYTES;
        Ok(Self { disk, sectors })
    }

    fn handle(&mut self, request: &Request, ram: &Ram) -> Option<Done> {
        let (header, data_out) = split(&request.readable, HEADER_BYTES)?;
        let mut bytes = [0; HEADER_BYTES as usize];
        gather(ram, &header, &mut bytes)?;
        let [t0, t1, t2, t3, _, _, _, _, sector @ ..] = bytes;
        let kind = u32::from_le_bytes([t0, t1, t2, t3]);
        let sector = u64::from_le_bytes(sector);
        let room = size_bytes(&request.writable).checked_sub(1)?;
        let (data_in, _) = split(&request.writable, room)?;
        let done = match kind {
            VIRTIO_BLK_T_IN => self.read(sector, &data_in, ram).map(|()| room),
            VIRTIO_BLK_T_OUT => self.write(sector, &data_out, ram).map(|()| 0),
            VIRTIO_BLK_T_FLUSH => self.disk.flush().map(|()| 0),
            VIRTIO_BLK_T_GET_ID => get_id(&data_in, ram),
            _ => return Some((VIRTIO_BLK_S_UNSUPP, 0)),
        };
        Some(done.map_or((VIRTIO_BLK_S_IOERR, 0), |written| (VIRTIO_BLK_S_OK, written)))
    }

    /// The byte range on the disk, if it is whole sectors inside.
    fn range(&self, sector: u64, spans: &[Span]) -> Option<u64> {
        let size = size_bytes(spans);
        let end = sector.checked_add(size.div_ceil(SECTOR_BYTES))?;
        (size.is_multiple_of(SECTOR_BYTES) && end <= self.sectors).then(|| sector * SECTOR_BYTES)
    }

    fn read(&self, sector: u64, spans: &[Span], ram: &Ram) -> Option<()> {
        let mut offset = self.range(sector, spans)?;
        for chunk in chunks(spans) {
            let mut bytes = vec![0; usize::try_from(chunk.size_bytes).ok()?];
            self.disk.read(offset, &mut bytes)?;
            scatter(ram, &[chunk], &bytes)?;
            offset += chunk.size_bytes;
        }
        Some(())
    }

    fn write(&mut self, sector: u64, spans: &[Span], ram: &Ram) -> Option<()> {
        if self.disk.is_read_only() {
            return None;
        }
        let mut offset = self.range(sector, spans)?;
        for chunk in chunks(spans) {
            let mut bytes = vec![0; usize::try_from(chunk.size_bytes).ok()?];
            gather(ram, &[chunk], &mut bytes)?;
            self.disk.write(offset, &bytes)?;
            offset += chunk.size_bytes;
        }
        Some(())
    }
}

/// The same memory in pieces of at most [`CHUNK_BYTES`].
fn chunks(spans: &[Span]) -> impl Iterator<Item = Span> + '_ {
    spans.iter().flat_map(|span| {
        (0..span.size_bytes.div_ceil(CHUNK_BYTES)).map(move |index| {
            let at = index * CHUNK_BYTES;
            let size_bytes = CHUNK_BYTES.min(span.size_bytes - at);
            Span { address: span.address.saturating_add(at), size_bytes }
        })
    })
}

fn get_id(room: &[Span], ram: &Ram) -> Option<u64> {
    let mut id = [0; VIRTIO_BLK_ID_BYTES as usize];
    let name = b"swaplab-control";
    id[..name.len()].copy_from_slice(name);
    let size = size_bytes(room).min(id.len() as u64);
    let (room, _) = split(room, size)?;
    scatter(ram, &room, &id[..size as usize])?;
    Some(size)
}

impl VirtioDevice for Block {
    const PCI_DEVICE: u16 = pci_ids::DEVICE_VIRTIO_BLOCK;
    /// Mass storage, SCSI (what virtio block devices usually say).
    const PCI_CLASS: u32 = 0x01_00_00;
    const QUEUE_SIZES: &'static [u16] = &[128];

    fn features(&self) -> u64 {
        let read_only = u64::from(self.disk.is_read_only()) << VIRTIO_BLK_F_RO;
        1 << VIRTIO_BLK_F_FLUSH | 1 << VIRTIO_BLK_F_BLK_SIZE | read_only
    }

    /// `capacity: u64, size_max, seg_max: u32, geometry: u32, blk_size: u32`.
    fn config(&self) -> Vec<u8> {
        let mut config = self.sectors.to_le_bytes().to_vec();
        config.extend([0; 12]);
        config.extend((SECTOR_BYTES as u32).to_le_bytes());
        config
    }

    fn process(&mut self, _index: usize, queue: &mut Queue, ram: &Ram) -> Result<bool, BrokenRing> {
        let mut is_used = false;
        // Bounded as in the console.
        for _ in 0..queue.size() {
            let Some(request) = next_request(queue, ram)? else {
                break;
            };
            // Without a whole header and room for the status nobody can be told anything.
            let (status, written) = self.handle(&request, ram).ok_or(BrokenRing)?;
            let before = size_bytes(&request.writable).saturating_sub(1);
            let (_, last) = split(&request.writable, before).ok_or(BrokenRing)?;
            scatter(ram, &last, &[status as u8]).ok_or(BrokenRing)?;
            let written = u32::try_from(written + 1).unwrap_or(u32::MAX);
            request.finish(queue, ram, written)?;
            is_used = true;
        }
        Ok(is_used)
    }
}
