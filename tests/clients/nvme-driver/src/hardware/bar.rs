//! A register window made of page faults.
//!
//! The driver reads and writes its registers through plain volatile pointers, so there is no call to
//! put the model behind. The window is therefore a memory file that is mapped twice. The driver's view
//! has no access: each access faults. The handler fills in what a read will find (through the second
//! view), opens the page and sets the trap flag; the processor carries out the one instruction and
//! traps again; the second handler closes the page and hands a written value to the device. No
//! instruction is decoded.
//!
//! Invariant: a window belongs to the thread that made it, and only that thread touches it.
// UNSAFETY: signal handlers, memory mappings and the interrupted thread's registers have no safe form.
#![expect(unsafe_code, reason = "a register window out of page faults")]

use std::cell::{Cell, RefCell};
use std::ffi::{c_int, c_void};
use std::fmt;
use std::io::Error;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::{NonNull, null_mut};
use std::rc::Rc;
use std::sync::Once;

use mmio_api::{MapError, MmioAddr, MmioOp, MmioRaw};

/// The smallest piece that is filled in or taken out: the widest access.
const CELL_BYTES: usize = 8;
/// What a cell holds before it is written, so that a write of 4 bytes can be told from one of 8.
const UNTOUCHED: u64 = 0x5a3c_c3a5_96e1_1e69;
/// Bit of the page-fault error code: the access was a write.
const FAULT_WRITE: i64 = 1 << 1;
/// EFLAGS.TF: trap after one instruction.
const TRAP_FLAG: i64 = 1 << 8;

/// What is behind the window.
pub(crate) trait Device {
    /// Reads registers; `offset` and length are those of one aligned access.
    fn read(&self, offset: u64, data: &mut [u8]);

    /// Writes registers.
    fn write(&self, offset: u64, data: &[u8]);
}

/// An access between its two traps.
#[derive(Clone, Copy)]
struct Pending {
    offset: usize,
    is_write: bool,
}

struct Window {
    /// The driver's view: no access but during one instruction.
    view: usize,
    /// The handler's view of the same memory.
    alias: usize,
    size_bytes: usize,
    device: Rc<dyn Device>,
    pending: Cell<Option<Pending>>,
}

thread_local! {
    static WINDOW: RefCell<Option<Rc<Window>>> = const { RefCell::new(None) };
}

/// A register window of this thread; unmapped when dropped.
pub(crate) struct Bar(Rc<Window>);

impl Bar {
    /// A window of `size_bytes` (whole pages) in front of `device`.
    ///
    /// # Panics
    /// If this thread has a window already, or the host has no memory for it.
    pub(crate) fn new(size_bytes: usize, device: Rc<dyn Device>) -> Self {
        static HANDLERS: Once = Once::new();
        HANDLERS.call_once(|| {
            install(libc::SIGSEGV, on_fault);
            install(libc::SIGTRAP, on_trap);
        });
        let file = memory_file(size_bytes);
        let window = Rc::new(Window {
            view: map(&file, size_bytes, libc::PROT_NONE),
            alias: map(&file, size_bytes, libc::PROT_READ | libc::PROT_WRITE),
            size_bytes,
            device,
            pending: Cell::new(None),
        });
        let before = WINDOW.replace(Some(Rc::clone(&window)));
        assert!(before.is_none(), "one register window a thread");
        Self(window)
    }

    /// Where the driver finds it.
    pub(crate) fn address(&self) -> usize {
        self.0.view
    }

    /// Bytes of it.
    pub(crate) fn size_bytes(&self) -> usize {
        self.0.size_bytes
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        WINDOW.take();
        for address in [self.0.view, self.0.alias] {
            // SAFETY: the mapping is ours and nobody has a pointer into it any more.
            let result = unsafe { libc::munmap(pointer(address), self.0.size_bytes) };
            assert_eq!(result, 0, "munmap: {}", Error::last_os_error());
        }
    }
}

impl fmt::Debug for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bar").field("size_bytes", &self.0.size_bytes).finish_non_exhaustive()
    }
}

impl Window {
    fn contains(&self, address: usize) -> bool {
        (self.view..self.view + self.size_bytes).contains(&address)
    }

    /// The cell of a register in the second view.
    fn cell(&self, offset: usize) -> *mut u64 {
        pointer(self.alias + offset / CELL_BYTES * CELL_BYTES).cast()
    }

    fn fill(&self, offset: usize, value: u64) {
        // SAFETY: the cell is inside of the second view, which is writable and aligned.
        unsafe { self.cell(offset).write_volatile(value) };
    }

    fn found(&self, offset: usize) -> u64 {
        // SAFETY: the cell is inside of the second view, which is readable and aligned.
        unsafe { self.cell(offset).read_volatile() }
    }

    fn protect(&self, protection: c_int) {
        // SAFETY: changes who may access our own mapping; no Rust reference points into it.
        let result = unsafe { libc::mprotect(pointer(self.view), self.size_bytes, protection) };
        assert_eq!(result, 0, "mprotect: {}", Error::last_os_error());
    }

