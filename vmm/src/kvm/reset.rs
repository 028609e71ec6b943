//! The power-on state of a virtual CPU, taken once when it is new and restored at a power cycle.

use kvm_bindings::{
    Msrs, kvm_debugregs, kvm_fpu, kvm_lapic_state, kvm_mp_state, kvm_msr_entry, kvm_sregs,
    kvm_vcpu_events, kvm_xcrs,
};
use kvm_ioctls::VcpuFd;

use crate::VmmError;

/// Model-specific registers that a guest of this machine may have written and that are not part of
/// the special registers: SYSENTER_CS/ESP/EIP, PAT, STAR, LSTAR, CSTAR, FMASK, KERNEL_GS_BASE.
const MSRS: [u32; 9] =
    [0x174, 0x175, 0x176, 0x277, 0xc000_0081, 0xc000_0082, 0xc000_0083, 0xc000_0084, 0xc000_0102];

/// Everything a power cycle has to put back, in the order in which the kernel wants it.
#[derive(Debug)]
pub(super) struct PowerOnState {
    sregs: kvm_sregs,
    lapic: kvm_lapic_state,
    mp_state: kvm_mp_state,
    events: kvm_vcpu_events,
    fpu: kvm_fpu,
    xcrs: kvm_xcrs,
    debug_regs: kvm_debugregs,
    msrs: Option<Msrs>,
}

impl PowerOnState {
    pub(super) fn read(fd: &VcpuFd) -> Result<Self, VmmError> {
        Ok(Self {
            sregs: fd.get_sregs().map_err(|e| VmmError::host("KVM_GET_SREGS", e))?,
            lapic: fd.get_lapic().map_err(|e| VmmError::host("KVM_GET_LAPIC", e))?,
            mp_state: fd.get_mp_state().map_err(|e| VmmError::host("KVM_GET_MP_STATE", e))?,
            events: fd.get_vcpu_events().map_err(|e| VmmError::host("KVM_GET_VCPU_EVENTS", e))?,
            fpu: fd.get_fpu().map_err(|e| VmmError::host("KVM_GET_FPU", e))?,
            xcrs: fd.get_xcrs().map_err(|e| VmmError::host("KVM_GET_XCRS", e))?,
            debug_regs: fd.get_debug_regs().map_err(|e| VmmError::host("KVM_GET_DEBUGREGS", e))?,
            msrs: read_msrs(fd)?,
        })
    }

    pub(super) fn sregs(&self) -> kvm_sregs {
        self.sregs
    }

    pub(super) fn restore(&self, fd: &VcpuFd) -> Result<(), VmmError> {
        fd.set_sregs(&self.sregs).map_err(|e| VmmError::host("KVM_SET_SREGS", e))?;
        fd.set_lapic(&self.lapic).map_err(|e| VmmError::host("KVM_SET_LAPIC", e))?;
        fd.set_mp_state(self.mp_state).map_err(|e| VmmError::host("KVM_SET_MP_STATE", e))?;
        fd.set_vcpu_events(&self.events).map_err(|e| VmmError::host("KVM_SET_VCPU_EVENTS", e))?;
        fd.set_fpu(&self.fpu).map_err(|e| VmmError::host("KVM_SET_FPU", e))?;
        fd.set_xcrs(&self.xcrs).map_err(|e| VmmError::host("KVM_SET_XCRS", e))?;
        fd.set_debug_regs(&self.debug_regs).map_err(|e| VmmError::host("KVM_SET_DEBUGREGS", e))?;
        if let Some(msrs) = &self.msrs {
            fd.set_msrs(msrs).map_err(|e| VmmError::host("KVM_SET_MSRS", e))?;
        }
        Ok(())
    }
}

/// Reads as many of [`MSRS`] as this host has (the kernel stops at the first unknown one).
fn read_msrs(fd: &VcpuFd) -> Result<Option<Msrs>, VmmError> {
    let entries = MSRS.map(|index| kvm_msr_entry { index, ..Default::default() });
    let Ok(mut msrs) = Msrs::from_entries(&entries) else {
        return Ok(None);
    };
    let count = fd.get_msrs(&mut msrs).map_err(|e| VmmError::host("KVM_GET_MSRS", e))?;
    if count < MSRS.len() {
        log::debug!("this KVM has only {count} of the {} registers asked for", MSRS.len());
    }
    Ok(Msrs::from_entries(&msrs.as_slice()[..count.min(MSRS.len())]).ok())
}
