//! What a function on the bus does.

use super::config_space::ConfigSpace;

/// A PCI function. Accesses are already decoded and lie inside their BAR.
pub(crate) trait Function {
    /// Its configuration space.
    fn config(&self) -> &ConfigSpace;

    /// Its configuration space, to be followed by [`Function::config_changed`].
    fn config_mut(&mut self) -> &mut ConfigSpace;

    /// Configuration space was written.
    fn config_changed(&mut self) {}

    /// The guest reads configuration space.
    fn config_read(&mut self, offset: usize, data: &mut [u8]) {
        self.config().read(offset, data);
    }

    /// The guest writes configuration space.
    fn config_write(&mut self, offset: usize, data: &[u8]) {
        self.config_mut().write(offset, data);
        self.config_changed();
    }

    /// The guest reads `data.len()` bytes, at most 8.
    fn bar_read(&mut self, bar: u8, offset: u64, data: &mut [u8]);

    /// The guest writes `data`, at most 8 bytes.
    fn bar_write(&mut self, bar: u8, offset: u64, data: &[u8]);

    /// Back to power-on, configuration space included.
    fn reset(&mut self);
}