    /// Prepares the access that has just faulted.
    fn open(&self, offset: usize, is_write: bool) {
        if is_write {
            self.fill(offset, UNTOUCHED);
        } else {
            let mut cell = [0; CELL_BYTES];
            let first = offset / CELL_BYTES * CELL_BYTES;
            self.device.read(first as u64, &mut cell);
            self.fill(offset, u64::from_le_bytes(cell));
        }
        self.pending.set(Some(Pending { offset, is_write }));
        self.protect(libc::PROT_READ | libc::PROT_WRITE);
    }

    /// Finishes the access that has just been made.
    fn close(&self, pending: Pending) {
        self.protect(libc::PROT_NONE);
        if !pending.is_write {
            return;
        }
        let cell = self.found(pending.offset).to_le_bytes();
        let untouched = UNTOUCHED.to_le_bytes();
        let is_wide = pending.offset.is_multiple_of(CELL_BYTES) && cell[4..] != untouched[4..];
        let first = pending.offset % CELL_BYTES;
        let last = if is_wide { CELL_BYTES } else { first + 4 };
        self.device.write(pending.offset as u64, &cell[first..last]);
    }
}

fn pointer(address: usize) -> *mut c_void {
    std::ptr::with_exposed_provenance_mut(address)
}

fn memory_file(size_bytes: usize) -> OwnedFd {
    // SAFETY: the name is a C string; the call has no other precondition.
    let fd = unsafe { libc::memfd_create(c"registers".as_ptr(), libc::MFD_CLOEXEC) };
    assert!(fd >= 0, "memfd_create: {}", Error::last_os_error());
    // SAFETY: the descriptor is new and nobody else's.
    let file = unsafe { OwnedFd::from_raw_fd(fd) };
    // SAFETY: the descriptor is open.
    let result = unsafe { libc::ftruncate(file.as_raw_fd(), size_bytes as libc::off_t) };
    assert_eq!(result, 0, "ftruncate: {}", Error::last_os_error());
    file
}

fn map(file: &OwnedFd, size_bytes: usize, protection: c_int) -> usize {
    let fd = file.as_raw_fd();
    // SAFETY: a new mapping at an address that the kernel chooses replaces nothing.
    let address =
        unsafe { libc::mmap(null_mut(), size_bytes, protection, libc::MAP_SHARED, fd, 0) };
    assert_ne!(address, libc::MAP_FAILED, "mmap: {}", Error::last_os_error());
    address.expose_provenance()
}

type Handler = extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);

fn install(signal: c_int, handler: Handler) {
    let action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: all zeros is a valid `sigaction`: the default handler, no flags, an empty mask.
    let mut action = unsafe { action.assume_init() };
    action.sa_sigaction = handler as *const () as usize;
    action.sa_flags = libc::SA_SIGINFO;
    // SAFETY: the handler has the form that SA_SIGINFO asks for.
    let result = unsafe { libc::sigaction(signal, &raw const action, null_mut()) };
    assert_eq!(result, 0, "sigaction: {}", Error::last_os_error());
}

/// Back to what a signal does by itself: the instruction is tried again and ends the process.
fn give_up(signal: c_int) {
    // SAFETY: the default action needs no handler.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
}

/// The registers of the interrupted thread.
fn registers<'a>(context: *mut c_void) -> &'a mut [i64; 23] {
    let context = context.cast::<libc::ucontext_t>();
    // SAFETY: the kernel passes a `ucontext_t` that lives as long as the handler runs, which is longer
    // than any use of the reference: both handlers use it before they return.
    unsafe { &mut (*context).uc_mcontext.gregs }
}

fn this_window() -> Option<Rc<Window>> {
    WINDOW.with_borrow(Option::clone)
}

extern "C" fn on_fault(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel passes a valid `siginfo_t`.
    let info = unsafe { &*info };
    // SAFETY: SIGSEGV has an address.
    let address = unsafe { info.si_addr() }.addr();
    let registers = registers(context);
    match this_window().filter(|window| window.contains(address)) {
        Some(window) => {
            let is_write = registers[libc::REG_ERR as usize] & FAULT_WRITE != 0;
            window.open(address - window.view, is_write);
            registers[libc::REG_EFL as usize] |= TRAP_FLAG;
        }
        None => give_up(signal),
    }
}

extern "C" fn on_trap(signal: c_int, _info: *mut libc::siginfo_t, context: *mut c_void) {
    match this_window().and_then(|window| window.pending.take().map(|pending| (window, pending))) {
        Some((window, pending)) => {
            registers(context)[libc::REG_EFL as usize] &= !TRAP_FLAG;
            window.close(pending);
        }
        None => give_up(signal),
    }
}

/// The register windows of this process, to the driver: they are mapped where they are.
#[derive(Debug)]
pub(crate) struct Mapped;

/// The one that the driver wants.
pub(crate) static MMIO: Mapped = Mapped;

impl MmioOp for Mapped {
    fn ioremap(&self, address: MmioAddr, size: usize) -> Result<MmioRaw, MapError> {
        let view = NonNull::new(pointer(address.as_usize())).ok_or(MapError::Invalid)?;
        // SAFETY: the address is that of a `Bar`, which outlives the driver.
        Ok(unsafe { MmioRaw::new(address, view.cast(), size) })
    }

    fn iounmap(&self, _mmio: &MmioRaw) {}
}
