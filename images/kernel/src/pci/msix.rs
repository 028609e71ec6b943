//! MSI-X: which table entry raises which vector.

use kernel_core::msix::{
    CAPABILITY_ID, CONTROL_ENABLE, CONTROL_FUNCTION_MASK, ENTRY_BYTES, Table, entry,
};

use super::Function;
use crate::arch::interrupt::Vector;
use crate::hal::calls;

impl Function {
    /// Lets the function raise `vectors`, its table's first entries. `false` if it has no MSI-X
    /// capability, or too small a table.
    pub(crate) fn enable_msix(&self, vectors: &[Vector]) -> bool {
        let root = self.root();
        let Some(capability) = root.capabilities(self.address).find(|c| c.id == CAPABILITY_ID)
        else {
            return false;
        };
        let control = self.config.read(self.address, capability.offset);
        let place = self.config.read(self.address, capability.offset + 4);
        let table = Table::from_capability(control, place);
        if usize::from(table.entries) < vectors.len() {
            return false;
        }
        let size_bytes = table.offset + usize::from(table.entries) * ENTRY_BYTES;
        let registers = self.registers(table.bar, size_bytes);
        for (index, vector) in vectors.iter().enumerate() {
            for (dword, value) in entry(vector.number()).into_iter().enumerate() {
                let offset = table.offset + index * ENTRY_BYTES + dword * 4;
                calls::write32(&registers, offset, value);
            }
        }
        let control = control & !CONTROL_FUNCTION_MASK | CONTROL_ENABLE;
        self.config.write(self.address, capability.offset, control);
        true
    }
}
