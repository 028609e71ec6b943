//! The first Rust that runs, and what the loader handed over.
// UNSAFETY: entered from assembly; reads the loader's structures by their addresses.
#![expect(unsafe_code, reason = "entry from assembly, loader's memory")]

use core::ops::Range;

use kernel_core::memory_map::{self, Error, MEMORY_MAP_ENTRY_BYTES, START_INFO_BYTES, StartInfo};
use machine::layout::MEMORY_BYTES_MAX;

use super::idt;
use super::single::Single;

/// The longest command line.
const COMMAND_LINE_BYTES_MAX: usize = 4096;

/// Where RAM could be as far as the identity map reaches.
const RAM_END: u64 = MEMORY_BYTES_MAX;

static START_INFO: Single<u64> = Single::new(0);

unsafe extern "C" {
    static stack_window_bounds: [u64; 3];
    static main_stack_top: u8;
    static fault_stack_top: u8;
    fn run_on(stack_top: u64, function: extern "C" fn() -> !) -> !;
}

/// What the loader told.
#[derive(Debug)]
pub(crate) struct BootInfo {
    /// The largest range of RAM that nothing lies in.
    pub(crate) memory: Range<u64>,
    /// The command line.
    pub(crate) command_line: &'static str,
}

/// Entered from boot.s in ring 3, on a small stack, with no exception handler yet.
#[unsafe(no_mangle)]
extern "C" fn rust_start(start_info: u64) -> ! {
    START_INFO.with(|slot| *slot = start_info);
    idt::init();
    let [_, top, _] = stack_window();
    // SAFETY: the guarded stack below that address is mapped and used by nobody yet.
    unsafe { run_on(top, on_main_stack) }
}

/// Where the window of stacks begins, where the main stack ends and where the fault stack ends. An
/// unmapped page lies at each: the guards.
pub(super) fn stack_window() -> [u64; 3] {
    // SAFETY: a constant table of trap.s.
    unsafe { stack_window_bounds }
}

extern "C" fn on_main_stack() -> ! {
    crate::kernel_main()
}

/// Where a device finds the object at `address`: everything is identity-mapped, but for the stacks.
///
/// A stack is contiguous in its window and in memory, and both end at the same object.
pub(crate) fn physical_address(address: u64) -> u64 {
    let [start, main_top, fault_top] = stack_window();
    if let Some(physical) = super::task::physical_address(address) {
        return physical;
    }
    if !(start..fault_top).contains(&address) {
        return address;
    }
    let (window_top, physical_top) = if address < main_top {
        (main_top, (&raw const main_stack_top).addr() as u64)
    } else {
        (fault_top, (&raw const fault_stack_top).addr() as u64)
    };
    physical_top - (window_top - address)
}

/// Reads what the loader left. Must be called before its memory is used for anything else.
pub(crate) fn boot_info() -> Result<BootInfo, Error> {
    let address = START_INFO.with(|slot| *slot);
    let info = StartInfo::from_bytes(&read_ram::<START_INFO_BYTES>(address))?;
    let entry = |index: u32| {
        let address = info.memory_map + u64::from(index) * MEMORY_MAP_ENTRY_BYTES as u64;
        memory_map::ram_of_entry(&read_ram(address))
    };
    let entries = (0..info.memory_map_entries).filter_map(entry);
    let memory = memory_map::largest_ram(entries, super::kernel_end_address(), RAM_END)?;
    Ok(BootInfo { memory, command_line: keep_command_line(info.cmdline) })
}

/// Copies the C string out of memory that is about to be dealt out.
fn keep_command_line(address: u64) -> &'static str {
    static KEPT: Single<[u8; COMMAND_LINE_BYTES_MAX]> = Single::new([0; COMMAND_LINE_BYTES_MAX]);
    if address == 0 {
        return "";
    }
    let (start, length) = KEPT.with(|kept| {
        let length = (0..kept.len()).take_while(|&index| {
            let [byte] = read_ram(address + index as u64);
            kept[index] = byte;
            byte != 0
        });
        let length = length.count();
        assert!(length < kept.len(), "the command line is longer than {} bytes", kept.len() - 1);
        (kept.as_ptr(), length)
    });
    // SAFETY: the buffer is static and written only here, once a boot.
    let bytes = unsafe { core::slice::from_raw_parts(start, length) };
    core::str::from_utf8(bytes).expect("the command line is UTF-8")
}

/// Reads memory that the loader filled and nobody was given.
pub(crate) fn read_ram<const N: usize>(address: u64) -> [u8; N] {
    let end = address.checked_add(N as u64).filter(|end| *end <= RAM_END);
    assert!(address != 0 && end.is_some(), "the loader points to {address:#x}");
    // SAFETY: RAM of the identity map below the device window; plain bytes in any state.
    unsafe { core::ptr::with_exposed_provenance::<[u8; N]>(address as usize).read_volatile() }
}
