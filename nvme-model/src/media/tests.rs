//! One contract, both media.

use std::io::Write;

use super::*;

fn on_every_media(blocks: u64, check: impl Fn(&mut dyn Media)) {
    check(&mut RamMedia::new(blocks, 4096));
    let mut file = tempfile::NamedTempFile::new().expect("temporary file");
    file.as_file_mut().set_len(blocks * 4096).expect("set length");
    check(&mut FileMedia::open(file.path(), 4096).expect("open"));
}

#[test]
fn fresh_media_reads_zeros() {
    on_every_media(8, |media| {
        let mut block = [0xaa; 8192];
        media.read(6, &mut block).expect("read");
        assert_eq!(block, [0; 8192]);
        assert_eq!((media.size_blocks(), media.block_bytes()), (8, 4096));
    });
}

#[test]
fn what_is_written_is_read_back_and_nothing_else_changes() {
    on_every_media(8, |media| {
        let data: Vec<u8> = (0..8192).map(|i| (i / 4096 + 1) as u8).collect();
        media.write(3, &data).expect("write");
        media.flush().expect("flush");
        let mut all = vec![0xaa; 8 * 4096];
        media.read(0, &mut all).expect("read");
        let firsts: Vec<u8> = all.chunks(4096).map(|block| block[4095]).collect();
        assert_eq!(firsts, [0, 0, 0, 1, 2, 0, 0, 0]);
    });
}

#[test]
fn a_discarded_range_reads_zeros_and_its_neighbours_stay() {
    on_every_media(64, |media| {
        media.write(0, &vec![7; 64 * 4096]).expect("write");
        media.discard(1, 40).expect("discard");
        let mut all = vec![0xaa; 64 * 4096];
        media.read(0, &mut all).expect("read");
        for (lba, block) in all.chunks(4096).enumerate() {
            let value = if (1..41).contains(&lba) { 0 } else { 7 };
            assert!(block.iter().all(|byte| *byte == value), "block {lba}");
        }
    });
}

#[test]
fn a_file_that_is_no_image_is_refused_and_left_alone() {
    let mut file = tempfile::NamedTempFile::new().expect("temporary file");
    file.write_all(&[1; 5000]).expect("write");
    let error = FileMedia::open(file.path(), 4096).expect_err("odd length");
    let text = error.to_string();
    assert!(text.contains("at offset 4096"), "{text}");
    assert!(text.contains("length 5000 is not a positive multiple of 4096"), "{text}");
    assert_eq!(std::fs::read(file.path()).expect("read back"), vec![1; 5000]);

    let empty = tempfile::NamedTempFile::new().expect("temporary file");
    FileMedia::open(empty.path(), 4096).expect_err("empty file");
    let missing = FileMedia::open(std::path::Path::new("/nonexistent/disk"), 512);
    assert!(missing.expect_err("missing").to_string().starts_with("open of /nonexistent/disk"));
}

#[test]
fn a_file_that_shrinks_under_us_is_a_host_failure_with_its_offset() {
    let mut file = tempfile::NamedTempFile::new().expect("temporary file");
    file.as_file_mut().set_len(8 * 4096).expect("set length");
    let mut media = FileMedia::open(file.path(), 4096).expect("open");
    file.as_file_mut().set_len(4096).expect("shrink");
    let error = media.read(2, &mut [0; 4096]).expect_err("short file");
    assert_eq!((error.operation, error.offset), ("read", 8192));
}
