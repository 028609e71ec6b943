//! The lab device's registers. What a wait does is [`super::wait`]'s business.

use machine::lab_device::{BAR_BYTES, MAGIC, reg};
use machine::pci_ids;

use crate::pci::{Bar, ConfigSpace, Function, Identity};

/// Class code: base system peripheral, other.
const CLASS_PERIPHERAL: u32 = 0x08_80_00;

/// The lab device's function. Register offsets are those of `machine::lab_device`.
#[derive(Debug)]
pub(crate) struct LabFunction {
    config: ConfigSpace,
    /// The time, as of the present exit.
    now_ns: u64,
    /// Time passes by itself.
    is_running: bool,
    wait_block: u64,
    is_wait_due: bool,
    /// The call page, if the guest has just named it.
    call_page: Option<u64>,
}

impl LabFunction {
    pub(crate) fn new(is_running: bool) -> Self {
        let mut config = ConfigSpace::new(Identity {
            vendor: pci_ids::VENDOR_SWAPLAB,
            device: pci_ids::DEVICE_LAB,
            subsystem: 0,
            class: CLASS_PERIPHERAL,
            revision: 1,
        });
        config.add_bar(Bar { index: 0, size_bytes: BAR_BYTES, is_64_bit: false });
        Self { config, now_ns: 0, is_running, wait_block: 0, is_wait_due: false, call_page: None }
    }

    /// Says what time it is; to be called before an access is carried in.
    pub(crate) fn set_now(&mut self, now_ns: u64) {
        self.now_ns = now_ns;
    }

    /// The guest names its call page, in which the wait block is too.
    pub(crate) fn name_call_page(&mut self, address: u64) {
        self.wait_block = address;
        self.call_page = Some(address);
    }

    /// The address of the call page, if the guest has just named it.
    pub(crate) fn take_call_page(&mut self) -> Option<u64> {
        self.call_page.take()
    }

    /// The address of the wait block, if the guest has just asked to wait.
    pub(crate) fn take_wait(&mut self) -> Option<u64> {
        std::mem::take(&mut self.is_wait_due).then_some(self.wait_block)
    }
}

impl Function for LabFunction {
    fn config(&self) -> &ConfigSpace {
        &self.config
    }

    fn config_mut(&mut self) -> &mut ConfigSpace {
        &mut self.config
    }

    fn bar_read(&mut self, _bar: u8, offset: u64, data: &mut [u8]) {
        let registers = [
            (reg::MAGIC, MAGIC),
            (reg::NOW, self.now_ns),
            (reg::WAIT_BLOCK, self.wait_block),
            (reg::IS_RUNNING, self.is_running.into()),
        ];
        data.fill(0);
        for (base, value) in registers {
            let inside = offset.checked_sub(base).and_then(|at| usize::try_from(at).ok());
            if let Some(bytes) =
                inside.and_then(|at| value.to_le_bytes().get(at..).map(<[u8]>::to_vec))
            {
                data.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
            }
        }
    }

    fn bar_write(&mut self, _bar: u8, offset: u64, data: &[u8]) {
        let value = data.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
        const HIGH_HALF: u64 = reg::WAIT_BLOCK + 4;
        match (offset, data.len()) {
            (reg::WAIT_BLOCK, 8) => self.wait_block = value,
            (reg::WAIT_BLOCK, 4) => self.wait_block = self.wait_block & !0xffff_ffff | value,
            (HIGH_HALF, 4) => self.wait_block = self.wait_block & 0xffff_ffff | value << 32,
            (reg::CALL_PAGE, 4 | 8) => self.name_call_page(value),
            (reg::WAIT, 4) => self.is_wait_due = true,
            _ => log::debug!("write of {data:02x?} to the lab device at {offset:#x}"),
        }
    }

    fn reset(&mut self) {
        self.config.reset();
        self.wait_block = 0;
        self.is_wait_due = false;
        self.call_page = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<const N: usize>(lab: &mut LabFunction, offset: u64) -> [u8; N] {
        let mut data = [0xee; N];
        lab.bar_read(0, offset, &mut data);
        data
    }

    #[test]
    fn the_registers_read_in_both_widths() {
        let mut lab = LabFunction::new(false);
        lab.set_now(0x1122_3344_5566_7788);
        assert_eq!(&read::<8>(&mut lab, reg::MAGIC), b"SWAPLAB\x03");
        assert_eq!(read::<4>(&mut lab, reg::NOW), 0x5566_7788_u32.to_le_bytes());
        assert_eq!(read::<4>(&mut lab, reg::NOW + 4), 0x1122_3344_u32.to_le_bytes());
        assert_eq!(read::<8>(&mut lab, 0x800), [0; 8]);
    }

    #[test]
    fn the_wait_block_is_written_in_both_widths_and_a_wait_is_taken_once() {
        let mut lab = LabFunction::new(false);
        lab.bar_write(0, reg::WAIT_BLOCK, &0x1_2345_6000_u64.to_le_bytes());
        assert_eq!(lab.take_wait(), None);
        lab.bar_write(0, reg::WAIT, &[0; 4]);
        assert_eq!(lab.take_wait(), Some(0x1_2345_6000));
        assert_eq!(lab.take_wait(), None);
        lab.bar_write(0, reg::WAIT_BLOCK, &0x7000_u32.to_le_bytes());
        lab.bar_write(0, reg::WAIT_BLOCK + 4, &[0; 4]);
        lab.bar_write(0, reg::WAIT, &[0; 4]);
        assert_eq!(lab.take_wait(), Some(0x7000));
    }
}
