//! Checking and loading an ELF file.
//!
//! linux-loader copies the segments. The checks here come first, so that a bad file is reported with
//! place and expectation, and so that the loader only sees headers whose numbers are in range. The PVH
//! note is looked for here as well: the loader forgets it when another note segment follows.
//!
//! Invariant: a [`LoadPlan`] names only file ranges inside the file and memory ranges inside memory.

use std::io::Cursor;
use std::ops::Range;

use linux_loader::loader::{Elf, KernelLoader};
use machine::warm_start;
use nvme_model::{BadAddress, GuestMemory};

use super::fields::Fields;
use crate::ImageError;
use crate::kvm::Ram;

const HEADER_BYTES: u64 = 64;
const PROGRAM_HEADER_BYTES: u64 = 56;
// Spec: SysV-ELF "p_type"
const PT_LOAD: u64 = 1;
const PT_NOTE: u64 = 4;
// Spec: SysV-ELF "p_flags"
const PF_W: u64 = 2;
// Spec: PVH "XEN_ELFNOTE_PHYS32_ENTRY"
const PVH_ENTRY: Note = Note { name: b"Xen\0", kind: 18 };
/// [`warm_start`].
const WARM_ENTRY: Note = Note { name: &warm_start::NOTE_NAME, kind: warm_start::NOTE_TYPE as u64 };

/// A note whose value is an address.
struct Note {
    name: &'static [u8],
    kind: u64,
}

/// Where the parts of an image go.
#[derive(Debug)]
pub(super) struct LoadPlan {
    entry: u64,
    /// Where it begins again on a processor that it has set up, if it says so.
    warm_entry: Option<u64>,
    /// Memory that the file does not fill (.bss), to be zeroed.
    zeroed: Vec<Range<u64>>,
    /// What the guest may write to: the range of the file, and where it goes.
    writable: Vec<(Range<usize>, u64)>,
    /// One past the last byte of any segment.
    end: u64,
}

impl LoadPlan {
    /// Checks the file `bytes` for a machine whose usable memory is `lowest..memory_bytes`.
    pub(super) fn new(bytes: &[u8], lowest: u64, memory_bytes: u64) -> Result<Self, ImageError> {
        let file = Fields(bytes);
        check_header(&file)?;
        let table = file.get::<8>("e_phoff", 32)?;
        let count = file.get::<2>("e_phnum", 56)?;
        file.check("the program header table", table, count * PROGRAM_HEADER_BYTES)?;
        let (zeroed, writable) = (Vec::new(), Vec::new());
        let mut plan = Self { entry: 0, warm_entry: None, zeroed, writable, end: 0 };
        let mut loaded = Vec::new();
        let mut entry = None;
        for header in (0..count).map(|i| table + i * PROGRAM_HEADER_BYTES) {
            let offset = file.get::<8>("p_offset", header + 8)?;
            let file_bytes = file.get::<8>("p_filesz", header + 32)?;
            match file.get::<4>("p_type", header)? {
                PT_LOAD => {
                    file.check("a segment (PT_LOAD)", offset, file_bytes)?;
                    let address = file.get::<8>("p_paddr", header + 24)?;
                    let memory = file.get::<8>("p_memsz", header + 40)?.max(file_bytes);
                    let end = address.saturating_add(memory);
                    if address < lowest || end > memory_bytes {
                        let memory = memory_bytes;
                        return Err(ImageError::TooLarge {
                            from: address,
                            to: end,
                            lowest,
                            memory,
                        });
                    }
                    plan.zeroed.push(address + file_bytes..end);
                    if file.get::<4>("p_flags", header + 4)? & PF_W != 0 {
                        plan.writable.push((in_file(offset..offset + file_bytes), address));
                    }
                    plan.end = plan.end.max(end);
                    loaded.push(address..end);
                }
                PT_NOTE => {
                    file.check("a note segment (PT_NOTE)", offset, file_bytes)?;
                    let notes = offset..offset + file_bytes;
                    entry = entry.or(find_note(&file, notes.clone(), &PVH_ENTRY)?);
                    plan.warm_entry = plan.warm_entry.or(find_note(&file, notes, &WARM_ENTRY)?);
                }
                _ => {}
            }
        }
        if loaded.is_empty() {
            return Err(ImageError::NothingToLoad);
        }
        plan.entry = entry.ok_or(ImageError::NoPvhNote)?;
        let is_outside = |entry: &u64| !loaded.iter().any(|segment| segment.contains(entry));
        match [Some(plan.entry), plan.warm_entry].into_iter().flatten().find(is_outside) {
            Some(entry) => Err(ImageError::EntryOutside { entry }),
            None => Ok(plan),
        }
    }

