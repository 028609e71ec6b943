//! What namespaces are called: identifiers that depend on the serial number and the namespace
//! identifier only, so that they are the same after every boot.

use nvme_spec::identify::{CSI_NVM, DescriptorType, IDENTIFY_BYTES, descriptor_header};

use crate::Controller;
use crate::failure::Failure;

/// FNV-1a.
fn hash(seed: u64, bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

const FNV_SEED: u64 = 0xcbf2_9ce4_8422_2325;

impl Controller {
    /// Namespace Identification Descriptors of an active namespace.
    pub(super) fn descriptors(&self, nsid: u32) -> Result<Vec<u8>, Failure> {
        self.check_active(nsid)?;
        let mut page = Vec::with_capacity(IDENTIFY_BYTES);
        page.extend(descriptor_header(DescriptorType::Eui64));
        page.extend(self.eui64(nsid));
        page.extend(descriptor_header(DescriptorType::Nguid));
        page.extend(self.nguid(nsid));
        page.extend(descriptor_header(DescriptorType::Uuid));
        page.extend(self.uuid(nsid));
        page.extend(descriptor_header(DescriptorType::CommandSet));
        page.push(CSI_NVM);
        page.resize(IDENTIFY_BYTES, 0);
        Ok(page)
    }

    fn name(&self, nsid: u32) -> u64 {
        hash(FNV_SEED, self.config.serial.bytes().chain(nsid.to_le_bytes()))
    }

    /// Locally administered.
    pub(super) fn eui64(&self, nsid: u32) -> [u8; 8] {
        (self.name(nsid) >> 8 | 0x02 << 56).to_be_bytes()
    }

    pub(super) fn nguid(&self, nsid: u32) -> [u8; 16] {
        let low = u128::from(u64::from_be_bytes(self.eui64(nsid)));
        (low << 64 | low.rotate_left(13)).to_be_bytes()
    }

    /// Version 8: made in a way of one's own.
    pub(super) fn uuid(&self, nsid: u32) -> [u8; 16] {
        let high = self.name(nsid);
        let low = hash(high, high.to_le_bytes().into_iter());
        let number = u128::from(high) << 64 | u128::from(low);
        let number = number & !(0xf << 76) | 0x8 << 76;
        (number & !(0x3 << 62) | 0x2 << 62).to_be_bytes()
    }
}

/// ASCII text padded with spaces.
pub(crate) fn padded<const N: usize>(text: &str) -> [u8; N] {
    let mut bytes = [b' '; N];
    for (to, from) in bytes.iter_mut().zip(text.bytes()) {
        *to = from;
    }
    bytes
}
