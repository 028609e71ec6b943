//! One contract, every media, every size of block.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;

/// Data with and without metadata behind it.
const BLOCK_BYTES: [u32; 6] = [512, 520, 528, 4096, 4104, 4160];

fn file_of(bytes: u64) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("temporary file");
    file.as_file().set_len(bytes).expect("set length");
    file
}

/// Runs a check on every kind of media, fresh, with blocks of every kind.
fn on_every_media(blocks: u64, check: impl Fn(&mut dyn Media, usize)) {
    for block_bytes in BLOCK_BYTES {
        let length = block_bytes as usize;
        check(&mut RamMedia::new(blocks, block_bytes), length);
        let file = file_of(blocks * u64::from(block_bytes));
        check(&mut FileMedia::open(file.path(), block_bytes).expect("open"), length);
        let file = file_of(blocks * u64::from(block_bytes));
        let frozen = FileMedia::open(file.path(), block_bytes).expect("open");
        check(frozen.snapshot().as_mut(), length);
        let base = Arc::new(RamMedia::new(blocks, block_bytes));
        check(&mut OverlayMedia::new(base), length);
    }
    #[cfg(feature = "qcow2")]
    for block_bytes in [512, 4096] {
        let file = tempfile::NamedTempFile::new().expect("temporary file");
        qcow2::tests::create(file.path(), blocks * u64::from(block_bytes));
        check(&mut qcow2::tests::open(file.path(), block_bytes), block_bytes as usize);
    }
    let file = file_of(blocks * 4096);
    match FileMedia::open_as(file.path(), 4096, FileAccess::Direct) {
        Ok(mut direct) => check(&mut direct, 4096),
        // Not every filesystem of a host has direct access.
        Err(error) => assert_eq!(error.source.kind(), std::io::ErrorKind::InvalidInput, "{error}"),
    }
}

fn firsts(media: &dyn Media, length: usize) -> Vec<u8> {
    let mut all = vec![0xaa; media.size_blocks() as usize * length];
    media.read(0, &mut all).expect("read");
    let blocks = all.chunks(length);
    blocks
        .map(|block| if block.iter().all(|byte| *byte == block[0]) { block[0] } else { 99 })
        .collect()
}

#[test]
fn direct_access_is_what_the_host_is_asked_for() {
    let file = file_of(8 * 4096);
    let flags = |access| {
        let image = raw::RawImage::open(file.path(), 4096, access)?;
        Ok::<_, MediaError>(image.is_direct())
    };
    assert_eq!(flags(FileAccess::Cached).ok(), Some(false));
    match flags(FileAccess::Direct) {
        Ok(is_direct) => assert!(is_direct),
        Err(error) => assert_eq!(error.source.kind(), std::io::ErrorKind::InvalidInput, "{error}"),
    }
}

#[test]
fn fresh_media_reads_zeros() {
    on_every_media(8, |media, length| {
        assert_eq!(firsts(media, length), [0; 8]);
        assert_eq!((media.size_blocks(), media.block_bytes() as usize), (8, length));
    });
}

#[test]
fn what_is_written_is_read_back_and_nothing_else_changes() {
    on_every_media(8, |media, length| {
        let data: Vec<u8> = (0..2 * length).map(|i| (i / length + 1) as u8).collect();
        media.write(3, &data).expect("write");
        media.write_shared(6, vec![7; length].into()).expect("write");
        media.flush().expect("flush");
        assert_eq!(firsts(media, length), [0, 0, 0, 1, 2, 0, 7, 0]);
    });
}

#[test]
fn a_discarded_range_reads_zeros_and_its_neighbours_stay() {
    for (slba, count) in [(1, 40), (0, 64), (0, 8), (3, 2), (7, 9), (63, 1), (20, 0)] {
        on_every_media(64, |media, length| {
            media.write(0, &vec![7; 64 * length]).expect("write");
            media.discard(slba, count).expect("discard");
            let expected: Vec<u8> = (0..64)
                .map(|lba| if (slba..slba + count).contains(&lba) { 0 } else { 7 })
                .collect();
            assert_eq!(firsts(media, length), expected, "{count} from {slba} on {media:?}");
        });
    }
}

