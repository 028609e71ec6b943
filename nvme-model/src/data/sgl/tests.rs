use std::cell::Cell;
use std::collections::BTreeMap;

use nvme_spec::sgl::KIND_KEYED_DATA_BLOCK;
use proptest::prelude::*;

use super::*;
use crate::BadAddress;

/// Memory by descriptors; anything else is a bad address. Counts the bytes read.
#[derive(Default)]
struct Lists {
    descriptors: BTreeMap<u64, SglDescriptor>,
    bytes_read: Cell<usize>,
}

impl Lists {
    fn put(&mut self, at: u64, descriptors: &[SglDescriptor]) {
        self.descriptors.extend((at..).step_by(DESCRIPTOR_BYTES).zip(descriptors.iter().copied()));
    }
}

impl GuestMemory for Lists {
    fn read(&self, address: u64, dst: &mut [u8]) -> Result<(), BadAddress> {
        self.bytes_read.set(self.bytes_read.get() + dst.len());
        let places = (address..).step_by(DESCRIPTOR_BYTES);
        for (at, bytes) in places.zip(dst.chunks_mut(DESCRIPTOR_BYTES)) {
            let found = self.descriptors.get(&at).ok_or(BadAddress { address: at })?;
            bytes.copy_from_slice(&found.to_bytes());
        }
        Ok(())
    }

    fn write(&self, address: u64, _src: &[u8]) -> Result<(), BadAddress> {
        Err(BadAddress { address })
    }
}

fn block(address: u64, length: u32) -> SglDescriptor {
    SglDescriptor::new(KIND_DATA_BLOCK, address, length)
}

fn bucket(length: u32) -> SglDescriptor {
    SglDescriptor::new(KIND_BIT_BUCKET, 0, length)
}

fn segment(address: u64, count: u32) -> SglDescriptor {
    SglDescriptor::new(KIND_SEGMENT, address, count * 16)
}

fn last(address: u64, count: u32) -> SglDescriptor {
    SglDescriptor::new(KIND_LAST_SEGMENT, address, count * 16)
}

fn with(mut descriptor: SglDescriptor, change: impl Fn(&mut SglDescriptor)) -> SglDescriptor {
    change(&mut descriptor);
    descriptor
}

fn read_walk(lists: &Lists, first: SglDescriptor, length: u64) -> Result<Vec<Segment>, StatusCode> {
    walk(lists, &first, length, Direction::ToHost)
}

#[test]
fn one_data_block_needs_no_list_and_no_alignment() {
    let memory = Segment::Memory { address: 0x1003, length: 512 };
    assert_eq!(read_walk(&Lists::default(), block(0x1003, 512), 512), Ok(vec![memory]));
}

#[test]
fn segments_chain_and_ranges_that_touch_are_joined() {
    let mut lists = Lists::default();
    lists.put(0x9008, &[block(0x1000, 100), block(0x1064, 28), segment(0xa000, 3)]);
    lists.put(0xa000, &[block(7, 0), block(0x5000, 72), last(0xb000, 2)]);
    lists.put(0xb000, &[block(0x3000, 300), block(0x2000, 12)]);
    let expected = [(0x1000, 128), (0x5000, 72), (0x3000, 300), (0x2000, 12)];
    let expected = expected.map(|(address, length)| Segment::Memory { address, length }).to_vec();
    assert_eq!(read_walk(&lists, segment(0x9008, 3), 512), Ok(expected));
}

#[test]
fn a_bucket_takes_what_a_read_gives_and_gives_a_write_nothing() {
    let mut lists = Lists::default();
    lists.put(0x9000, &[block(0x1000, 256), bucket(512), block(0x2000, 256)]);
    let of = |address| Segment::Memory { address, length: 256 };
    assert_eq!(
        read_walk(&lists, last(0x9000, 3), 1024),
        Ok(vec![of(0x1000), Segment::Bucket { length: 512 }, of(0x2000)])
    );
    let written = walk(&lists, &last(0x9000, 3), 512, Direction::FromHost);
    assert_eq!(written, Ok(vec![of(0x1000), of(0x2000)]));
}

