//! Blocks of media in memory lie together, on huge pages: what waits for a random block waits for its bytes only.
//!
//! Installed for the whole process, which is why it is here: a library does not choose the allocator of a program.

use block::BLOCK_BYTES;
use block_heap::BlockHeap;
use nvme_model::BLOCK_HEADER_BYTES;

#[global_allocator]
static HEAP: BlockHeap<BLOCK_HEADER_BYTES, BLOCK_BYTES> = BlockHeap::new();

#[cfg(test)]
mod tests {
    /// If what holds a block were laid out otherwise, the heap would not know it any more, and nothing but time would
    /// tell. Of the system's blocks, one in four begins with a line.
    #[test]
    fn blocks_of_the_media_are_the_heaps() {
        let block = |_| nvme_model::BlockBytes::from(&[7; block::BLOCK_BYTES][..]);
        let blocks: Vec<_> = (0..1000).map(block).collect();
        for block in blocks {
            assert!(block.as_ptr().addr().is_multiple_of(64));
        }
    }
}