#[test]
fn shared_bytes_are_not_changed_by_a_later_write() {
    on_every_media(16, |media, length| {
        let shared = BlockBytes::from(vec![7; 8 * length]);
        media.write_shared(8, shared.clone()).expect("write");
        media.write(8, &vec![1; length]).expect("write");
        assert_eq!(*shared, vec![7; 8 * length]);
        assert_eq!(firsts(media, length)[7..10], [0, 1, 7]);
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// A snapshot is what it was; so is the media that went on.
    #[test]
    fn a_snapshot_and_its_original_change_alone(
        steps in prop::collection::vec((0_u8..4, 0_u64..24, 1_u64..9, 1_u8..), 1..24),
    ) {
        on_every_media(32, |media, length| {
            let mut model = vec![0_u8; 32];
            let mut kept: Vec<(Box<dyn Media>, Vec<u8>)> = Vec::new();
            for (kind, slba, count, value) in &steps {
                let (range, value) = (*slba as usize..(*slba + *count) as usize, *value % 90 + 1);
                match kind {
                    0 => {
                        kept.push((media.snapshot(), model.clone()));
                    }
                    1 => {
                        media.discard(*slba, *count).expect("discard");
                        model[range].fill(0);
                    }
                    2 => {
                        // Somebody goes on with a snapshot.
                        if let Some((media, model)) = kept.last_mut() {
                            media.write(*slba, &vec![value; *count as usize * length]).expect("write");
                            model[range].fill(value);
                        }
                    }
                    _ => {
                        media.write(*slba, &vec![value; *count as usize * length]).expect("write");
                        model[range].fill(value);
                    }
                }
            }
            kept.push((media.snapshot(), model));
            for (media, model) in kept {
                assert_eq!(firsts(media.as_ref(), length), model);
            }
        });
    }
}

#[test]
fn a_snapshot_freezes_the_image_and_an_overlay_can_be_written_to_it() {
    let file = file_of(8 * 4096);
    let mut media = FileMedia::open(file.path(), 4096).expect("open");
    media.write(1, &[1; 4096]).expect("write");
    let before = media.snapshot();
    media.write(2, &[2; 4096]).expect("write");
    assert_eq!(firsts(before.as_ref(), 4096), [0, 1, 0, 0, 0, 0, 0, 0]);
    assert_eq!(firsts(&media, 4096), [0, 1, 2, 0, 0, 0, 0, 0]);
    let on_disk = std::fs::read(file.path()).expect("read back");
    assert_eq!((on_disk[4096], on_disk[2 * 4096]), (1, 0), "written before, not after");

    let mut overlay =
        OverlayMedia::new(Arc::new(FileMedia::open(file.path(), 4096).expect("open")));
    overlay.write(3, &[3; 4096]).expect("write");
    overlay.discard(1, 1).expect("discard");
    overlay.write_to(&mut FileMedia::open(file.path(), 4096).expect("open")).expect("write");
    let again = FileMedia::open(file.path(), 4096).expect("open");
    assert_eq!(firsts(&again, 4096), [0, 0, 0, 3, 0, 0, 0, 0]);
}

#[test]
fn discarded_space_is_given_back_to_the_host() {
    use std::os::unix::fs::MetadataExt;
    let file = file_of(256 * 4096);
    let mut media = FileMedia::open(file.path(), 4096).expect("open");
    media.write(0, &vec![7; 256 * 4096]).expect("write");
    media.flush().expect("flush");
    let full = file.as_file().metadata().expect("metadata").blocks();
    media.discard(0, 256).expect("discard");
    let after = file.as_file().metadata().expect("metadata");
    assert_eq!(after.len(), 256 * 4096);
    assert!(after.blocks() < full / 2, "{} of {full} sectors are left", after.blocks());
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
    let missing = FileMedia::open(Path::new("/nonexistent/disk"), 512);
    assert!(missing.expect_err("missing").to_string().starts_with("open of /nonexistent/disk"));
    let odd = FileMedia::open_as(file_of(5200).path(), 520, FileAccess::Direct);
    let text = odd.expect_err("no whole sectors").to_string();
    assert!(text.contains("blocks of 520 bytes are no whole sectors"), "{text}");
}

#[test]
fn a_file_that_shrinks_under_us_is_a_host_failure_with_its_offset() {
    let file = file_of(8 * 4096);
    let media = FileMedia::open(file.path(), 4096).expect("open");
    file.as_file().set_len(4096).expect("shrink");
    let error = media.read(2, &mut [0; 4096]).expect_err("short file");
    assert_eq!((error.operation, error.offset), ("read", 8192));
}

#[test]
fn media_of_another_shape_is_empty_and_has_the_blocks_it_has_room_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("image");
    std::fs::write(&path, vec![7; 64 * 512]).expect("an image");
    let file = || FileMedia::open(&path, 512).expect("an image");
    let frozen = || {
        let media = file();
        media.snapshot();
        media
    };
    let base: Arc<dyn Media> = Arc::new(file());
    let cases: [(Box<dyn Media>, u64); 4] = [
        (Box::new(RamMedia::new(64, 512)), 64),
        (Box::new(OverlayMedia::new(base)), 64),
        (Box::new(frozen()), 63),
        (Box::new(file()), 63),
    ];
    for (mut media, expected) in cases {
        media.write(5, &[9; 512]).expect("written");
        assert_eq!(media.reshape(64, 520).expect("no failure"), expected, "{media:?}");
        assert_eq!((media.size_blocks(), media.block_bytes()), (expected, 520));
        let mut all = vec![1; expected as usize * 520];
        media.read(0, &mut all).expect("read");
        assert!(all.iter().all(|byte| *byte == 0));
        media.write(expected - 1, &[3; 520]).expect("written");
        let mut last = [0; 520];
        media.read(expected - 1, &mut last).expect("read");
        assert_eq!(last, [3; 520]);
    }
}

#[test]
fn media_of_another_size_keep_what_both_reach_and_what_comes_back_is_zeros() {
    on_every_media(20, |media, length| {
        media.write(0, &vec![5; 20 * length]).expect("written");
        let smaller = media.resized(3);
        assert_eq!((smaller.size_blocks(), smaller.block_bytes() as usize), (3, length));
        assert_eq!(firsts(smaller.as_ref(), length), [5; 3]);
        let mut larger = smaller.resized(12);
        assert_eq!(firsts(larger.as_ref(), length), [vec![5; 3], vec![0; 9]].concat());
        larger.write(3, &vec![6; length]).expect("written");
        larger.write(11, &vec![7; length]).expect("written");
        assert_eq!(firsts(larger.as_ref(), length)[2..5], [5, 6, 0]);
        assert_eq!(firsts(smaller.as_ref(), length), [5; 3], "each changes alone");
        assert_eq!(firsts(media, length), [5; 20]);
        assert_eq!(larger.file(), None);
    });
}
