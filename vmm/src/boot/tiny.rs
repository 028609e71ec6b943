//! Hand-assembled guests: PVH ELFs of a few instructions, for tests.

use machine::{layout, ports, warm_start};

/// An ELF with a PVH note whose 32-bit entry is the first byte of `code`.
pub(crate) fn elf(code: &[u8]) -> Vec<u8> {
    elf_with(code, None)
}

/// The same with a note that names the first byte of `again` as the entry for a warm start.
pub(crate) fn elf_with(code: &[u8], again: Option<&[u8]>) -> Vec<u8> {
    const HEADERS: u64 = 64 + 2 * 56;
    let base = layout::KERNEL_BASE;
    let note_at = HEADERS;
    let notes_bytes = 20 + if again.is_some() { 28 } else { 0 };
    let code_at = note_at + notes_bytes;
    let code = &[code, again.unwrap_or_default()].concat();
    let file_bytes = code_at + code.len() as u64;
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    let half = |file: &mut Vec<u8>, value: u16| file.extend(value.to_le_bytes());
    let word = |file: &mut Vec<u8>, value: u32| file.extend(value.to_le_bytes());
    let long = |file: &mut Vec<u8>, value: u64| file.extend(value.to_le_bytes());
    half(&mut file, 2);
    half(&mut file, 62);
    word(&mut file, 1);
    long(&mut file, base + code_at);
    long(&mut file, 64);
    long(&mut file, 0);
    word(&mut file, 0);
    for value in [64, 56, 2, 0, 0, 0] {
        half(&mut file, value);
    }
    for (kind, offset, size) in [(1, 0, file_bytes), (4, note_at, notes_bytes)] {
        word(&mut file, kind);
        word(&mut file, 7);
        for value in [offset, base + offset, base + offset, size, size + 64, 4096] {
            long(&mut file, value);
        }
    }
    for value in [4, 4, 18] {
        word(&mut file, value);
    }
    file.extend(b"Xen\0");
    word(&mut file, u32::try_from(base + code_at).expect("below 4 GiB"));
    if let Some(again) = again {
        [8, 8, warm_start::NOTE_TYPE].into_iter().for_each(|value| word(&mut file, value));
        file.extend(warm_start::NOTE_NAME);
        long(&mut file, base + code_at + (code.len() - again.len()) as u64);
    }
    file.extend(code);
    file
}

/// `mov dx, port; mov eax, value; out dx, eax`.
pub(crate) fn out32(port: u16, value: u32) -> Vec<u8> {
    let mut code = vec![0x66, 0xba];
    code.extend(port.to_le_bytes());
    code.push(0xb8);
    code.extend(value.to_le_bytes());
    code.push(0xef);
    code
}

/// `mov dx, port; mov al, value; out dx, al`.
pub(crate) fn out8(port: u16, value: u8) -> Vec<u8> {
    let mut code = vec![0x66, 0xba];
    code.extend(port.to_le_bytes());
    code.extend([0xb0, value, 0xee]);
    code
}

/// Writes `value` to the 32 bits at `address`: `mov dword [address], value`.
pub(crate) fn store32(address: u32, value: u32) -> Vec<u8> {
    let mut code = vec![0xc7, 0x05];
    code.extend(address.to_le_bytes());
    code.extend(value.to_le_bytes());
    code
}

/// Loads the 32 bits at `address` and writes them to `port`: `mov eax, [address]; mov dx, port; out dx, eax`.
pub(crate) fn load32_to_port(address: u32, port: u16) -> Vec<u8> {
    let mut code = vec![0xa1];
    code.extend(address.to_le_bytes());
    code.extend([0x66, 0xba]);
    code.extend(port.to_le_bytes());
    code.push(0xef);
    code
}

/// Announces a boot stage, then exits with `code`.
pub(crate) fn exits_with(code: u32) -> Vec<u8> {
    let mut program = out32(ports::BOOT_STAGE, ports::STAGE_ENTERED);
    program.extend(out32(ports::EXIT, code));
    program.extend(spins());
    program
}

/// `jmp $`.
pub(crate) fn spins() -> Vec<u8> {
    vec![0xeb, 0xfe]
}

/// `lidt [0]; ud2`: no IDT, so the fault becomes a triple fault. Memory at 0 is zero.
pub(crate) fn triple_faults() -> Vec<u8> {
    vec![0x0f, 0x01, 0x1d, 0, 0, 0, 0, 0x0f, 0x0b]
}

/// Writes to the debug port for ever.
pub(crate) fn floods() -> Vec<u8> {
    let mut code = out8(ports::DEBUG_CONSOLE, b'x');
    code.extend([0xee, 0xeb, 0xfd]);
    code
}
