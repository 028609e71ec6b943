//! The configuration space of one function: 256 bytes, each bit read-only or writable.
//!
//! BAR sizing needs no code of its own: the address bits below a BAR's size are read-only, so a guest
//! that writes all ones reads the size back. The extended space (ECAM offsets from 256 on) is empty.
//!
//! Invariant: read-only bits never change after the function was built.

use std::ops::Range;

/// Offsets of the type 0 header.
// Spec: PCI-3.0 6.1 "Type 00h Configuration Space Header"
pub(crate) mod reg {
    pub(crate) const VENDOR: usize = 0x00;
    pub(crate) const DEVICE: usize = 0x02;
    pub(crate) const COMMAND: usize = 0x04;
    pub(crate) const STATUS: usize = 0x06;
    pub(crate) const REVISION: usize = 0x08;
    pub(crate) const CLASS: usize = 0x09;
    pub(crate) const CACHE_LINE: usize = 0x0c;
    pub(crate) const BAR0: usize = 0x10;
    pub(crate) const SUBSYSTEM_VENDOR: usize = 0x2c;
    pub(crate) const SUBSYSTEM: usize = 0x2e;
    pub(crate) const CAPABILITIES: usize = 0x34;
    pub(crate) const INTERRUPT_LINE: usize = 0x3c;
}

/// `COMMAND`: the function answers memory accesses.
pub(crate) const COMMAND_MEMORY: u16 = 1 << 1;
/// `COMMAND`: the function may read and write memory and send messages.
pub(crate) const COMMAND_BUS_MASTER: u16 = 1 << 2;
/// The writable bits of `COMMAND`: memory, bus master, parity, SERR, INTx disable.
const COMMAND_WRITABLE: u16 = COMMAND_MEMORY | COMMAND_BUS_MASTER | 1 << 6 | 1 << 8 | 1 << 10;
/// `STATUS`: there is a capability list.
const STATUS_CAPABILITIES: u16 = 1 << 4;
/// BAR bits: 64 bits wide.
const BAR_64: u32 = 0b100;

const BYTES: usize = 256;

/// Who a function is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity {
    pub(crate) vendor: u16,
    pub(crate) device: u16,
    pub(crate) subsystem: u16,
    /// Base class, subclass, programming interface.
    pub(crate) class: u32,
    pub(crate) revision: u8,
}

/// A memory BAR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bar {
    /// The number of its (first) register, 0 to 5.
    pub(crate) index: u8,
    /// A power of two, 4 KiB at least here.
    pub(crate) size_bytes: u64,
    /// Takes the next register too.
    pub(crate) is_64_bit: bool,
}

impl Bar {
    fn offset(self) -> usize {
        reg::BAR0 + 4 * usize::from(self.index)
    }
}

/// The configuration space of one function.
#[derive(Debug)]
pub(crate) struct ConfigSpace {
    bytes: [u8; BYTES],
    writable: [u8; BYTES],
    /// The content at power-on.
    power_on: [u8; BYTES],
    bars: Vec<Bar>,
    /// The ranges that the function answers now: those of its BARs, if it answers memory accesses at all.
    answered: Vec<(Bar, Range<u64>)>,
    /// Where the next capability goes, and where the link to it is to be written.
    next_capability: (usize, usize),
}

impl ConfigSpace {
    /// A function without BARs and capabilities.
    pub(crate) fn new(identity: Identity) -> Self {
        let mut space = Self {
            bytes: [0; BYTES],
            writable: [0; BYTES],
            power_on: [0; BYTES],
            bars: Vec::new(),
            answered: Vec::new(),
            next_capability: (0x40, reg::CAPABILITIES),
        };
        let [interface, subclass, base, _] = identity.class.to_le_bytes();
        space.define(reg::VENDOR, &identity.vendor.to_le_bytes());
        space.define(reg::DEVICE, &identity.device.to_le_bytes());
        space.define(reg::REVISION, &[identity.revision]);
        space.define(reg::CLASS, &[interface, subclass, base]);
        space.define(reg::SUBSYSTEM_VENDOR, &identity.vendor.to_le_bytes());
        space.define(reg::SUBSYSTEM, &identity.subsystem.to_le_bytes());
        space.make_writable(reg::COMMAND, &COMMAND_WRITABLE.to_le_bytes());
        space.make_writable(reg::CACHE_LINE, &[0xff]);
        space.make_writable(reg::INTERRUPT_LINE, &[0xff]);
        space
    }

