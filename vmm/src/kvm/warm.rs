//! Entering the guest on a processor that an earlier life has set up (`machine::warm_start`).
//!
//! Each call of the kernel about a CPU costs some microseconds on a host that keeps guest state in registers of its own. So the
//! registers go with the next entry, through the page that the kernel shares with this process, if it can take them there.

use kvm_bindings::{kvm_regs, kvm_sregs};
use kvm_ioctls::{Cap, Kvm, SyncReg};

use super::Vcpu;
use crate::VmmError;

/// A bit of CR3 that says how the root of the page tables is cached: of no consequence in memory.
const CR3_WRITE_THROUGH: u64 = 1 << 3;

/// The special registers of a processor that an image has set up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpecialRegisters(kvm_sregs);

/// Whether the kernel takes both kinds of registers with an entry.
pub(super) fn shares_registers(kvm: &Kvm) -> bool {
    let wanted = SyncReg::Register as i32 | SyncReg::SystemRegister as i32;
    kvm.check_extension_int(Cap::SyncRegs) & wanted == wanted
}

impl Vcpu {
    /// The special registers as they are.
    pub(crate) fn special_registers(&self) -> Result<SpecialRegisters, VmmError> {
        let sregs = self.fd.get_sregs().map_err(|e| VmmError::host("KVM_GET_SREGS", e))?;
        Ok(SpecialRegisters(sregs))
    }

    /// Lets the next entry begin with these registers and no translation remembered; all else stays as it is.
    ///
    /// # Errors
    /// The kernel refuses the registers; it may do so at the entry only.
    pub(crate) fn enter_again(
        &mut self,
        regs: &kvm_regs,
        special: &SpecialRegisters,
    ) -> Result<(), VmmError> {
        if self.is_exit_open {
            self.complete_exit()?;
        }
        // The kernel forgets translations if CR3 is another one than before, in whichever bit.
        self.is_marked ^= true;
        let mut sregs = special.0;
        sregs.cr3 ^= if self.is_marked { CR3_WRITE_THROUGH } else { 0 };
        if !self.shares_registers {
            return self.set_boot_registers(regs, &sregs);
        }
        let shared = self.fd.sync_regs_mut();
        (shared.regs, shared.sregs) = (*regs, sregs);
        self.fd.set_sync_dirty_reg(SyncReg::Register);
        self.fd.set_sync_dirty_reg(SyncReg::SystemRegister);
        Ok(())
    }
}
