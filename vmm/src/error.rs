//! What can go wrong on the host's side: everything a guest does wrong is an [`crate::Exit`] instead.

use std::io;

/// Why a machine could not be built or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VmmError {
    /// The host has no KVM.
    #[error(
        "/dev/kvm does not exist: load the kvm modules or run where they are; \
         `--engine host` works without KVM"
    )]
    NoKvm,
    /// The host has a KVM that this user may not use.
    #[error(
        "no permission on /dev/kvm: join the group that owns it (usually kvm); \
         `--engine host` works without KVM"
    )]
    KvmPermission,
    /// KVM could not be opened for another reason.
    #[error("cannot open /dev/kvm: {0}; `--engine host` works without KVM")]
    KvmOpen(#[source] io::Error),
    /// The host's KVM speaks another interface.
    #[error("/dev/kvm has API version {found}, needed is 12; `--engine host` works without KVM")]
    KvmApiVersion {
        /// What the host reports.
        found: i32,
    },
    /// The host's KVM cannot do something that the machine is built on.
    #[error("this KVM lacks the capability {name}; `--engine host` works without KVM")]
    MissingCapability {
        /// The capability, as in the kernel's headers.
        name: &'static str,
    },
    /// A socket to listen at cannot be made.
    #[error("{what} socket {path}: {source}; name a path that does not exist in a folder of yours")]
    Socket {
        /// What is said there.
        what: &'static str,
        /// Where it was to be.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// A call into the kernel failed.
    #[error("{what} failed: {source}")]
    Host {
        /// The call.
        what: &'static str,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// The machine's memory size is not one that this machine can have.
    #[error(
        "a machine cannot have {bytes} bytes of memory: it takes a multiple of 4096 from {min} to {max}"
    )]
    MemorySize {
        /// The size that was asked for.
        bytes: u64,
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
    },
    /// The guest image cannot be booted.
    #[error("guest image {name}: {source}")]
    Image {
        /// The image's file name, or what else it is known by.
        name: String,
        /// What is wrong with it.
        #[source]
        source: ImageError,
    },
    /// The command line is longer than the boot page it is passed in.
    #[error("the guest's command line has {bytes} bytes, the most is {max}")]
    CommandLineTooLong {
        /// Its length with everything the VMM adds.
        bytes: usize,
        /// The longest.
        max: usize,
    },
}

impl VmmError {
    /// Wraps the answer of a KVM ioctl.
    pub(crate) fn host(what: &'static str, errno: kvm_ioctls::Error) -> Self {
        Self::Host { what, source: io::Error::from_raw_os_error(errno.errno()) }
    }
}

/// What is wrong with a guest image.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImageError {
    /// The first bytes are not those of an ELF file.
    #[error(
        "not an ELF: the file begins with {found:02x?}, expected 7f 45 4c 46 (\\x7fELF) at offset 0"
    )]
    NotElf {
        /// The first bytes, at most four.
        found: Vec<u8>,
    },
    /// An ELF, but not one for this machine.
    #[error("{field} is {found} at offset {offset:#x}, expected {expected}")]
    WrongElf {
        /// The header field.
        field: &'static str,
        /// Where it is in the file.
        offset: u64,
        /// Its value.
        found: u64,
        /// What it has to be.
        expected: &'static str,
    },
    /// The file ends before what its headers promise.
    #[error("truncated: {what} needs bytes {from:#x} to {to:#x}, the file has {size:#x}")]
    Truncated {
        /// The part of the file.
        what: &'static str,
        /// Its first byte.
        from: u64,
        /// One past its last byte.
        to: u64,
        /// The file's length.
        size: u64,
    },
    /// A segment does not fit into the machine's memory.
    #[error("a segment occupies memory {from:#x} to {to:#x}, usable is {lowest:#x} to {memory:#x}")]
    TooLarge {
        /// The segment's first address.
        from: u64,
        /// One past its last address.
        to: u64,
        /// The first usable address: below it lie the boot pages.
        lowest: u64,
        /// The machine's memory size.
        memory: u64,
    },
    /// There is nothing to load.
    #[error("it has no loadable segment (PT_LOAD)")]
    NothingToLoad,
    /// The image does not say where a PVH boot enters it.
    #[error("it has no PVH note (ELF note \"Xen\", type 18): build it as a PVH kernel")]
    NoPvhNote,
    /// The PVH entry point is not inside the image.
    #[error("the PVH note names the entry {entry:#x}, which no loaded segment contains")]
    EntryOutside {
        /// The entry point.
        entry: u64,
    },
    /// A Linux kernel, but not one for this machine.
    #[error("a Linux kernel whose {field} is {found:#x} at offset {offset:#x}, need {expected}")]
    WrongLinux {
        /// The field of the setup header.
        field: &'static str,
        /// Where it is in the file.
        offset: u64,
        /// Its value.
        found: u64,
        /// What it has to be.
        expected: &'static str,
    },
    /// The kernel and the initial RAM disk do not fit into memory together.
    #[error(
        "the kernel needs memory up to {kernel_end:#x} to start and the RAM disk {initrd_bytes} \
         bytes above that, but there are {memory:#x}: give the machine more memory"
    )]
    LinuxTooLarge {
        /// One past the last byte that the kernel needs.
        kernel_end: u64,
        /// The RAM disk's size.
        initrd_bytes: u64,
        /// The machine's memory, or the highest byte that a RAM disk may have.
        memory: u64,
    },
    /// There is an initial RAM disk, but no Linux kernel.
    #[error("it is no Linux kernel, and nothing else takes an initial RAM disk")]
    NotLinux,
    /// The loader refused it although the headers looked right.
    #[error("the ELF loader refused it: {0}")]
    Loader(String),
}