#[test]
fn every_wrong_list_has_its_own_status() {
    let mut lists = Lists::default();
    lists.put(0x9000, &[block(0x1000, 256), block(0x2000, 256)]);
    lists.put(0xa000, &[last(0x9000, 2), block(0x1000, 256)]);
    lists.put(0xb000, &[block(0x1000, 256), last(0x9000, 2)]);
    let offset = with(block(0, 512), |d| d.identifier = 1);
    let keyed = SglDescriptor::new(KIND_KEYED_DATA_BLOCK, 0x1000, 512);
    let odd = with(last(0x9000, 2), |d| d.length = 24.into());
    for (first, code) in [
        (offset, status::SGL_TYPE_INVALID),
        (keyed, status::SGL_TYPE_INVALID),
        (with(last(0x9000, 2), |d| d.identifier = 0x31), status::SGL_TYPE_INVALID),
        (last(0x9000, 0), status::SGL_SEGMENT_INVALID),
        (odd, status::SGL_SEGMENT_INVALID),
        (last(0x9004, 2), status::SGL_SEGMENT_INVALID),
        // A segment that points nowhere at its end, and pointers in other places.
        (segment(0x9000, 2), status::SGL_SEGMENT_INVALID),
        (segment(0xa000, 2), status::SGL_COUNT_INVALID),
        (last(0xb000, 2), status::SGL_COUNT_INVALID),
        (last(0xc000, 2), status::DATA_TRANSFER_ERROR),
        (block(u64::MAX - 510, 512), status::DATA_TRANSFER_ERROR),
        (block(0x1000, 511), status::DATA_SGL_LENGTH_INVALID),
        (block(0x1000, 513), status::DATA_SGL_LENGTH_INVALID),
        (segment(0xb000, 2), status::DATA_SGL_LENGTH_INVALID),
    ] {
        assert_eq!(read_walk(&lists, first, 512), Err(code), "{first:x?}");
    }
}

#[test]
fn a_list_for_metadata_begins_in_memory_and_has_its_own_length_status() {
    let mut lists = Lists::default();
    lists.put(0x9000, &[block(0x1001, 8)]);
    let from = |address, length| walk_from(&lists, address, length, Direction::ToHost);
    assert_eq!(from(0x9000, 8), Ok(vec![Segment::Memory { address: 0x1001, length: 8 }]));
    assert_eq!(from(0x9000, 16), Err(status::METADATA_SGL_LENGTH_INVALID));
    assert_eq!(from(0x9000, 7), Err(status::METADATA_SGL_LENGTH_INVALID));
    assert_eq!(from(0x9004, 8), Err(status::SGL_SEGMENT_INVALID));
    assert_eq!(from(0xa000, 8), Err(status::DATA_TRANSFER_ERROR));
}

#[test]
fn a_loop_of_segments_without_data_ends() {
    let mut lists = Lists::default();
    lists.put(0x9000, &[block(0, 0), segment(0x9000, 2)]);
    assert_eq!(read_walk(&lists, segment(0x9000, 2), 512), Err(status::SGL_COUNT_INVALID));
    assert_eq!(lists.bytes_read.get() as u64, DESCRIPTORS_MAX * DESCRIPTOR_BYTES as u64);
    let huge = with(last(0x9000, 1), |d| d.length = (!0xf_u32).into());
    assert_eq!(
        read_walk(&lists, huge, 512),
        Err(status::SGL_COUNT_INVALID),
        "4 GiB of descriptors"
    );
}

/// A descriptor in a small memory, where pointers often hit descriptors.
fn any_descriptor() -> impl Strategy<Value = SglDescriptor> {
    let kind = prop_oneof![8 => 0..4_u8, 1 => 0..16_u8];
    let address = prop_oneof![6 => (0..32_u64).prop_map(|i| i * 16), 1 => any::<u64>()];
    let length = prop_oneof![6 => (0..12_u32).prop_map(|i| i * 16), 1 => any::<u32>()];
    (kind, address, length).prop_map(|(kind, at, length)| SglDescriptor::new(kind, at, length))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_walk_of_any_tree_is_bounded_and_describes_all_or_nothing(
        all in prop::collection::vec(any_descriptor(), 1..32),
        first in any_descriptor(),
        length in prop_oneof![(0..64_u64).prop_map(|i| i * 16), 0..4096_u64],
        direction in prop_oneof![Just(Direction::ToHost), Just(Direction::FromHost)],
    ) {
        let mut lists = Lists::default();
        lists.put(0, &all);
        if let Ok(segments) = walk(&lists, &first, length, direction) {
            let total: u64 = segments.iter().map(|segment| segment.length()).sum();
            prop_assert_eq!(total, length);
            let blocks: Vec<_> = all.iter().chain([&first]).collect();
            // Every byte belongs to a data block of some descriptor.
            for segment in segments {
                if let Segment::Memory { address, .. } = segment {
                    let mut named = blocks.iter().filter(|d| d.kind() == KIND_DATA_BLOCK);
                    prop_assert!(named.any(|d| d.address.get() == address));
                }
            }
        }
        prop_assert!(lists.bytes_read.get() as u64 <= DESCRIPTORS_MAX * DESCRIPTOR_BYTES as u64);
    }
}
