//! Files through the page cache, and what must agree with it.

mod buffered;
mod coherence;
mod durability;
mod mapped;
mod places;
mod watched;

use crate::tests::rig::{Fs, Rig};
use crate::{Ino, MountOptions};

/// A filesystem whose page cache has `pages` pages.
pub(super) fn mount_small(rig: &Rig, pages: usize) -> Fs {
    let options = MountOptions { cache_pages_max: pages, ..MountOptions::default() };
    Fs::mount(std::rc::Rc::clone(&rig.disk), options).unwrap()
}

/// `length` bytes that differ from place to place and from `seed` to `seed`.
pub(super) fn pattern(seed: u64, length: usize) -> Vec<u8> {
    let byte = |at: usize| ((at as u64).wrapping_mul(31) ^ (at as u64 >> 7) ^ (seed * 97)) as u8;
    (0..length).map(byte).collect()
}

/// The whole content of a file, through the page cache.
pub(super) fn content(fs: &Fs, ino: Ino) -> Vec<u8> {
    let size = fs.stat(ino).unwrap().size_bytes as usize;
    let mut bytes = vec![0xee; size + 100];
    let read = fs.read(ino, 0, &mut bytes).unwrap() as usize;
    assert_eq!(read, size);
    bytes.truncate(size);
    bytes
}
