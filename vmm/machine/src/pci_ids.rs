//! PCI identities of bus 0.

/// Vendor of this project's own functions. Not assigned by the PCI-SIG: deliberately nobody's, so
/// that no driver applies the quirks of a real product.
pub const VENDOR_SWAPLAB: u16 = 0x5357;
/// The host bridge.
pub const DEVICE_HOST_BRIDGE: u16 = 0x4c00;
/// The lab device (clock and wait), see [`crate::lab_device`].
pub const DEVICE_LAB: u16 = 0x4c01;
/// The NVMe controller.
pub const DEVICE_NVME: u16 = 0x4c02;
/// The file server: virtio's MMIO registers in BAR 0.
pub const DEVICE_FILES: u16 = 0x4c03;

/// Class code of an NVMe controller: mass storage, non-volatile memory, NVM Express.
pub const CLASS_NVME: u32 = 0x01_08_02;

/// Vendor of virtio devices.
pub const VENDOR_VIRTIO: u16 = 0x1af4;
/// A modern (virtio 1.x) console.
pub const DEVICE_VIRTIO_CONSOLE: u16 = 0x1040 + 3;
/// A modern (virtio 1.x) block device.
pub const DEVICE_VIRTIO_BLOCK: u16 = 0x1040 + 2;

/// Device numbers on bus 0.
pub mod slot {
    /// The host bridge.
    pub const HOST_BRIDGE: u8 = 0;
    /// The lab device.
    pub const LAB: u8 = 1;
    /// The NVMe controller.
    pub const NVME: u8 = 2;
    /// The virtio console.
    pub const CONSOLE: u8 = 3;
    /// The virtio control disk.
    pub const BLOCK: u8 = 4;
    /// The file server.
    pub const FILES: u8 = 5;
}
