//! The guest images that this build brings along.
//!
//! The bootable kernel is built by this crate's build script, from the guest crates' own sources, and
//! embedded: whoever links this crate has the guest that belongs to it.
#![forbid(unsafe_code)]

/// SHA-256 of [`kernel`], in hexadecimal: two runs with the same digest ran the same guest.
pub const KERNEL_SHA256: &str = env!("KERNEL_SHA256");

/// The bootable guest: a static ELF with a PVH note.
#[must_use]
pub fn kernel() -> &'static [u8] {
    include_bytes!(env!("KERNEL_ELF"))
}

#[cfg(test)]
mod tests {
    use super::*;

    // Spec: PVH XEN_ELFNOTE_PHYS32_ENTRY
    const PVH_NOTE_HEADER: [u8; 16] = [4, 0, 0, 0, 8, 0, 0, 0, 18, 0, 0, 0, b'X', b'e', b'n', 0];

    #[test]
    fn the_kernel_is_an_elf_with_a_pvh_note() {
        assert!(kernel().starts_with(b"\x7fELF"));
        let note = kernel().windows(PVH_NOTE_HEADER.len()).position(|w| w == PVH_NOTE_HEADER);
        assert!(note.is_some(), "no PVH note in {} bytes", kernel().len());
    }

    #[test]
    fn the_digest_is_hexadecimal_and_whole() {
        assert_eq!(KERNEL_SHA256.len(), 64);
        assert!(KERNEL_SHA256.bytes().all(|digit| digit.is_ascii_hexdigit()));
    }
}
