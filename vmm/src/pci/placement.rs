//! Placing BARs before the guest boots, as firmware would.

use machine::layout;

use super::Function;
use super::config_space::{COMMAND_BUS_MASTER, COMMAND_MEMORY, reg};

/// Deals out the window from its start.
#[derive(Debug)]
pub(crate) struct Placement {
    next: u64,
}

impl Placement {
    pub(crate) fn new() -> Self {
        Self { next: layout::PCI_WINDOW_BASE }
    }

    /// Places the BARs of `function` and enables memory and bus mastering.
    pub(crate) fn place(&mut self, function: &mut dyn Function) {
        let config = function.config_mut();
        for bar in config.bars().to_vec() {
            let address = self.next.next_multiple_of(bar.size_bytes);
            self.next = address + bar.size_bytes;
            assert!(
                self.next <= layout::PCI_WINDOW_BASE + layout::PCI_WINDOW_BYTES,
                "the BARs of this machine do not fit the window"
            );
            config.place(bar, address);
        }
        let command = COMMAND_MEMORY | COMMAND_BUS_MASTER;
        config.write(reg::COMMAND, &command.to_le_bytes());
        function.config_changed();
    }
}
