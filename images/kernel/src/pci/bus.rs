//! What is on bus 0.

use alloc::vec::Vec;

use kernel_core::bars::BarWindow;
use machine::layout::{ECAM_BASE, PCI_WINDOW_BASE};
use machine::pci_ids::{VENDOR_SWAPLAB, slot};
use virtio_drivers::transport::pci::bus::DeviceFunction;

use super::Function;
use crate::hal::config_space::ConfigSpace;

const DEVICES: u8 = 32;
const NO_FUNCTION: u32 = 0xffff_ffff;

/// The functions found, and the window to place BARs in.
#[derive(Debug)]
pub(crate) struct Bus {
    functions: Vec<Function>,
    /// Made when something is to be placed: what firmware placed must be sized for it.
    window: Option<BarWindow>,
}

impl Bus {
    /// Looks at function 0 of every device; on this project's own machine, whose host bridge says so,
    /// only at the device numbers that it uses: each look is an exit.
    pub(crate) fn scan(config: ConfigSpace) -> Self {
        let host_bridge = Self::probe(config, slot::HOST_BRIDGE);
        let is_own = host_bridge.is_some_and(|bridge| bridge.vendor_id() == VENDOR_SWAPLAB);
        let last = if is_own { slot::FILES } else { DEVICES - 1 };
        let functions: Vec<_> = (slot::HOST_BRIDGE + 1..=last)
            .filter_map(|device| Self::probe(config, device))
            .collect();
        Self { functions, window: None }
    }

    /// The function with these ids.
    pub(crate) fn find(&self, vendor_id: u16, device_id: u16) -> Option<Function> {
        let is_it = |f: &Function| f.vendor_id() == vendor_id && f.device_id() == device_id;
        self.functions.iter().copied().find(is_it)
    }

    /// The first function of this class (base class, sub-class, programming interface).
    pub(crate) fn find_class(&self, class: u32) -> Option<Function> {
        self.functions.iter().copied().find(|function| function.class() == class)
    }

    /// Makes a function's memory BARs usable and lets it reach memory.
    pub(crate) fn enable(&mut self, function: Function) {
        if !function.is_decoding() {
            let functions = &self.functions;
            let window = self.window.get_or_insert_with(|| free_window(functions));
            function.place_bars(window);
        }
        function.enable();
    }

    fn probe(config: ConfigSpace, device: u8) -> Option<Function> {
        let address = DeviceFunction { bus: 0, device, function: 0 };
        let ids = config.read(address, 0);
        (ids != NO_FUNCTION).then(|| Function::new(config, address, ids))
    }
}

/// The PCI window without what firmware placed in it.
fn free_window(functions: &[Function]) -> BarWindow {
    let mut window = BarWindow::new(PCI_WINDOW_BASE..ECAM_BASE);
    for placed in functions.iter().flat_map(Function::placed_bars) {
        window.skip(placed);
    }
    window
}
