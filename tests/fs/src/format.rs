//! Every field on the disk: from the text of FORMAT.md, not from the code that implements it.

use block::BLOCK_BYTES;
use crc::{CRC_32_ISCSI, Crc, Table};

static CRC32C: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);

/// A metadata block.
pub type Block = [u8; BLOCK_BYTES];

/// A field: its name, where it is, and its bytes (1, 2, 4 or 8).
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// What FORMAT.md calls it.
    pub name: &'static str,
    /// Its offset.
    pub at: usize,
    /// How long it is.
    pub bytes: usize,
}

const fn field(name: &'static str, at: usize, bytes: usize) -> Field {
    Field { name, at, bytes }
}

/// The header of every metadata block. The checksum is left out: it is made right after every change.
pub const HEADER: [Field; 6] = [
    field("magic", 0, 4),
    field("UUID, first half", 8, 8),
    field("UUID, second half", 16, 8),
    field("own block", 24, 8),
    field("LSN", 32, 8),
    field("owner", 40, 8),
];

const SUPERBLOCK: [Field; 17] = [
    field("version", 48, 4),
    field("block size", 52, 4),
    field("compatible features", 56, 8),
    field("read-only-compatible features", 64, 8),
    field("incompatible features", 72, 8),
    field("blocks", 80, 8),
    field("journal blocks", 88, 8),
    field("blocks of a group", 96, 8),
    field("group table", 104, 8),
    field("blocks of the group table", 112, 8),
    field("root of shared blocks", 120, 8),
    field("root of orphans", 128, 8),
    field("root directory", 136, 8),
    field("label, 1", 144, 8),
    field("label, 2", 152, 8),
    field("label, 3", 160, 8),
    field("label, 4", 168, 8),
];

const GROUP_TABLE: [Field; 4] = [
    field("free blocks", 64, 4),
    field("longest run", 68, 4),
    field("group flags", 72, 4),
    field("zero of a group", 76, 4),
];

const BITMAP: [Field; 4] = [
    field("first word", 64, 8),
    field("second word", 72, 8),
    field("word of the root", 64 + 8 * 4, 8),
    field("last word", 64 + 8 * 255, 8),
];

const INODE: [Field; 14] = [
    field("kind", 48, 2),
    field("zero", 50, 2),
    field("names", 52, 4),
    field("flags", 56, 8),
    field("size", 64, 8),
    field("blocks", 72, 8),
    field("generation", 80, 8),
    field("parent", 88, 8),
    field("time of read", 96, 8),
    field("time of change", 104, 8),
    field("time of any change", 112, 8),
    field("time of creation", 120, 8),
    field("zeros", 128, 8),
    field("last zeros", 184, 8),
];

const JOURNAL_HEADER: [Field; 1] = [field("tail", 48, 8)];

const DESCRIPTOR: [Field; 4] = [
    field("images", 48, 4),
    field("revoked blocks", 52, 4),
    field("first target", 64, 8),
    field("second target", 72, 8),
];

const REVOKE: [Field; 2] = [field("revoked blocks", 48, 4), field("first revoked block", 64, 8)];

const COMMIT: [Field; 3] =
    [field("position", 48, 8), field("images", 56, 4), field("checksum of the batch", 60, 4)];

/// Where the node of an area at `at` has its fields: its head, three slots, and the values that they name.
fn node(block: &Block, at: usize) -> Vec<Field> {
    let mut fields = vec![
        field("level", at, 2),
        field("records", at + 2, 2),
        field("heap", at + 4, 2),
        field("zero of a node", at + 6, 2),
    ];
    let records = usize::from(u16::from_le_bytes([block[at + 2], block[at + 3]])).min(3);
    for slot in 0..records {
        let slot = at + 8 + 12 * slot;
        fields.push(field("key", slot, 8));
        fields.push(field("offset of a value", slot + 8, 2));
        fields.push(field("length of a value", slot + 10, 2));
        let value = at + usize::from(u16::from_le_bytes([block[slot + 8], block[slot + 9]]));
        let parts = [
            ("value, block or inode", 0, 8),
            ("value, blocks or kind", 8, 4),
            ("value, flags", 12, 4),
        ];
        let inside = parts.iter().filter(|(_, from, bytes)| value + from + bytes <= BLOCK_BYTES);
        fields.extend(inside.map(|(name, from, bytes)| field(name, value + from, *bytes)));
    }
    fields
}

/// The fields of a block, by its magic number, with those of the header. `None` if it is no metadata.
#[must_use]
pub fn fields(block: &Block) -> Option<Vec<Field>> {
    let own: Vec<Field> = match &block[..4] {
        b"SlSb" => SUPERBLOCK.to_vec(),
        b"SlGt" => GROUP_TABLE.to_vec(),
        b"SlBm" => BITMAP.to_vec(),
        b"SlIn" => [INODE.to_vec(), node(block, 192)].concat(),
        b"SlXn" | b"SlDn" | b"SlRn" | b"SlOn" => node(block, 64),
        b"SlJh" => JOURNAL_HEADER.to_vec(),
        b"SlJd" => DESCRIPTOR.to_vec(),
        b"SlJr" => REVOKE.to_vec(),
        b"SlJc" => COMMIT.to_vec(),
        _ => return None,
    };
    Some([HEADER.to_vec(), own].concat())
}

/// The value of a field.
#[must_use]
pub fn get(block: &Block, field: Field) -> u64 {
    let mut bytes = [0; 8];
    bytes[..field.bytes].copy_from_slice(&block[field.at..field.at + field.bytes]);
    u64::from_le_bytes(bytes)
}

/// The block with another value in a field, under a right checksum.
#[must_use]
pub fn with(block: &Block, field: Field, value: u64) -> Block {
    let mut changed = *block;
    changed[field.at..field.at + field.bytes].copy_from_slice(&value.to_le_bytes()[..field.bytes]);
    seal(&mut changed);
    changed
}

/// Makes the checksum right.
pub fn seal(block: &mut Block) {
    block[4..8].fill(0);
    let sum = CRC32C.checksum(block);
    block[4..8].copy_from_slice(&sum.to_le_bytes());
}

/// Values that are hostile in a field that holds `value` on a drive of `blocks` blocks.
#[must_use]
pub fn hostile(value: u64, bytes: usize, blocks: u64) -> Vec<u64> {
    let mask = u64::MAX >> (64 - 8 * bytes as u32);
    let mut values = vec![
        0,
        1,
        2,
        value.wrapping_add(1),
        value.wrapping_sub(1),
        value << 1,
        value ^ (1 << (8 * bytes as u32 - 1)),
        blocks,
        blocks - 1,
        mask,
        mask >> 1,
        // The superblock, the bitmap, the journal, the root: blocks that are something else.
        3,
        262,
        263,
    ];
    values.iter_mut().for_each(|value| *value &= mask);
    values.sort_unstable();
    values.dedup();
    values.retain(|other| *other != value);
    values
}
