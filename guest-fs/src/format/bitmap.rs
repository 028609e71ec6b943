//! A block of the allocation bitmap: one bit a block, set = in use.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::superblock::Layout;
use super::{BLOCK, Corruption, Header, Image, Structure, begin, verify};

/// 64-bit words in a bitmap block.
pub(crate) const WORDS_PER_BLOCK: usize = (BLOCK - size_of::<Header>()) / 8;

/// Blocks that one bitmap block speaks for.
pub(crate) const BITS_PER_BLOCK: u64 = WORDS_PER_BLOCK as u64 * 64;

/// A bitmap block on disk.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Disk {
    header: Header,
    words: [zerocopy::little_endian::U64; WORDS_PER_BLOCK],
}

const _: () = assert!(size_of::<Disk>() == BLOCK);

/// The `index`-th bitmap block with these words; missing words are zero.
pub(crate) fn encode(layout: &Layout, index: u64, words: &[u64]) -> Image {
    let block = layout.bitmap_start.saturating_add(index);
    let mut image = begin(layout.identity(Structure::Bitmap, block, 0));
    let disk: &mut Disk = zerocopy::transmute_mut!(&mut *image);
    for (slot, word) in disk.words.iter_mut().zip(words) {
        *slot = (*word).into();
    }
    image
}

/// The words of the `index`-th bitmap block.
///
/// # Errors
/// [`Corruption`] if it is none.
pub(crate) fn decode<'a>(
    layout: &Layout,
    index: u64,
    image: &'a Image,
) -> Result<impl Iterator<Item = u64> + use<'a>, Corruption> {
    let block = layout.bitmap_start.saturating_add(index);
    verify(image, layout.identity(Structure::Bitmap, block, 0))?;
    let disk: &Disk = zerocopy::transmute_ref!(&**image);
    Ok(disk.words.iter().map(|word| word.get()))
}

#[cfg(test)]
mod tests {
    use super::super::seal;
    use super::*;

    #[test]
    fn a_bitmap_block_has_this_wire_form() {
        let layout = Layout::plan([1; 16], [0; 32], 4096, 64).unwrap();
        let mut image = encode(&layout, 0, &[0x8000_0000_0000_0001, 2]);
        seal(&mut image, 3);
        assert_eq!(image[48..58], [1, 0, 0, 0, 0, 0, 0, 0x80, 2, 0]);
        let words: Vec<_> = decode(&layout, 0, &image).unwrap().collect();
        assert_eq!(words.len(), 506);
        assert_eq!(words[..3], [0x8000_0000_0000_0001, 2, 0]);
        assert_eq!(BITS_PER_BLOCK, 32_384);
    }
}
