//! Which KVM this machine needs, checked before anything is built.

use std::io;

use kvm_ioctls::{Cap, Kvm};

use crate::VmmError;

/// The stable KVM interface (`KVM_API_VERSION`).
const API_VERSION: i32 = 12;

/// What the machine is built on. `KVM_IOEVENTFD` is absent on purpose: a registered ioeventfd leaves
/// a grace period behind that makes closing the VM ten times slower.
const NEEDED: [(Cap, &str); 8] = [
    (Cap::UserMemory, "KVM_CAP_USER_MEMORY"),
    (Cap::ExtCpuid, "KVM_CAP_EXT_CPUID"),
    (Cap::MpState, "KVM_CAP_MP_STATE"),
    (Cap::VcpuEvents, "KVM_CAP_VCPU_EVENTS"),
    (Cap::IrqRouting, "KVM_CAP_IRQ_ROUTING"),
    (Cap::Irqfd, "KVM_CAP_IRQFD"),
    (Cap::SplitIrqchip, "KVM_CAP_SPLIT_IRQCHIP"),
    (Cap::ImmediateExit, "KVM_CAP_IMMEDIATE_EXIT"),
];

/// Opens /dev/kvm.
///
/// # Errors
/// Which of existence, permission and capabilities is missing.
pub(crate) fn open() -> Result<Kvm, VmmError> {
    let kvm = Kvm::new().map_err(|errno| open_error(errno.errno()))?;
    let found = kvm.get_api_version();
    if found != API_VERSION {
        return Err(VmmError::KvmApiVersion { found });
    }
    match NEEDED.iter().find(|(cap, _)| !kvm.check_extension(*cap)) {
        Some((_, name)) => Err(VmmError::MissingCapability { name }),
        None => Ok(kvm),
    }
}

/// Checks that this host can run a machine at all.
///
/// # Errors
/// Which of existence, permission and capabilities of /dev/kvm is missing.
pub fn check_host() -> Result<(), VmmError> {
    open().map(drop)
}

fn open_error(errno: i32) -> VmmError {
    match errno {
        libc::ENOENT | libc::ENXIO | libc::ENODEV => VmmError::NoKvm,
        libc::EACCES | libc::EPERM => VmmError::KvmPermission,
        other => VmmError::KvmOpen(io::Error::from_raw_os_error(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_not_to_open_kvm_names_the_way_without_it() {
        for errno in [libc::ENOENT, libc::EACCES, libc::EIO] {
            let message = open_error(errno).to_string();
            assert!(message.contains("/dev/kvm"), "{message}");
            assert!(message.contains("--engine host"), "{message}");
        }
        assert!(matches!(open_error(libc::ENOENT), VmmError::NoKvm));
        assert!(matches!(open_error(libc::EPERM), VmmError::KvmPermission));
        let missing = VmmError::MissingCapability { name: "KVM_CAP_IRQFD" }.to_string();
        assert!(missing.contains("KVM_CAP_IRQFD") && missing.contains("--engine host"));
    }
}
