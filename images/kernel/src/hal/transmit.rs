//! The virtio console's transmit queue, fed from the outbox.
// UNSAFETY: buffers in the queue are named by address.
#![expect(unsafe_code, reason = "virtqueue buffers outlive the borrow that names them")]

use core::fmt;

use hal::trace::{RECORD_BYTES, Record};
use kernel_core::outbox::{Full, Outbox};
use machine::frame::{HEADER_BYTES, KIND_RECORDS};
use virtio_drivers::queue::VirtQueue;
use virtio_drivers::transport::DeviceStatus;
use virtio_drivers::transport::Transport;
use virtio_drivers::transport::pci::PciTransport;

use super::virtio::VirtioHal;

/// Bytes of the ring: some 1800 records between two exits.
const RING_BYTES: usize = 64 << 10;
const QUEUE_SIZE: usize = 64;
// Spec: VIRTIO-1.2 5.3.2 "Virtqueues": port 0 transmits on queue 1.
const TRANSMIT_QUEUE: u16 = 1;
// Spec: VIRTIO-1.2 6 "VIRTIO_F_VERSION_1"
const FEATURE_VERSION_1: u64 = 1 << 32;

const _: () = assert!(HEADER_BYTES + RECORD_BYTES <= RING_BYTES, "every record fits");

/// The device, its queue and the bytes for it.
pub(crate) struct Transmit {
    transport: PciTransport,
    queue: VirtQueue<VirtioHal, QUEUE_SIZE>,
    outbox: Outbox,
    /// The machine looks at the queue at every exit, so that publishing needs no exit of its own.
    is_watched: bool,
}

impl Transmit {
    /// Starts the device. Only port 0's transmit queue is used; the device may never write.
    pub(crate) fn new(
        mut transport: PciTransport,
        is_watched: bool,
    ) -> virtio_drivers::Result<Self> {
        // Spec: VIRTIO-1.2 3.1.1 "Driver Requirements: Device Initialization"
        let acknowledged = DeviceStatus::ACKNOWLEDGE | DeviceStatus::DRIVER;
        transport.set_status(DeviceStatus::empty());
        transport.set_status(acknowledged);
        transport.write_driver_features(FEATURE_VERSION_1);
        transport.set_status(acknowledged | DeviceStatus::FEATURES_OK);
        let mut queue = VirtQueue::new(&mut transport, TRANSMIT_QUEUE, false, false)?;
        queue.set_dev_notify(false);
        transport.finish_init();
        Ok(Self { transport, queue, outbox: Outbox::new(RING_BYTES, QUEUE_SIZE), is_watched })
    }

    /// Sends one trace record.
    pub(crate) fn record(&mut self, record: &Record) {
        let bytes = record.to_bytes();
        while self.outbox.push_frame(KIND_RECORDS, &bytes) == Err(Full) {
            self.make_room();
        }
    }

    /// Shows everything written to the device.
    pub(crate) fn publish(&mut self) {
        if self.publish_quietly() && !self.is_watched && self.queue.should_notify() {
            self.transport.notify(TRANSMIT_QUEUE);
        }
    }

    /// Waits until the device has taken everything.
    pub(crate) fn drain(&mut self) {
        while !self.outbox.is_drained() {
            self.make_room();
        }
    }

    /// Publishes, asks the device to take what is there, and reclaims what it took.
    fn make_room(&mut self) {
        self.publish_quietly();
        self.transport.notify(TRANSMIT_QUEUE);
        self.reclaim();
        core::hint::spin_loop();
    }

    /// Publishes without an exit. Says whether there was anything.
    fn publish_quietly(&mut self) -> bool {
        let mut is_new = false;
        while let Some(range) = self.next_segment() {
            let bytes = self.outbox.bytes(range.clone());
            // SAFETY: the outbox is in the queue's hands as long as the machine runs, and it does not
            // change published bytes before `finished`.
            let token = unsafe { self.queue.add(&[bytes], &mut []) };
            let token = token.expect("as many descriptors as segments");
            self.outbox.published(token, range);
            is_new = true;
        }
        is_new
    }

    fn next_segment(&mut self) -> Option<core::ops::Range<usize>> {
        self.outbox.unpublished().or_else(|| {
            self.reclaim();
            self.outbox.unpublished()
        })
    }

    fn reclaim(&mut self) {
        while let Some(token) = self.queue.peek_used() {
            // A token that names nothing is the device's lie; nothing can be reclaimed any more.
            let Some(range) = self.outbox.segment(token) else {
                return;
            };
            let bytes = self.outbox.bytes(range);
            // SAFETY: the very buffer that `add` returned this token for.
            let popped = unsafe { self.queue.pop_used(token, &[bytes], &mut []) };
            popped.expect("the token was peeked at");
            self.outbox.finished(token);
        }
    }
}

impl fmt::Write for Transmit {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while !rest.is_empty() {
            let (piece, later) = rest.split_at(rest.floor_char_boundary(self.outbox.size_bytes()));
            while self.outbox.push_text(piece) == Err(Full) {
                self.make_room();
            }
            rest = later;
        }
        Ok(())
    }
}
