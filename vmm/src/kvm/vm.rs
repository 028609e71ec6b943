//! The virtual machine: memory slot, split interrupt chip, one CPU.
//!
//! Invariant: the VM is closed before its memory is unmapped. `Vm` holds a clone of the [`Ram`] beside
//! the file descriptor, and so does everything that holds the descriptor.

// UNSAFETY: tells the kernel which host memory is the guest's.
#![expect(unsafe_code)]

use std::sync::{Arc, OnceLock};

use kvm_bindings::{
    CpuId, KVM_CAP_SPLIT_IRQCHIP, KVM_MAX_CPUID_ENTRIES, kvm_enable_cap,
    kvm_userspace_memory_region,
};
use kvm_ioctls::{Kvm, VmFd};

use super::{Ram, Vcpu, capabilities, warm};
use crate::VmmError;

/// GSIs that a (not emulated) IO-APIC may have; message-signalled lines come after them.
pub(super) const IOAPIC_PINS: u32 = 24;

/// Three pages below the BIOS that VMX without unrestricted guests needs in the guest's address
/// space; nothing else is there.
const TSS_ADDRESS: usize = 0xfffb_d000;

/// Leaf 1, ECX: this is a virtual machine; the local APIC's timer can be set by the time stamp counter.
const CPUID_HYPERVISOR: u32 = 1 << 31;
const CPUID_TSC_DEADLINE: u32 = 1 << 24;

/// What the kernel says a CPU may have: 0.4 ms to ask for, so asked once a process.
static SUPPORTED_CPUID: OnceLock<CpuId> = OnceLock::new();

/// A virtual machine without devices.
#[derive(Debug)]
pub(crate) struct Vm {
    fd: Arc<VmFd>,
    ram: Ram,
}

impl Vm {
    /// Creates the machine around `ram`.
    ///
    /// # Errors
    /// KVM is missing, lacks a capability, or refuses.
    pub(crate) fn new(ram: &Ram) -> Result<(Self, Vcpu), VmmError> {
        let kvm = capabilities::open()?;
        let fd = kvm.create_vm().map_err(|e| VmmError::host("KVM_CREATE_VM", e))?;
        if kvm.check_extension(kvm_ioctls::Cap::SetTssAddr) {
            fd.set_tss_address(TSS_ADDRESS).map_err(|e| VmmError::host("KVM_SET_TSS_ADDR", e))?;
        }
        let mut split = kvm_enable_cap { cap: KVM_CAP_SPLIT_IRQCHIP, ..Default::default() };
        split.args[0] = u64::from(IOAPIC_PINS);
        fd.enable_cap(&split)
            .map_err(|e| VmmError::host("KVM_ENABLE_CAP(KVM_CAP_SPLIT_IRQCHIP)", e))?;
        let region = kvm_userspace_memory_region {
            slot: 0,
            flags: 0,
            guest_phys_addr: 0,
            memory_size: ram.size_bytes(),
            userspace_addr: ram.host_address(),
        };
        // SAFETY: the region is the whole of `ram`, which `Self` keeps mapped for as long as the VM's
        // descriptor lives; there is no other slot that it could overlap.
        unsafe { fd.set_user_memory_region(region) }
            .map_err(|e| VmmError::host("KVM_SET_USER_MEMORY_REGION", e))?;
        let vcpu = fd.create_vcpu(0).map_err(|e| VmmError::host("KVM_CREATE_VCPU", e))?;
        vcpu.set_cpuid2(supported_cpuid(&kvm)?).map_err(|e| VmmError::host("KVM_SET_CPUID2", e))?;
        let vcpu = Vcpu::new(vcpu, ram.clone(), warm::shares_registers(&kvm))?;
        Ok((Self { fd: Arc::new(fd), ram: ram.clone() }, vcpu))
    }

    /// The descriptor for the interrupt router, and the memory that has to outlive it.
    pub(super) fn parts(&self) -> (Arc<VmFd>, Ram) {
        (Arc::clone(&self.fd), self.ram.clone())
    }
}

fn supported_cpuid(kvm: &Kvm) -> Result<&'static CpuId, VmmError> {
    if let Some(cpuid) = SUPPORTED_CPUID.get() {
        return Ok(cpuid);
    }
    let mut cpuid = kvm
        .get_supported_cpuid(KVM_MAX_CPUID_ENTRIES)
        .map_err(|e| VmmError::host("KVM_GET_SUPPORTED_CPUID", e))?;
    // The kernel's local APIC has this timer mode, but the kernel cannot know whose local APIC is used.
    let has_deadline_timer = kvm.check_extension(kvm_ioctls::Cap::TscDeadlineTimer);
    for entry in cpuid.as_mut_slice() {
        // The kernel copies the APIC id of whatever host CPU it asked; this machine's only CPU has 0.
        match entry.function {
            0x1 => {
                entry.ebx &= 0x00ff_ffff;
                entry.ecx |= CPUID_HYPERVISOR;
                if has_deadline_timer {
                    entry.ecx |= CPUID_TSC_DEADLINE;
                }
            }
            0xb | 0x1f => entry.edx = 0,
            _ => {}
        }
    }
    Ok(SUPPORTED_CPUID.get_or_init(|| cpuid))
}
