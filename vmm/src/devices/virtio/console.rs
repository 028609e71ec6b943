//! The virtio console: port 0, one queue each way. It is the guest's log and result channel.
//!
//! What it does not do: no further ports, no control queues, no window size.

use std::collections::VecDeque;

use machine::pci_ids;
use virtio_queue::{Queue, QueueT};

use super::chain::{gather, next_request, scatter, size_bytes, split};
use super::{BrokenRing, VirtioDevice};
use crate::kvm::Ram;

/// The queue from host to guest.
pub(crate) const RECEIVE: usize = 0;
/// The queue from guest to host.
pub(crate) const TRANSMIT: usize = 1;

/// Feature bit: the guest may write single bytes without a queue.
// Spec: VIRTIO-1.2 5.3.3 "VIRTIO_CONSOLE_F_EMERG_WRITE"
const F_EMERG_WRITE: u32 = 2;

/// `emerg_wr` in the configuration structure.
const EMERGENCY_WRITE: usize = 8;

/// Input that waits for the guest to make room.
const INPUT_BYTES_MAX: usize = 64 << 10;

/// The console's own state.
#[derive(Debug, Default)]
pub(crate) struct Console {
    output: Vec<u8>,
    /// Bytes that `output` may grow to: what is more is dropped here and counted by the owner.
    output_bytes_max: u64,
    input: VecDeque<u8>,
}

impl Console {
    /// Says how many bytes the next [`Console::take_output`] may give.
    pub(crate) fn set_output_room(&mut self, bytes_max: u64) {
        self.output_bytes_max = bytes_max;
    }

    /// What the guest wrote since the last call.
    pub(crate) fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// Queues input for the guest; what does not fit is lost, as on a real terminal.
    pub(crate) fn push_input(&mut self, bytes: &[u8]) {
        let room = INPUT_BYTES_MAX.saturating_sub(self.input.len());
        self.input.extend(&bytes[..bytes.len().min(room)]);
    }

    fn transmit(&mut self, queue: &mut Queue, ram: &Ram) -> Result<bool, BrokenRing> {
        let mut is_used = false;
        // Bounded, because a hostile guest can lay the used ring over the index that it advances.
        for _ in 0..queue.size() {
            let Some(request) = next_request(queue, ram)? else {
                break;
            };
            let room = self.output_bytes_max.saturating_sub(self.output.len() as u64);
            let size = size_bytes(&request.readable).min(room);
            let (fitting, _) = split(&request.readable, size).ok_or(BrokenRing)?;
            let start = self.output.len();
            self.output.resize(start + usize::try_from(size).map_err(|_| BrokenRing)?, 0);
            gather(ram, &fitting, &mut self.output[start..]).ok_or(BrokenRing)?;
            request.finish(queue, ram, 0)?;
            is_used = true;
        }
        Ok(is_used)
    }

    fn receive(&mut self, queue: &mut Queue, ram: &Ram) -> Result<bool, BrokenRing> {
        let mut is_used = false;
        while !self.input.is_empty() {
            let Some(request) = next_request(queue, ram)? else {
                break;
            };
            let size = size_bytes(&request.writable).min(self.input.len() as u64) as usize;
            let bytes: Vec<u8> = self.input.drain(..size).collect();
            let (room, _) = split(&request.writable, size as u64).ok_or(BrokenRing)?;
            scatter(ram, &room, &bytes).ok_or(BrokenRing)?;
            request.finish(queue, ram, size as u32)?;
            is_used = true;
            if size == 0 {
                // A buffer without room: going on could last for ever.
                break;
            }
        }
        Ok(is_used)
    }
}

impl VirtioDevice for Console {
    const PCI_DEVICE: u16 = pci_ids::DEVICE_VIRTIO_CONSOLE;
    /// Simple communication controller, other.
    const PCI_CLASS: u32 = 0x07_80_00;
    const QUEUE_SIZES: &'static [u16] = &[64, 256];

    fn features(&self) -> u64 {
        1 << F_EMERG_WRITE
    }

    /// `cols, rows: u16, max_nr_ports: u32, emerg_wr: u32`.
    fn config(&self) -> Vec<u8> {
        vec![0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    }

    fn write_config(&mut self, offset: usize, data: &[u8]) {
        if let (EMERGENCY_WRITE, [byte, ..]) = (offset, data)
            && (self.output.len() as u64) < self.output_bytes_max
        {
            self.output.push(*byte);
        }
    }

    fn process(&mut self, index: usize, queue: &mut Queue, ram: &Ram) -> Result<bool, BrokenRing> {
        if index == TRANSMIT { self.transmit(queue, ram) } else { self.receive(queue, ram) }
    }

    fn reset(&mut self) {
        self.input.clear();
    }
}