    pub(super) fn entry(&self) -> u64 {
        self.entry
    }

    /// See `machine::warm_start`.
    pub(super) fn warm_entry(&self) -> Option<u64> {
        self.warm_entry
    }

    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Copies the segments and zeroes what they leave open.
    pub(super) fn load(&self, bytes: &[u8], ram: &Ram) -> Result<(), ImageError> {
        self.zero(ram)?;
        Elf::load(ram.memory(), None, &mut Cursor::new(bytes), None).map_err(|e| loader(&e))?;
        Ok(())
    }

    /// Makes an image as good as new that was loaded before, if the guest wrote to nothing but what is writable.
    pub(super) fn refresh(&self, bytes: &[u8], ram: &Ram) -> Result<(), ImageError> {
        self.zero(ram)?;
        for (range, address) in &self.writable {
            let content = bytes.get(range.clone()).unwrap_or_default();
            GuestMemory::write(ram, *address, content).map_err(no_memory)?;
        }
        Ok(())
    }

    fn zero(&self, ram: &Ram) -> Result<(), ImageError> {
        self.zeroed.iter().try_for_each(|range| ram.zero(range.start, range.end)).map_err(no_memory)
    }
}

fn loader(error: &dyn std::fmt::Display) -> ImageError {
    ImageError::Loader(error.to_string())
}

fn no_memory(bad: BadAddress) -> ImageError {
    loader(&format_args!("{:#x} is not memory", bad.address))
}

/// A range that was checked against the size of the file.
fn in_file(range: Range<u64>) -> Range<usize> {
    let at = |offset| usize::try_from(offset).unwrap_or(usize::MAX);
    at(range.start)..at(range.end)
}

// Spec: SysV-ELF "e_ident"
fn check_header(file: &Fields<'_>) -> Result<(), ImageError> {
    if !file.0.starts_with(b"\x7fELF") {
        return Err(ImageError::NotElf { found: file.0.iter().take(4).copied().collect() });
    }
    file.check("the ELF header", 0, HEADER_BYTES)?;
    let wrong = |field, offset, found, expected| {
        Err(ImageError::WrongElf { field, offset, found, expected })
    };
    let class = file.get::<1>("EI_CLASS", 4)?;
    if class != 2 {
        return wrong("EI_CLASS", 4, class, "2 (64 bit)");
    }
    let data = file.get::<1>("EI_DATA", 5)?;
    if data != 1 {
        return wrong("EI_DATA", 5, data, "1 (little-endian)");
    }
    let machine = file.get::<2>("e_machine", 18)?;
    if machine != 62 {
        return wrong("e_machine", 18, machine, "62 (x86-64)");
    }
    let size = file.get::<2>("e_phentsize", 54)?;
    if size != PROGRAM_HEADER_BYTES {
        return wrong("e_phentsize", 54, size, "56");
    }
    Ok(())
}

/// The address that the first `wanted` note in `notes` (a range of the file) names, if there is one.
// Spec: SysV-ELF "Note Section"
fn find_note(
    file: &Fields<'_>,
    notes: Range<u64>,
    wanted: &Note,
) -> Result<Option<u64>, ImageError> {
    const WHAT: &str = "a note";
    let mut at = notes.start;
    while at < notes.end {
        let name_bytes = file.get::<4>(WHAT, at)?;
        let value_bytes = file.get::<4>(WHAT, at + 4)?;
        let kind = file.get::<4>(WHAT, at + 8)?;
        let name = at + 12;
        file.check(WHAT, name, name_bytes)?;
        let value = name + name_bytes.next_multiple_of(4);
        let is_wanted = kind == wanted.kind
            && file.0.get(in_file(name..name + name_bytes)) == Some(wanted.name);
        if is_wanted {
            return file.number("the entry in a note", value, value_bytes).map(Some);
        }
        at = value + value_bytes.next_multiple_of(4);
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
