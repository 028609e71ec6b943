//! The one virtual CPU.

// UNSAFETY: reads the kernel's description of an internal error from a union.
#![expect(unsafe_code)]

use kvm_bindings::{kvm_regs, kvm_sregs};
use kvm_ioctls::{VcpuExit, VcpuFd};

use super::Ram;
use super::reset::PowerOnState;
use crate::VmmError;
use crate::exit::Registers;

/// The virtual CPU and the state it had when it was new.
#[derive(Debug)]
pub(crate) struct Vcpu {
    pub(super) fd: VcpuFd,
    /// The kernel takes registers from the page that it shares with this process (`KVM_CAP_SYNC_REGS`).
    pub(super) shares_registers: bool,
    /// The kernel has to finish the access of the last exit.
    pub(super) is_exit_open: bool,
    /// The last entry with registers of an earlier life had the other CR3 of two that mean the same.
    pub(super) is_marked: bool,
    power_on: PowerOnState,
    /// The kernel may touch guest memory as long as the CPU exists.
    _ram: Ram,
}

impl Vcpu {
    pub(super) fn new(fd: VcpuFd, ram: Ram, shares_registers: bool) -> Result<Self, VmmError> {
        let power_on = PowerOnState::read(&fd)?;
        Ok(Self {
            fd,
            shares_registers,
            is_exit_open: false,
            is_marked: false,
            power_on,
            _ram: ram,
        })
    }

    /// Enters the guest. `Ok(None)` means that a signal came.
    ///
    /// # Errors
    /// The kernel refuses to run this CPU.
    pub(crate) fn run(&mut self) -> Result<Option<VcpuExit<'_>>, VmmError> {
        match self.fd.run() {
            Ok(exit) => {
                // The kernel has written to a port before it says so.
                self.is_exit_open = !matches!(exit, VcpuExit::IoOut(..));
                Ok(Some(exit))
            }
            Err(errno) if matches!(errno.errno(), libc::EINTR | libc::EAGAIN) => Ok(None),
            Err(errno) => Err(VmmError::host("KVM_RUN", errno)),
        }
    }

    /// Lets the kernel finish the access that the last exit was about, without entering the guest.
    pub(crate) fn complete_exit(&mut self) -> Result<(), VmmError> {
        self.fd.set_kvm_immediate_exit(1);
        let result = self.run().map(|_| ());
        self.fd.set_kvm_immediate_exit(0);
        result
    }

    /// Puts everything but the boot registers into the state of a new CPU.
    pub(crate) fn reset(&mut self) -> Result<(), VmmError> {
        self.complete_exit()?;
        self.is_marked = false;
        self.power_on.restore(&self.fd)
    }

    /// The special registers of a new CPU, to be turned into those of the boot protocol.
    pub(crate) fn power_on_sregs(&self) -> kvm_sregs {
        self.power_on.sregs()
    }

    /// Sets the registers to boot with.
    pub(crate) fn set_boot_registers(
        &self,
        regs: &kvm_regs,
        sregs: &kvm_sregs,
    ) -> Result<(), VmmError> {
        self.fd.set_sregs(sregs).map_err(|e| VmmError::host("KVM_SET_SREGS", e))?;
        self.fd.set_regs(regs).map_err(|e| VmmError::host("KVM_SET_REGS", e))
    }

    /// The registers for a report.
    pub(crate) fn registers(&self) -> Result<Registers, VmmError> {
        let regs = self.fd.get_regs().map_err(|e| VmmError::host("KVM_GET_REGS", e))?;
        let sregs = self.fd.get_sregs().map_err(|e| VmmError::host("KVM_GET_SREGS", e))?;
        Ok(Registers { regs, sregs })
    }

    /// `suberror` and data words of the last `KVM_EXIT_INTERNAL_ERROR`.
    pub(crate) fn internal_error(&mut self) -> (u32, Vec<u64>) {
        // SAFETY: all fields of the union are plain integers, so any bytes in it are valid; the caller
        // saw the exit reason that makes this field the meaningful one.
        let internal = unsafe { self.fd.get_kvm_run().__bindgen_anon_1.internal };
        let count = (internal.ndata as usize).min(internal.data.len());
        (internal.suberror, internal.data[..count].to_vec())
    }
}