    /// Adds a memory BAR.
    pub(crate) fn add_bar(&mut self, bar: Bar) {
        assert!(bar.size_bytes.is_power_of_two() && bar.size_bytes >= 0x1000, "{bar:?}");
        let mask = !(bar.size_bytes - 1);
        let flags = if bar.is_64_bit { BAR_64 } else { 0 };
        self.define(bar.offset(), &flags.to_le_bytes());
        let bytes = mask.to_le_bytes();
        let width = if bar.is_64_bit { 8 } else { 4 };
        self.make_writable(bar.offset(), &bytes[..width]);
        self.bars.push(bar);
    }

    /// Appends a capability: `id`, link, then `body`, of which the bits in `writable` can be written.
    /// Returns its offset.
    // Spec: PCI-3.0 6.7 "Capabilities List"
    pub(crate) fn add_capability(&mut self, id: u8, body: &[u8], writable: &[u8]) -> usize {
        let (offset, link) = self.next_capability;
        let end = offset + 2 + body.len();
        assert!(end <= BYTES, "capability {id:#x} ends at {end:#x}");
        self.define(link, &[offset.to_le_bytes()[0]]);
        self.define(offset, &[id, 0]);
        self.define(offset + 2, body);
        self.make_writable(offset + 2, writable);
        self.define(reg::STATUS, &STATUS_CAPABILITIES.to_le_bytes());
        self.next_capability = (end.next_multiple_of(4), offset + 1);
        offset
    }

    /// Back to power-on: BARs unplaced, everything disabled.
    pub(crate) fn reset(&mut self) {
        self.bytes = self.power_on;
        self.find_answered();
    }

    /// Reads; bytes outside of the 256 are zero.
    pub(crate) fn read(&self, offset: usize, data: &mut [u8]) {
        for (at, byte) in (offset..).zip(data) {
            *byte = self.bytes.get(at).copied().unwrap_or(0);
        }
    }

    /// Writes the writable bits.
    pub(crate) fn write(&mut self, offset: usize, data: &[u8]) {
        for (at, new) in (offset..).zip(data) {
            if let (Some(old), Some(mask)) = (self.bytes.get_mut(at), self.writable.get(at)) {
                *old = *old & !mask | new & mask;
            }
        }
        self.find_answered();
    }

    /// After each change, so that an access, of which there are many, need not look for it.
    fn find_answered(&mut self) {
        let is_enabled = self.half(reg::COMMAND) & COMMAND_MEMORY != 0;
        let enabled = self.bars.iter().filter(|_| is_enabled);
        self.answered = enabled.map(|bar| (*bar, self.range(*bar))).collect();
    }

    /// Sixteen bits at `offset`.
    pub(crate) fn half(&self, offset: usize) -> u16 {
        let mut bytes = [0; 2];
        self.read(offset, &mut bytes);
        u16::from_le_bytes(bytes)
    }

    /// Whether the function may use memory and send messages.
    pub(crate) fn is_bus_master(&self) -> bool {
        self.half(reg::COMMAND) & COMMAND_BUS_MASTER != 0
    }

    /// The BARs.
    pub(crate) fn bars(&self) -> &[Bar] {
        &self.bars
    }

    /// Puts `bar` at `address`.
    pub(crate) fn place(&mut self, bar: Bar, address: u64) {
        let width = if bar.is_64_bit { 8 } else { 4 };
        self.write(bar.offset(), &address.to_le_bytes()[..width]);
    }

    /// Where `bar` is at the moment, be it enabled or not.
    pub(crate) fn range(&self, bar: Bar) -> Range<u64> {
        let mut bytes = [0; 8];
        let width = if bar.is_64_bit { 8 } else { 4 };
        self.read(bar.offset(), &mut bytes[..width]);
        let base = u64::from_le_bytes(bytes) & !(bar.size_bytes - 1);
        base..base.saturating_add(bar.size_bytes)
    }

