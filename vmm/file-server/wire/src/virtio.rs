//! The virtio device that carries the messages: the register layout of virtio's MMIO transport, in BAR 0 of a
//! PCI function with MSI-X.
//!
//! Each request is one descriptor chain: the request's bytes (a write's data in descriptors of their own),
//! then room for the reply (a read's data in descriptors of their own, behind
//! [`crate::READ_HEADER_BYTES`]). Queue and configuration changes raise vector 0.
//!
//! `NOTIFICATION_DATA` must be accepted: a notification says how far the driver has filled the ring, so
//! what a device takes at a notification does not depend on when it looks.

/// Register offsets, each 32 bits wide.
// Spec: VIRTIO-1.2 4.2.2 "MMIO Device Register Layout"
pub mod reg {
    /// Read: [`super::MAGIC`].
    pub const MAGIC_VALUE: usize = 0x000;
    /// Read: 2.
    pub const VERSION: usize = 0x004;
    /// Read: [`super::DEVICE_ID`].
    pub const DEVICE_ID: usize = 0x008;
    /// Read: features that the device offers, 32 of them.
    pub const DEVICE_FEATURES: usize = 0x010;
    /// Write: which 32.
    pub const DEVICE_FEATURES_SEL: usize = 0x014;
    /// Write: features that the driver accepts, 32 of them.
    pub const DRIVER_FEATURES: usize = 0x020;
    /// Write: which 32.
    pub const DRIVER_FEATURES_SEL: usize = 0x024;
    /// Write: which queue the next registers are about.
    pub const QUEUE_SEL: usize = 0x030;
    /// Read: the most entries that it may have; 0: there is no such queue.
    pub const QUEUE_NUM_MAX: usize = 0x034;
    /// Write: how many entries it has.
    pub const QUEUE_NUM: usize = 0x038;
    /// Read and write: 1 if it is in use.
    pub const QUEUE_READY: usize = 0x044;
    /// Write: the queue in the lower half, the available index in the upper.
    pub const QUEUE_NOTIFY: usize = 0x050;
    /// Read and write: the device status; writing 0 resets.
    pub const STATUS: usize = 0x070;
    /// Write: the descriptor table's address, low and high half.
    pub const QUEUE_DESC: usize = 0x080;
    /// Write: the available ring's.
    pub const QUEUE_DRIVER: usize = 0x090;
    /// Write: the used ring's.
    pub const QUEUE_DEVICE: usize = 0x0a0;
    /// Read: 0, the configuration never changes.
    pub const CONFIG_GENERATION: usize = 0x0fc;
    /// Read: the configuration structure: the mount tag's length in 16 bits, then the tag.
    pub const CONFIG: usize = 0x100;
}

/// Bytes of BAR 0.
pub const BAR_BYTES: u64 = 0x1000;

/// `virt`.
pub const MAGIC: u32 = 0x7472_6976;

/// A 9P transport.
// Spec: VIRTIO-1.2 5 "Device Types"
pub const DEVICE_ID: u32 = 9;

/// The name that the device gives what it exports.
pub const MOUNT_TAG: &str = "swap";

/// The most entries of the queue.
pub const QUEUE_ENTRIES_MAX: u16 = 256;

/// Feature bits.
pub mod feature {
    /// The device has a mount tag.
    // Spec: VIRTIO-1.2 6 "Reserved Feature Bits"
    pub const MOUNT_TAG: u64 = 1 << 0;
    /// It is a device of virtio 1.
    pub const VERSION_1: u64 = 1 << 32;
    /// Notifications say how far the ring is filled.
    pub const NOTIFICATION_DATA: u64 = 1 << 38;
    /// What the device offers, and what a driver must accept.
    pub const ALL: u64 = MOUNT_TAG | VERSION_1 | NOTIFICATION_DATA;
}

/// Bits of the device status.
// Spec: VIRTIO-1.2 2.1 "Device Status Field"
pub mod status {
    /// The driver has seen the device.
    pub const ACKNOWLEDGE: u32 = 1;
    /// It can drive it.
    pub const DRIVER: u32 = 2;
    /// It goes to work.
    pub const DRIVER_OK: u32 = 4;
    /// Both agree on the features.
    pub const FEATURES_OK: u32 = 8;
    /// The device cannot go on: here, the connection to the server is gone.
    pub const NEEDS_RESET: u32 = 64;
}

/// Flags of a descriptor.
// Spec: VIRTIO-1.2 2.7.5 "The Virtqueue Descriptor Table"
pub mod desc {
    /// Bytes of a descriptor: `address: u64, size: u32, flags: u16, next: u16`.
    pub const BYTES: usize = 16;
    /// It goes on at `next`.
    pub const NEXT: u16 = 1;
    /// The device writes here.
    pub const WRITE: u16 = 2;
}
