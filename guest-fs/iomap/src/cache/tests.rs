//! Which pages stay, which go.

use hal::DmaBuf;
use hal::testing::{DmaPool, PoolDma};

use super::{PageCache, Slot};
use crate::Errno;

fn page(pool: &DmaPool, fill: u8) -> PoolDma {
    let page = pool.alloc(1).unwrap();
    page.write(0, &[fill; 4096]);
    page
}

fn cache(pool: &DmaPool, pages: u8) -> PageCache<u32, PoolDma> {
    let cache = PageCache::new(16);
    (0..pages).for_each(|at| cache.insert(1, at.into(), page(pool, at)));
    cache
}

fn first_byte(cache: &PageCache<u32, PoolDma>, index: u64) -> u8 {
    let mut byte = [0xee];
    cache.read(1, index, 0, &mut byte);
    byte[0]
}

#[test]
fn the_page_that_was_used_least_recently_goes_first_and_a_dirty_one_never() {
    let pool = DmaPool::new(16);
    let cache = cache(&pool, 4);
    first_byte(&cache, 0);
    cache.write(1, 1, 5, b"new");
    for gone in [2, 3, 0] {
        assert!(cache.evict().is_some());
        assert_eq!(cache.slot(1, gone), Slot::Absent);
    }
    assert!(cache.evict().is_none());
    assert_eq!((cache.pages(), cache.dirty_pages()), (1, 1));
    assert_eq!(cache.oldest_dirty(), Some((1, 1)));
}

#[test]
fn a_page_in_flight_is_neither_here_nor_forgotten_and_comes_back_clean() {
    let pool = DmaPool::new(16);
    let cache = cache(&pool, 3);
    cache.write(1, 1, 0, &[9]);
    assert!(cache.take_dirty(1, 0).is_none(), "it is clean");
    let flying = cache.take_dirty(1, 1).unwrap();
    assert_eq!(cache.slot(1, 1), Slot::InFlight);
    assert_eq!(cache.next_data(1, 0..9), Some(1));
    assert_eq!(cache.next_dirty(1, 0..9), None);
    cache.forget(1, 0..9);
    assert_eq!((cache.slot(1, 0), cache.slot(1, 1)), (Slot::Absent, Slot::InFlight));
    cache.put_back(1, 1, flying);
    assert_eq!((first_byte(&cache, 1), cache.next_data(1, 0..9)), (9, None));
    assert_eq!(cache.shrink(), 1);
    assert_eq!(cache.pages(), 0);
}

#[test]
fn files_do_not_see_each_others_pages_or_errors() {
    let pool = DmaPool::new(16);
    let cache = cache(&pool, 2);
    cache.insert(2, 7, page(&pool, 7));
    cache.write(2, 7, 0, &[1]);
    cache.write(1, 0, 0, &[1]);
    assert_eq!(cache.dirty_files(), [1, 2]);
    assert!(!cache.forget_clean(1, 0..9), "a dirty one stays");
    assert!(cache.has_pages(2, 7..8) && !cache.has_pages(2, 0..7));
    let (mut one, mut two) = (cache.sample_error(1), cache.sample_error(2));
    cache.set_error(2, Errno::EIO);
    assert_eq!(cache.check_error(1, &mut one), Ok(()));
    assert_eq!(cache.check_error(2, &mut two), Err(Errno::EIO));
    cache.remove_file(2);
    assert_eq!(cache.dirty_files(), [1]);
}
