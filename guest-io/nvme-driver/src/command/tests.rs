use super::*;
use block::Geometry;
use hal::testing::{DmaPool, PoolDma};
use proptest::prelude::*;

fn limits(lba_shift: u8) -> NamespaceLimits {
    NamespaceLimits {
        lba_shift,
        geometry: Geometry {
            size_blocks: 1 << 20,
            transfer_blocks_max: 4,
            atomic_blocks: 1,
            has_volatile_cache: true,
        },
        zeroes_blocks_max: 100,
        discard_blocks_max: 1000,
    }
}

fn bio(pool: &DmaPool, op: Op, block: u64, pages: usize) -> Bio<PoolDma> {
    Bio { op, block, pages: (0..pages).map(|_| pool.alloc(1).unwrap()).collect() }
}

#[test]
fn small_logical_blocks_shift_address_and_length() {
    let pool = DmaPool::new(3);
    let list = pool.alloc(1).unwrap();
    let bio = bio(&pool, Op::Write { fua: true }, 5, 2);
    let (sqe, blocks) = build(&bio, 0, &limits(3), 1, &list).unwrap();
    assert_eq!((sqe.slba(), sqe.cdw12.get(), blocks), (40, 1 << 30 | 15, 2));
    let (sqe, _) = build(&bio, 0, &limits(0), 1, &list).unwrap();
    assert_eq!((sqe.slba(), sqe.cdw12.get()), (5, 1 << 30 | 1));
}

#[test]
fn a_discard_carries_its_range_in_the_list_page() {
    let pool = DmaPool::new(1);
    let list = pool.alloc(1).unwrap();
    let bio = bio(&pool, Op::Discard { blocks: 7 }, 5, 0);
    let (sqe, blocks) = build(&bio, 0, &limits(3), 1, &list).unwrap();
    let mut range = [0; 16];
    list.read(0, &mut range);
    assert_eq!(DsmRange::from_bytes(range), DsmRange::new(40, 56));
    assert_eq!((sqe.prp1.get(), sqe.cdw10.get(), blocks), (list.iova().0, 0, 7));
}

proptest! {
    #[test]
    fn the_pieces_of_a_long_request_cover_it_exactly(
        block in 0..1000_u64, blocks in 1..5000_u32, is_discard: bool, small: bool,
    ) {
        let pool = DmaPool::new(1);
        let list = pool.alloc(1).unwrap();
        let op = if is_discard { Op::Discard { blocks } } else { Op::WriteZeroes { blocks } };
        let bio = bio(&pool, op, block, 0);
        let limits = limits(if small { 3 } else { 0 });
        let mut done = 0;
        while done < u64::from(blocks) {
            let (sqe, piece) = build(&bio, done, &limits, 1, &list).unwrap();
            prop_assert!(piece > 0);
            if !is_discard {
                prop_assert_eq!(sqe.slba(), (block + done) << limits.lba_shift);
                let nlb = u64::from(sqe.cdw12.get() & 0xffff) + 1;
                prop_assert_eq!(nlb, piece << limits.lba_shift);
            }
            done += piece;
        }
        prop_assert_eq!(done, u64::from(blocks));
    }

    #[test]
    fn whatever_is_let_pass_can_be_built(
        block: u64, blocks: u32, pages in 0..6_usize, kind in 0..5, small: bool,
    ) {
        let pool = DmaPool::new(8);
        let list = pool.alloc(1).unwrap();
        let op = match kind {
            0 => Op::Read,
            1 => Op::Write { fua: false },
            2 => Op::Flush,
            3 => Op::WriteZeroes { blocks: blocks % 2_000_000 },
            _ => Op::Discard { blocks },
        };
        let near_end = if block % 2 == 0 { (1 << 20) - block % 8 } else { block };
        let limits = limits(if small { 3 } else { 0 });
        let bio = bio(&pool, op, near_end, pages);
        if refuse(&bio, &limits).is_ok() {
            prop_assert!(build(&bio, 0, &limits, 1, &list).is_some());
            prop_assert!(near_end + bio.size_blocks() <= 1 << 20);
        }
    }
}

#[test]
fn what_the_device_cannot_do_is_not_supported() {
    let pool = DmaPool::new(1);
    let mut limits = limits(0);
    limits.zeroes_blocks_max = 0;
    limits.discard_blocks_max = 0;
    for op in [Op::WriteZeroes { blocks: 1 }, Op::Discard { blocks: 1 }] {
        let error = BlockError::NotSupported(DeviceStatus(0));
        assert_eq!(refuse(&bio(&pool, op, 0, 0), &limits), Err(error));
    }
}
