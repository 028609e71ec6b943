//! What the controller and the namespace say about themselves, checked and turned into limits.

use core::time::Duration;

use block::{BLOCK_BYTES, Geometry};
use hal::PAGE_BYTES;
use nvme_spec::identify::{IdentifyController, IdentifyNamespace, oacs, oncs, vwc};

use crate::error::{Error, Missing};
use crate::prp;

/// LBADS of a 4 KiB block, the unit of the block layer.
const BLOCK_SHIFT: u8 = 12;
/// The namespace has its own atomic write units.
const NSFEAT_NSABP: u8 = 1 << 1;
/// RTD3 entry latency when the controller does not say (Linux `shutdown_timeout`).
const SHUTDOWN_DEFAULT: Duration = Duration::from_secs(5);
/// The longest that a controller may ask for (as Linux).
const SHUTDOWN_MAX: Duration = Duration::from_secs(60);

/// What the driver needs to know of the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ControllerLimits {
    /// Pages of the largest transfer.
    transfer_pages_max: u32,
    has_write_zeroes: bool,
    has_discard: bool,
    has_volatile_cache: bool,
    /// Shadow doorbells.
    pub(crate) has_doorbell_buffer: bool,
    awupf_z: u16,
    /// Concurrent aborts.
    pub(crate) aborts_max: usize,
    /// Concurrent asynchronous event requests.
    pub(crate) event_requests_max: usize,
    /// Command retry delays 1 to 3, in units of 100 ms.
    crdt: [u16; 3],
    /// The notices that the controller can send.
    pub(crate) oaes: u32,
    /// How long an orderly shutdown may take.
    pub(crate) shutdown_timeout: Duration,
}

impl ControllerLimits {
    /// Judges an Identify Controller answer. `page_shift` is CAP.MPSMIN: the unit of MDTS.
    pub(crate) fn new(id: &IdentifyController, page_shift: u32) -> Self {
        let mdts_pages = match id.mdts {
            0 => u32::MAX,
            mdts => {
                1_u32.checked_shl(u32::from(mdts).saturating_add(page_shift)).unwrap_or(u32::MAX)
            }
        };
        let oncs = id.oncs.get();
        let entry = Duration::from_micros(u64::from(id.rtd3e.get()));
        Self {
            transfer_pages_max: mdts_pages,
            has_write_zeroes: oncs & oncs::WRITE_ZEROES != 0,
            has_discard: oncs & oncs::DATASET_MANAGEMENT != 0,
            has_volatile_cache: id.vwc & vwc::PRESENT != 0,
            has_doorbell_buffer: id.oacs.get() & oacs::DOORBELL_BUFFER != 0,
            awupf_z: id.awupf_z.get(),
            aborts_max: usize::from(id.acl_z).saturating_add(1),
            event_requests_max: usize::from(id.aerl_z).saturating_add(1),
            crdt: [id.crdt1.get(), id.crdt2.get(), id.crdt3.get()],
            oaes: id.oaes.get(),
            shutdown_timeout: entry.clamp(SHUTDOWN_DEFAULT, SHUTDOWN_MAX),
        }
    }

    /// How long to wait before a retry when the status says `crd`.
    // Spec: NVMe-Base-2.0c 3.3.3.2.1 "Command Retry Delay (CRD)"
    pub(crate) fn retry_delay(&self, crd: u8) -> Duration {
        let index = usize::from(crd).checked_sub(1);
        let units = index.and_then(|index| self.crdt.get(index)).copied().unwrap_or(0);
        Duration::from_millis(u64::from(units).saturating_mul(100))
    }

    /// The controller may not use its retry delays: what its completions say of them means nothing.
    pub(crate) fn forget_retry_delays(&mut self) {
        self.crdt = [0; 3];
    }

    /// Whether the controller has retry delays, so that it is worth allowing it to use them.
    pub(crate) fn has_retry_delay(&self) -> bool {
        self.crdt != [0; 3]
    }
}

/// The namespace in units of the block layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NamespaceLimits {
    /// Logical blocks of a 4 KiB block, as a power of two: 0 or 3.
    pub(crate) lba_shift: u8,
    /// What the layers above see.
    pub(crate) geometry: Geometry,
    /// The most blocks of one Write Zeroes command; 0 if there is no such command.
    pub(crate) zeroes_blocks_max: u32,
    /// The most blocks of one deallocate range; 0 if there is no such command.
    pub(crate) discard_blocks_max: u32,
}

impl NamespaceLimits {
    /// Judges an Identify Namespace answer.
    pub(crate) fn new(
        id: &IdentifyNamespace,
        controller: &ControllerLimits,
        nsid: u32,
    ) -> Result<Self, Error> {
        if id.nsze.get() == 0 {
            return Err(Error::NoNamespace { nsid });
        }
        let format = id.format().ok_or(Error::Unsupported(Missing::BlockSize))?;
        let lba_shift = match format.lbads {
            9 | 12 => BLOCK_SHIFT.saturating_sub(format.lbads),
            _ => return Err(Error::Unsupported(Missing::BlockSize)),
        };
        if format.ms.get() != 0 {
            return Err(Error::Unsupported(Missing::PlainBlocks));
        }
        // NLB is zero-based and has 16 bits.
        let nlb_blocks = (1 << 16) >> lba_shift;
        let pages = controller.transfer_pages_max;
        let geometry = Geometry {
            size_blocks: id.nsze.get() >> lba_shift,
            transfer_blocks_max: pages.min(prp::PAGES_MAX).min(nlb_blocks),
            atomic_blocks: atomic_lbas(id, controller) >> lba_shift,
            has_volatile_cache: controller.has_volatile_cache,
        };
        if geometry.size_blocks == 0 {
            return Err(Error::NoNamespace { nsid });
        }
        let if_able = |is_able: bool, blocks: u32| if is_able { blocks } else { 0 };
        Ok(Self {
            lba_shift,
            geometry,
            // As Linux: MDTS bounds Write Zeroes too unless a further limit is read.
            zeroes_blocks_max: if_able(controller.has_write_zeroes, pages.min(nlb_blocks)),
            discard_blocks_max: if_able(controller.has_discard, u32::MAX >> lba_shift),
        })
    }

    /// True if requests that were made for `self` fit a namespace that is now `other`.
    pub(crate) fn is_compatible(&self, other: &Self) -> bool {
        self.lba_shift == other.lba_shift
            && self.geometry.size_blocks <= other.geometry.size_blocks
            && self.geometry.transfer_blocks_max <= other.geometry.transfer_blocks_max
    }
}

/// Logical blocks that a power failure does not tear.
// Spec: NVM-CS-1.0c 2.1.4.2 "AWUPF/NAWUPF"
fn atomic_lbas(id: &IdentifyNamespace, controller: &ControllerLimits) -> u32 {
    let own = id.nsfeat & NSFEAT_NSABP != 0;
    let unit_z = if own { id.nawupf_z.get() } else { controller.awupf_z };
    let unit = u32::from(unit_z).saturating_add(1);
    match (own, id.nabspf.get()) {
        (true, boundary) if boundary != 0 => unit.min(u32::from(boundary)),
        _ => unit,
    }
}

const _: () = assert!(BLOCK_BYTES == PAGE_BYTES && BLOCK_BYTES == 1 << BLOCK_SHIFT);

#[cfg(test)]
mod tests;