    /// The BAR that answers an access of `size` bytes at `address`, and the offset in it.
    pub(crate) fn decode(&self, address: u64, size: usize) -> Option<(Bar, u64)> {
        let end = address.checked_add(size as u64)?;
        self.answered.iter().find_map(|(bar, range)| {
            let is_inside = range.start <= address && end <= range.end;
            is_inside.then(|| (*bar, address - range.start))
        })
    }

    fn define(&mut self, offset: usize, data: &[u8]) {
        self.bytes[offset..offset + data.len()].copy_from_slice(data);
        self.power_on = self.bytes;
    }

    fn make_writable(&mut self, offset: usize, mask: &[u8]) {
        self.writable[offset..offset + mask.len()].copy_from_slice(mask);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SMALL: Bar = Bar { index: 0, size_bytes: 0x1000, is_64_bit: false };
    const WIDE: Bar = Bar { index: 2, size_bytes: 0x4000, is_64_bit: true };

    fn space() -> ConfigSpace {
        let mut space = ConfigSpace::new(Identity {
            vendor: 0x5357,
            device: 0x4c02,
            subsystem: 1,
            class: 0x01_08_02,
            revision: 3,
        });
        space.add_bar(SMALL);
        space.add_bar(WIDE);
        space.add_capability(0x11, &[7, 0, 4, 0, 0, 0], &[0, 0xc0]);
        space.add_capability(0x09, &[0; 3], &[]);
        space
    }

    fn word(space: &ConfigSpace, offset: usize) -> u32 {
        let mut bytes = [0; 4];
        space.read(offset, &mut bytes);
        u32::from_le_bytes(bytes)
    }

    #[test]
    fn the_header_has_its_fields_where_the_specification_says() {
        let space = space();
        assert_eq!(word(&space, 0), 0x4c02_5357);
        assert_eq!(word(&space, 8), 0x01_08_02_03);
        assert_eq!(word(&space, 0x2c), 0x1_5357);
        assert_eq!(word(&space, 0x34), 0x40);
        assert_eq!(word(&space, 0x40), 0x0007_4811);
        assert_eq!(word(&space, 0x48) & 0xffff, 0x0009);
        assert_eq!(word(&space, 0x100), 0);
    }

    #[test]
    fn all_ones_in_a_bar_read_back_as_its_size() {
        let mut space = space();
        for (offset, expected) in [(0x10, 0xffff_f000), (0x18, 0xffff_c004), (0x1c, 0xffff_ffff)] {
            space.write(offset, &[0xff; 4]);
            assert_eq!(word(&space, offset), expected, "{offset:#x}");
        }
        space.write(0x14, &[0xff; 4]);
        assert_eq!(word(&space, 0x14), 0, "a register that is no BAR");
    }

    #[test]
    fn a_placed_bar_decodes_only_when_memory_is_enabled() {
        let mut space = space();
        space.place(WIDE, 0x1_2345_4000);
        space.place(SMALL, 0xc000_0000);
        assert_eq!(space.decode(0x1_2345_4010, 4), None);
        space.write(reg::COMMAND, &COMMAND_MEMORY.to_le_bytes());
        assert_eq!(space.decode(0x1_2345_4010, 4), Some((WIDE, 0x10)));
        assert_eq!(space.decode(0xc000_0ffc, 4), Some((SMALL, 0xffc)));
        assert_eq!(space.decode(0xc000_0ffe, 4), None, "leaves the BAR");
        assert_eq!(space.decode(u64::MAX, 4), None);
        space.reset();
        assert_eq!(space.decode(0xc000_0000, 4), None);
    }

    proptest! {
        #[test]
        fn no_access_panics_or_changes_read_only_bits(
            accesses in prop::collection::vec((0_usize..5000, any::<[u8; 8]>(), 0_usize..=8), 0..64),
            address: u64,
        ) {
            let mut space = space();
            let fresh = space.bytes;
            for (offset, data, size) in accesses {
                space.write(offset, &data[..size]);
                space.read(offset, &mut [0; 8][..size]);
                space.decode(address, size);
            }
            let changed = space.bytes.iter().zip(fresh).map(|(now, before)| now ^ before);
            for (changed, writable) in changed.zip(space.writable) {
                prop_assert_eq!(changed & !writable, 0);
            }
        }
    }
}
