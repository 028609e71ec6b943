//! The page-frame allocator: which frames of a pool are taken.
//!
//! First fit from the bottom, so the answer depends on the requests alone: the same program gets the
//! same frames in every run, and on the host engine too, whose memory (`hal::testing::DmaPool`) follows
//! the same rule. What the kernel needs for itself, which the host engine does not, comes from the top.
//! A bitmap, one bit a frame, full words skipped at once.
//!
//! What it does not do: touch the frames, or know where the pool lies.

use alloc::vec;
use alloc::vec::Vec;

const BITS: usize = u64::BITS as usize;

/// The bitmap of one pool.
#[derive(Debug)]
pub struct FrameBitmap {
    /// A set bit is a taken frame. Bits past the end of the pool are set for ever.
    words: Vec<u64>,
    size_frames: usize,
    free_count: usize,
    /// No free frame lies below this one.
    first_free_hint: usize,
}

impl FrameBitmap {
    /// A pool of `size_frames` free frames.
    #[must_use]
    pub fn new(size_frames: usize) -> Self {
        let mut words = vec![0; size_frames.div_ceil(BITS)];
        if let Some(last) = words.last_mut()
            && !size_frames.is_multiple_of(BITS)
        {
            *last = u64::MAX << (size_frames % BITS);
        }
        Self { words, size_frames, free_count: size_frames, first_free_hint: 0 }
    }

    /// Frames that are free now.
    #[must_use]
    pub fn free_count(&self) -> usize {
        self.free_count
    }

    /// Takes the lowest run of `count` frames and returns the number of its first frame.
    ///
    /// `None` if there is no such run, or if `count` is zero.
    pub fn alloc(&mut self, count: usize) -> Option<usize> {
        if count == 0 || count > self.free_count {
            return None;
        }
        let start = self.find_run(count)?;
        self.take(start, count);
        Some(start)
    }

    /// Takes the highest run of `count` frames and returns the number of its first frame.
    ///
    /// `None` if there is no such run, or if `count` is zero. Slower than [`FrameBitmap::alloc`]: a look at
    /// each frame.
    pub fn alloc_at_top(&mut self, count: usize) -> Option<usize> {
        if count == 0 || count > self.free_count {
            return None;
        }
        let mut free_above = 0;
        for frame in (0..self.size_frames).rev() {
            free_above = if self.is_taken(frame) { 0 } else { free_above + 1 };
            if free_above == count {
                self.take(frame, count);
                return Some(frame);
            }
        }
        None
    }

    fn take(&mut self, start: usize, count: usize) {
        for frame in start..start + count {
            self.words[frame / BITS] |= 1 << (frame % BITS);
        }
        self.free_count -= count;
        if start == self.first_free_hint {
            self.first_free_hint = start + count;
        }
    }

    /// Gives a run back that [`FrameBitmap::alloc`] returned.
    ///
    /// # Panics
    /// If a frame of the run is free or outside the pool: a bug of the caller.
    pub fn free(&mut self, start: usize, count: usize) {
        let end = start.checked_add(count).filter(|end| *end <= self.size_frames);
        let end = end.expect("a freed run lies inside the pool");
        for frame in start..end {
            assert!(self.is_taken(frame), "frame {frame} is freed twice");
            self.words[frame / BITS] &= !(1 << (frame % BITS));
        }
        self.free_count += count;
        self.first_free_hint = self.first_free_hint.min(start);
    }

    fn is_taken(&self, frame: usize) -> bool {
        self.words[frame / BITS] >> (frame % BITS) & 1 == 1
    }

