use super::*;
use crate::boot::tiny;

const LOWEST: u64 = 0x6000;
const MEMORY: u64 = 16 << 20;

fn plan(bytes: &[u8]) -> Result<LoadPlan, ImageError> {
    LoadPlan::new(bytes, LOWEST, MEMORY)
}

fn refused(bytes: &[u8]) -> ImageError {
    plan(bytes).expect_err("a bad image")
}

/// A good image with the number at `offset` replaced.
fn patched<const N: usize>(offset: usize, value: [u8; N]) -> Vec<u8> {
    let mut bytes = tiny::elf(&tiny::spins());
    bytes[offset..offset + N].copy_from_slice(&value);
    bytes
}

#[test]
fn a_good_image_is_loaded_and_its_bss_zeroed() {
    let bytes = tiny::elf(&[0x90; 16]);
    let plan = plan(&bytes).expect("a good image");
    assert_eq!(plan.entry(), 0x10_0000 + 64 + 112 + 20);
    assert_eq!(plan.end(), 0x10_0000 + bytes.len() as u64 + 64);
    let ram = Ram::new(MEMORY as usize).expect("memory");
    let bss = 0x10_0000 + bytes.len() as u64;
    GuestMemory::write(&ram, bss, &[0xff; 64]).expect("memory");
    plan.load(&bytes, &ram).expect("loads");
    let mut loaded = vec![1; bytes.len() + 64];
    GuestMemory::read(&ram, 0x10_0000, &mut loaded).expect("memory");
    assert_eq!(loaded[..bytes.len()], bytes);
    assert_eq!(loaded[bytes.len()..], [0; 64]);
}

#[test]
fn an_image_is_refreshed_where_the_guest_may_write_and_nowhere_else() {
    let mut bytes = tiny::elf(&[0x90; 16]);
    let ram = Ram::new(MEMORY as usize).expect("memory");
    let end = 0x10_0000 + bytes.len() as u64;
    let p_flags = 64 + 4;
    for (flags, is_writable) in [(5_u32, false), (7, true)] {
        bytes[p_flags..p_flags + 4].copy_from_slice(&flags.to_le_bytes());
        let plan = plan(&bytes).expect("a good image");
        plan.load(&bytes, &ram).expect("loads");
        for address in [end - 1, end] {
            GuestMemory::write(&ram, address, &[0xee]).expect("memory");
        }
        plan.refresh(&bytes, &ram).expect("it was loaded");
        let mut seen = [0; 2];
        GuestMemory::read(&ram, end - 1, &mut seen).expect("memory");
        assert_eq!(seen, [if is_writable { 0x90 } else { 0xee }, 0], "flags {flags}");
    }
}

#[test]
fn what_is_not_an_elf_for_this_machine_is_named_with_its_offset() {
    assert_eq!(refused(b"MZ"), ImageError::NotElf { found: b"MZ".to_vec() });
    assert_eq!(refused(b""), ImageError::NotElf { found: vec![] });
    assert!(matches!(refused(&patched(4, [1])), ImageError::WrongElf { offset: 4, found: 1, .. }));
    let arm = refused(&patched(18, [183, 0]));
    assert_eq!(arm.to_string(), "e_machine is 183 at offset 0x12, expected 62 (x86-64)");
}

#[test]
fn every_truncation_is_refused() {
    let bytes = tiny::elf(&tiny::spins());
    for size in 0..bytes.len() {
        let error = refused(&bytes[..size]);
        let is_expected = if size < 4 {
            matches!(error, ImageError::NotElf { .. })
        } else {
            matches!(error, ImageError::Truncated { size: s, .. } if s == size as u64)
        };
        assert!(is_expected, "{size}: {error}");
    }
}

#[test]
fn an_image_without_a_pvh_note_is_refused() {
    let note = 64 + 112;
    assert_eq!(refused(&patched(note + 8, [17])), ImageError::NoPvhNote);
    assert_eq!(refused(&patched(note + 12, *b"Xem")), ImageError::NoPvhNote);
    let outside = refused(&patched(note + 16, 0x20_0000_u32.to_le_bytes()));
    assert_eq!(outside, ImageError::EntryOutside { entry: 0x20_0000 });
}

#[test]
fn the_entry_for_a_warm_start_is_what_its_note_says() {
    assert_eq!(plan(&tiny::elf(&tiny::spins())).expect("a good image").warm_entry(), None);
    let mut bytes = tiny::elf_with(&[0x90; 16], Some(&tiny::spins()));
    let loaded = plan(&bytes).expect("a good image");
    assert_eq!(loaded.entry(), 0x10_0000 + 64 + 112 + 48);
    assert_eq!(loaded.warm_entry(), Some(0x10_0000 + bytes.len() as u64 - 2));
    let value = 64 + 112 + 20 + 20;
    bytes[value..value + 8].copy_from_slice(&[0xff; 8]);
    assert_eq!(refused(&bytes), ImageError::EntryOutside { entry: u64::MAX });
}

#[test]
fn a_segment_outside_of_memory_is_refused() {
    let p_paddr = 64 + 24;
    for address in [0_u64, LOWEST - 1, MEMORY - 10, u64::MAX] {
        let error = refused(&patched(p_paddr, address.to_le_bytes()));
        assert!(matches!(error, ImageError::TooLarge { from, .. } if from == address), "{error}");
    }
    let p_memsz = 64 + 40;
    assert!(matches!(refused(&patched(p_memsz, [0xff; 8])), ImageError::TooLarge { .. }));
}

proptest::proptest! {
    #[test]
    fn no_damage_to_an_image_panics(
        damage in proptest::collection::vec((0_usize..260, proptest::prelude::any::<u8>()), 1..8),
    ) {
        let mut bytes = tiny::elf(&[0x90; 64]);
        for (offset, value) in damage {
            if let Some(byte) = bytes.get_mut(offset) {
                *byte = value;
            }
        }
        if let Ok(plan) = plan(&bytes) {
            let ram = Ram::new(MEMORY as usize).expect("memory");
            let _ = plan.load(&bytes, &ram);
        }
    }
}
