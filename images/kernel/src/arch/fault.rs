//! Exceptions, after trap.s brought them to ring 3: demand faults are resolved and resumed, everything
//! else ends the guest with a report.
// UNSAFETY: called from assembly with the interrupted state.
#![expect(unsafe_code, reason = "entry from assembly")]

use kernel_core::fault::{PageFaultCode, exception_name};

use super::{boot, task, window};

/// The interrupted state, as trap.s lays it out. What the handler changes is what is resumed.
#[repr(C)]
struct FaultFrame {
    fxsave: [u8; 512],
    cr2: u64,
    error_code: u64,
    rip: u64,
    rflags: u64,
    rsp: u64,
    r15: u64,
    r14: u64,
    r13: u64,
    r12: u64,
    r11: u64,
    r10: u64,
    r9: u64,
    r8: u64,
    rbp: u64,
    rdi: u64,
    rsi: u64,
    rdx: u64,
    rcx: u64,
    rbx: u64,
    rax: u64,
}

const _: () = assert!(size_of::<FaultFrame>() == 512 + 20 * 8, "trap.s counts on it");

#[unsafe(no_mangle)]
extern "C" fn rust_page_fault(frame: &mut FaultFrame) {
    let code = PageFaultCode(frame.error_code);
    match window::resolve(frame.cr2, code, frame.rip) {
        Some(resume_at) => frame.rip = resume_at,
        None => report_page_fault(frame, code),
    }
}

#[unsafe(no_mangle)]
extern "C" fn rust_exception(frame: &FaultFrame, vector: u64) -> ! {
    panic!("{} (error code {:#x})\n{}", exception_name(vector), frame.error_code, Registers(frame));
}

fn report_page_fault(frame: &FaultFrame, code: PageFaultCode) -> ! {
    let place = if is_stack_guard(frame.cr2) { ": stack overflow" } else { "" };
    panic!("#PF page fault at {:#x} ({code}){place}\n{}", frame.cr2, Registers(frame));
}

/// Whether an address lies in the unmapped part of the window of stacks.
fn is_stack_guard(address: u64) -> bool {
    let guard = hal::PAGE_BYTES as u64;
    task::is_in_window(address)
        || boot::stack_window().iter().any(|start| (*start..start + guard).contains(&address))
}

/// The registers as a report shows them.
struct Registers<'a>(&'a FaultFrame);

impl core::fmt::Display for Registers<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let r = self.0;
        writeln!(f, "  rip {:016x}  rsp {:016x}  rflags {:08x}", r.rip, r.rsp, r.rflags)?;
        writeln!(f, "  rax {:016x}  rbx {:016x}  rcx {:016x}", r.rax, r.rbx, r.rcx)?;
        writeln!(f, "  rdx {:016x}  rsi {:016x}  rdi {:016x}", r.rdx, r.rsi, r.rdi)?;
        writeln!(f, "  rbp {:016x}  r8  {:016x}  r9  {:016x}", r.rbp, r.r8, r.r9)?;
        writeln!(f, "  r10 {:016x}  r11 {:016x}  r12 {:016x}", r.r10, r.r11, r.r12)?;
        write!(f, "  r13 {:016x}  r14 {:016x}  r15 {:016x}", r.r13, r.r14, r.r15)
    }
}
