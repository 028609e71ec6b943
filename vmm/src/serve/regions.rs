//! What a client is told that there is: the regions and interrupts of the function, in VFIO's numbers
//! (`VFIO_PCI_CONFIG_REGION_INDEX` and its neighbours in Linux's `include/uapi/linux/vfio.h`).

use vfio_bindings::bindings::vfio::{
    VFIO_IRQ_INFO_EVENTFD, VFIO_IRQ_INFO_NORESIZE, VFIO_PCI_BAR0_REGION_INDEX,
    VFIO_PCI_BAR5_REGION_INDEX, VFIO_PCI_CONFIG_REGION_INDEX, VFIO_PCI_ERR_IRQ_INDEX,
    VFIO_PCI_MSIX_IRQ_INDEX, VFIO_PCI_NUM_IRQS, VFIO_PCI_NUM_REGIONS, VFIO_REGION_INFO_FLAG_READ,
    VFIO_REGION_INFO_FLAG_WRITE, vfio_region_info,
};
use vfio_user::{IrqInfo, ServerRegion};

use crate::pci::Bar;

/// Bytes of configuration space, the extended one with it: a client takes what has less for a conventional device.
pub(super) const CONFIG_BYTES: u64 = 4096;

/// A region of the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Region {
    /// A BAR, by its number.
    Bar(u8),
    /// Configuration space.
    Config,
}

impl Region {
    /// The region of a client's number.
    pub(super) fn from_index(index: u32) -> Option<Self> {
        match index {
            VFIO_PCI_BAR0_REGION_INDEX..=VFIO_PCI_BAR5_REGION_INDEX => {
                u8::try_from(index - VFIO_PCI_BAR0_REGION_INDEX).ok().map(Self::Bar)
            }
            VFIO_PCI_CONFIG_REGION_INDEX => Some(Self::Config),
            _ => None,
        }
    }

    /// Bytes of it; 0 if the function has no such BAR.
    pub(super) fn size_bytes(self, bars: &[Bar]) -> u64 {
        match self {
            Self::Bar(index) => {
                bars.iter().find(|bar| bar.index == index).map_or(0, |bar| bar.size_bytes)
            }
            Self::Config => CONFIG_BYTES,
        }
    }
}

/// All regions. None can be mapped: every access is a message, so that the controller sees each.
pub(super) fn regions(bars: &[Bar]) -> Vec<ServerRegion> {
    let region = |index| {
        let size = Region::from_index(index).map_or(0, |region| region.size_bytes(bars));
        let region_info = vfio_region_info {
            argsz: size_of::<vfio_region_info>() as u32,
            flags: if size > 0 {
                VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE
            } else {
                0
            },
            index,
            size,
            ..Default::default()
        };
        ServerRegion { region_info, sparse_areas: Vec::new(), mmap_fd: None }
    };
    (0..VFIO_PCI_NUM_REGIONS).map(region).collect()
}

/// All kinds of interrupts: MSI-X, and the report of errors, which some clients insist on and which never comes.
pub(super) fn interrupts(vectors: u16) -> Vec<IrqInfo> {
    let interrupt = |index| {
        let count = match index {
            VFIO_PCI_MSIX_IRQ_INDEX => u32::from(vectors),
            VFIO_PCI_ERR_IRQ_INDEX => 1,
            _ => 0,
        };
        let flags = if count > 0 { VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE } else { 0 };
        IrqInfo { index, flags, count }
    };
    (0..VFIO_PCI_NUM_IRQS).map(interrupt).collect()
}
