//! No image makes the filesystem panic or run for ever.

use std::collections::BTreeSet;

use fs_proof::format::{Block, fields, get, hostile, seal, with};
use fs_proof::hostile::{Bench, DISK_BLOCKS};

/// Metadata blocks. Of images in the journal, which are those in place again, only every fourth.
fn metadata(bench: &Bench) -> Vec<(u64, Block)> {
    let is_wanted = |(number, block): &(u64, Block)| {
        let is_image = (3..259).contains(number) && !block.starts_with(b"SlJ");
        fields(block).is_some() && (!is_image || number.is_multiple_of(4))
    };
    bench.blocks().filter(is_wanted).collect()
}

#[test]
fn every_field_may_hold_any_value() {
    let mut bench = Bench::new().unwrap();
    let (mut attempts, mut mounted) = (0, 0);
    let mut kinds = BTreeSet::new();
    for (number, block) in metadata(&bench) {
        for field in fields(&block).unwrap() {
            kinds.insert((block[..4].to_vec(), field.name));
            let value = get(&block, field);
            for value in hostile(value, field.bytes, DISK_BLOCKS) {
                let changed = with(&block, field, value);
                mounted += u64::from(bench.attempt(&[(number, &changed)]));
                attempts += 1;
            }
        }
    }
    println!(
        "{attempts} images, {} fields, {mounted} mounted, {} requests at most",
        kinds.len(),
        bench.requests_most
    );
    assert!(mounted > 0 && mounted < attempts, "some are refused and some are not");
    assert!(kinds.len() > 120, "{} fields", kinds.len());
}

#[test]
fn every_block_may_be_flipped_lost_or_another_one() {
    let mut bench = Bench::new().unwrap();
    let blocks = metadata(&bench);
    let zeros = [0; 4096];
    for (at, (number, block)) in blocks.iter().enumerate() {
        let mut flipped = *block;
        flipped.iter_mut().for_each(|byte| *byte = !*byte);
        let mut sealed = flipped;
        sealed[..4].copy_from_slice(&block[..4]);
        seal(&mut sealed);
        for changed in [&zeros, &flipped, &sealed] {
            bench.attempt(&[(*number, changed)]);
        }
        let (other, content) = &blocks[(at + 1) % blocks.len()];
        bench.attempt(&[(*number, content), (*other, block)]);
        let (_, far) = &blocks[(at * 7 + 3) % blocks.len()];
        bench.attempt(&[(*number, far)]);
    }
}
