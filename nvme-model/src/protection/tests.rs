use nvme_spec::command::prinfo::{CHECK_APPLICATION, CHECK_GUARD, CHECK_REFERENCE};
use nvme_spec::status;

use super::*;
use crate::format::FORMATS;

const ALL: u32 = CHECK_GUARD | CHECK_APPLICATION | CHECK_REFERENCE;

/// Every protection that any format can have.
fn every() -> Vec<Protection> {
    FORMATS
        .iter()
        .flat_map(|format| (0..16).filter_map(|dps| Protection::new(dps, format).flatten()))
        .collect()
}

fn fields(prinfo: u32, tags: u128) -> Fields {
    let (application, application_mask) = (0x1234, 0xffff);
    let tags = tags.into();
    Fields { prinfo, is_storage_checked: true, tags, application, application_mask }
}

/// What of the checks is valid for a type.
fn checks(protection: &Protection) -> u32 {
    if protection.kind == ProtectionType::Type3 { CHECK_GUARD | CHECK_APPLICATION } else { ALL }
}

fn protected(protection: &Protection, count: usize) -> Vec<u8> {
    let length = protection.stored_bytes() * count;
    let mut blocks: Vec<u8> = (0..length).map(|i| (i * 7 + i / 256) as u8).collect();
    protection.insert(&mut blocks, &fields(0, 0x0009_8765_4321));
    blocks
}

#[test]
fn what_was_inserted_passes_every_check() {
    assert_eq!(every().len(), 8 * 6 + 6, "types and places of nine formats");
    for protection in every() {
        let blocks = protected(&protection, 3);
        let fields = fields(checks(&protection), 0x0009_8765_4321);
        assert_eq!(protection.check(&blocks, &fields), Ok(()), "{protection:?}");
    }
}

#[test]
fn each_flipped_bit_of_a_block_fails_the_check_of_its_field() {
    for protection in every() {
        let good = protected(&protection, 2);
        let unit = protection.stored_bytes();
        let (place, guard) = (unit + protection.place(), protection.guard.bytes());
        let wanted = fields(checks(&protection), 0x0009_8765_4321);
        let outcome_at = |at: usize| {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            protection.check(&bad, &wanted)
        };
        let fails = |code| Err(Mismatch { index: 1, code });
        assert_eq!(outcome_at(unit), fails(status::GUARD_CHECK), "data");
        assert_eq!(outcome_at(place - 1), fails(status::GUARD_CHECK), "what is before");
        assert_eq!(outcome_at(place), fails(status::GUARD_CHECK));
        assert_eq!(outcome_at(place + guard), fails(status::APPLICATION_TAG_CHECK));
        let last = place + protection.bytes() - 1;
        let reference = if protection.kind == ProtectionType::Type3 {
            Ok(())
        } else {
            fails(status::REFERENCE_TAG_CHECK)
        };
        assert_eq!(outcome_at(last), reference);
        if protection.storage_tag_bits > 0 {
            assert_eq!(outcome_at(place + guard + 2), fails(status::STORAGE_TAG_CHECK));
        }
        if last + 1 < good.len() {
            assert_eq!(outcome_at(good.len() - 1), Ok(()), "metadata behind is not covered");
        }
    }
}

#[test]
fn a_check_that_is_not_asked_for_finds_nothing() {
    for protection in every() {
        let noise: Vec<u8> = (0..protection.stored_bytes()).map(|i| (i * 31) as u8).collect();
        let none = Fields { is_storage_checked: false, ..fields(0, 0) };
        assert_eq!(protection.check(&noise, &none), Ok(()));
    }
}

#[test]
fn the_application_mask_says_which_bits_count() {
    let [protection, ..] = every()[..] else { panic!("there are some") };
    let blocks = protected(&protection, 1);
    for bit in 0..16 {
        let mut asked = fields(CHECK_APPLICATION, 0);
        asked.application ^= 1 << bit;
        assert!(protection.check(&blocks, &asked).is_err());
        asked.application_mask = !(1 << bit);
        assert_eq!(
            protection.check(&blocks, &Fields { is_storage_checked: false, ..asked }),
            Ok(())
        );
    }
}

#[test]
fn the_escape_switches_every_check_off_and_needs_the_reference_tag_with_type_3() {
    for protection in every() {
        let mut block = vec![0x55; protection.stored_bytes()];
        let (place, guard) = (protection.place(), protection.guard.bytes());
        block[place + guard..place + guard + 2].fill(0xff);
        let asked = fields(checks(&protection), 0);
        let is_type_3 = protection.kind == ProtectionType::Type3;
        assert_eq!(protection.check(&block, &asked).is_err(), is_type_3);
        block[place + guard + 2..place + protection.bytes()].fill(0xff);
        assert_eq!(protection.check(&block, &asked), Ok(()));
    }
}

#[test]
fn a_block_that_was_never_written_is_not_checked() {
    for protection in every() {
        let mut zeros = vec![0; 2 * protection.stored_bytes()];
        protection.invert(&mut zeros);
        let asked = fields(checks(&protection), 0);
        assert_eq!(protection.check(&zeros, &asked), Ok(()));
        let ones = zeros.iter().filter(|byte| **byte == 0xff).count();
        assert_eq!(ones, 2 * protection.bytes());
        protection.invert(&mut zeros);
        assert!(zeros.iter().all(|byte| *byte == 0));
    }
}

#[test]
fn types_1_and_3_restrict_the_reference_tag_only_if_it_is_checked() {
    for protection in every() {
        let mask = protection.reference_mask();
        let slba = u64::MAX - 5;
        let right = fields(CHECK_REFERENCE, u128::from(slba) & mask);
        let wrong = fields(CHECK_REFERENCE, u128::from(slba - 1) & mask);
        let expected = match protection.kind {
            ProtectionType::Type1 => (true, false),
            ProtectionType::Type2 => (true, true),
            ProtectionType::Type3 => (false, false),
        };
        let valid = |fields| protection.is_valid(fields, slba);
        assert_eq!((valid(&right), valid(&wrong)), expected);
        assert!(valid(&fields(CHECK_GUARD, 77)));
    }
}

#[test]
fn reference_tags_wrap_without_touching_the_storage_tag() {
    for protection in every().into_iter().filter(|p| p.kind != ProtectionType::Type3) {
        let first =
            protection.storage_mask() & 0x5555_5555_5555_5555_5555 | protection.reference_mask();
        let mut blocks = vec![7; 2 * protection.stored_bytes()];
        protection.insert(&mut blocks, &fields(0, first));
        let at = protection.stored_bytes() + protection.place();
        let tuple = Tuple::decode(protection.guard, &blocks[at..at + protection.bytes()]);
        assert_eq!(tuple.tags, first & protection.storage_mask());
    }
}