    fn find_run(&self, count: usize) -> Option<usize> {
        let mut start = self.first_free_hint;
        let mut frame = start;
        while frame < self.size_frames {
            if frame.is_multiple_of(BITS) && self.words[frame / BITS] == u64::MAX {
                frame += BITS;
                start = frame;
            } else if self.is_taken(frame) {
                frame += 1;
                start = frame;
            } else {
                frame += 1;
                if frame - start == count {
                    return Some(start);
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hal::testing::DmaPool;
    use hal::{DmaBuf, PAGE_BYTES};
    use proptest::prelude::*;

    #[test]
    fn runs_are_lowest_first_and_come_back() {
        let mut frames = FrameBitmap::new(130);
        assert_eq!(frames.alloc(64), Some(0));
        assert_eq!(frames.alloc(1), Some(64));
        assert_eq!(frames.alloc(65), Some(65));
        assert_eq!(frames.alloc(1), None);
        frames.free(10, 3);
        assert_eq!(frames.alloc(4), None);
        assert_eq!(frames.alloc(3), Some(10));
        assert_eq!(frames.free_count(), 0);
    }

    #[test]
    fn from_the_top_runs_are_highest_first_and_leave_the_bottom_alone() {
        let mut frames = FrameBitmap::new(130);
        assert_eq!(frames.alloc_at_top(3), Some(127));
        assert_eq!(frames.alloc(1), Some(0));
        assert_eq!(frames.alloc_at_top(1), Some(126));
        frames.free(127, 3);
        assert_eq!(frames.alloc_at_top(4), Some(122));
        assert_eq!(frames.alloc_at_top(2), Some(128));
        assert_eq!(frames.alloc_at_top(122), None);
        assert_eq!(frames.alloc_at_top(0), None);
    }

    #[test]
    fn nothing_and_too_much_are_refused() {
        let mut frames = FrameBitmap::new(5);
        assert_eq!(frames.alloc(0), None);
        assert_eq!(frames.alloc(6), None);
        assert_eq!(frames.alloc(usize::MAX), None);
        assert_eq!(FrameBitmap::new(0).alloc(1), None);
    }

    #[test]
    #[should_panic(expected = "freed twice")]
    fn freeing_a_free_frame_is_a_bug() {
        let mut frames = FrameBitmap::new(5);
        assert_eq!(frames.alloc(1), Some(0));
        frames.free(0, 2);
    }

    proptest! {
        /// A late DMA meets the page's next owner, who must be the same on both engines.
        #[test]
        fn it_gives_the_frames_that_the_host_engine_gives(
            requests in proptest::collection::vec((any::<bool>(), 1_usize..20), 1..80),
        ) {
            const SIZE: usize = 100;
            let mut frames = FrameBitmap::new(SIZE);
            let pool = DmaPool::like_ram(SIZE);
            let base = pool.alloc(1).unwrap().iova().0;
            let mut runs = Vec::new();
            for (is_alloc, n) in requests {
                if is_alloc {
                    let dma = pool.alloc(n).ok();
                    let page = dma.as_ref().map(|dma| (dma.iova().0 - base) as usize / PAGE_BYTES);
                    prop_assert_eq!(frames.alloc(n), page);
                    runs.extend(dma.zip(page).map(|(dma, page)| (dma, page, n)));
                } else if !runs.is_empty() {
                    let (dma, page, n) = runs.swap_remove(n % runs.len());
                    drop(dma);
                    frames.free(page, n);
                }
            }
        }

        /// Against the plainest model: a vector of booleans searched from the bottom.
        #[test]
        fn it_agrees_with_a_vector_of_booleans(
            size in 1_usize..200,
            requests in proptest::collection::vec((any::<bool>(), 1_usize..70), 1..80),
        ) {
            let mut frames = FrameBitmap::new(size);
            let mut model = vec![false; size];
            let mut runs = Vec::new();
            for (is_alloc, n) in requests {
                if is_alloc {
                    let expected = (0..size.saturating_sub(n - 1))
                        .find(|&start| model[start..start + n].iter().all(|taken| !taken));
                    prop_assert_eq!(frames.alloc(n), expected);
                    if let Some(start) = expected {
                        model[start..start + n].fill(true);
                        runs.push((start, n));
                    }
                } else if !runs.is_empty() {
                    let (start, n) = runs.swap_remove(n % runs.len());
                    frames.free(start, n);
                    model[start..start + n].fill(false);
                }
                prop_assert_eq!(frames.free_count(), model.iter().filter(|taken| !**taken).count());
            }
        }
    }
}
