//! Random loads, stores, errors and swapoffs against a model of memory: an access that succeeds is
//! right, whatever happened before.

use block::ram::{Fault, OpKind};
use hal::{UserAddr, UserPage};
use proptest::prelude::*;
use swap_path::{PathKind, ReclaimPolicy, swapon};

use crate::bench::{Bench, DISK_BLOCKS, MEDIUM, Setup};
use crate::host::Inode;

const PAGES: usize = 48;

#[derive(Clone, Debug)]
enum Step {
    Store {
        addr: u64,
        length: usize,
        value: u8,
    },
    Load {
        addr: u64,
        length: usize,
    },
    /// Zeros over whole pages.
    Zero(u64),
    /// The first quarter, third, ... is copied over pages further on.
    Fork {
        parent: u64,
        child: u64,
        pages: u64,
    },
    PageOut(usize),
    Discard(u64),
    /// The n-th request of this kind from now on fails.
    FailNth(OpKind, u64),
    /// Everything that touches this block fails.
    BreakBlock(OpKind, u64),
    Repair,
    ShutDown,
    SwapOff,
    SwapOn(PathKind),
}

fn op() -> impl Strategy<Value = OpKind> {
    prop_oneof![Just(OpKind::Read), Just(OpKind::Write)]
}

fn path() -> impl Strategy<Value = PathKind> {
    prop::sample::select(PathKind::LOCAL)
}

fn step() -> impl Strategy<Value = Step> {
    let addr = || 0..PAGES as u64 * 4096 - 9000;
    prop_oneof![
        12 => (addr(), 1..9000usize, 1..=255u8)
            .prop_map(|(addr, length, value)| Step::Store { addr, length, value }),
        12 => (addr(), 1..9000usize).prop_map(|(addr, length)| Step::Load { addr, length }),
        2 => (0..PAGES as u64 - 4).prop_map(Step::Zero),
        2 => (0..16u64, 20..32u64, 1..16u64)
            .prop_map(|(parent, child, pages)| Step::Fork { parent, child, pages }),
        2 => (0..PAGES).prop_map(Step::PageOut),
        2 => (0..PAGES as u64).prop_map(Step::Discard),
        2 => (op(), 0..8u64).prop_map(|(op, n)| Step::FailNth(op, n)),
        1 => (op(), 380..DISK_BLOCKS).prop_map(|(op, block)| Step::BreakBlock(op, block)),
        2 => Just(Step::Repair),
        1 => Just(Step::ShutDown),
        1 => Just(Step::SwapOff),
        2 => path().prop_map(Step::SwapOn),
    ]
}

/// The address space as it must look, and whether an access may fail at all.
struct Model {
    bytes: Vec<u8>,
    is_failure_allowed: bool,
}

/// The child's range is given up first. Whether the fork succeeds is up to memory; what is there is
/// right either way.
fn fork(bench: &mut Bench, model: &mut Model, parent: u64, child: u64, pages: u64) {
    (child..child + pages).for_each(|page| bench.mm.discard(UserPage(page)));
    let (from, to, bytes) = (parent as usize * 4096, child as usize * 4096, pages as usize * 4096);
    model.bytes[to..][..bytes].fill(0);
    match bench.mm.fork(UserPage(parent), UserPage(child), pages) {
        Ok(()) => model.bytes.copy_within(from..from + bytes, to),
        Err(error) => {
            assert!(model.is_failure_allowed || child - parent.min(child) < pages, "{error}");
        }
    }
}

fn play(bench: &mut Bench, model: &mut Model, step: Step) {
    match step {
        Step::Store { addr, length, value } => {
            let data: Vec<u8> = (0..length).map(|i| value ^ (i / 64) as u8).collect();
            let result = bench.mm.store(UserAddr(addr), &data);
            assert!(result.is_ok() || model.is_failure_allowed, "{result:?}");
            let done = result.map_or_else(|error| (error.addr.0 - addr) as usize, |()| length);
            model.bytes[addr as usize..][..done].copy_from_slice(&data[..done]);
        }
        Step::Load { addr, length } => {
            let mut seen = vec![0xee; length];
            let result = bench.mm.load(UserAddr(addr), &mut seen);
            assert!(result.is_ok() || model.is_failure_allowed, "{result:?}");
            let done = result.map_or_else(|error| (error.addr.0 - addr) as usize, |()| length);
            assert!(
                seen[..done] == model.bytes[addr as usize..][..done],
                "silent garbage in {addr}+{length}"
            );
        }
        Step::Zero(page) => {
            let (addr, length) = (page * 4096, 4 * 4096);
            let result = bench.mm.store(UserAddr(addr), &[0; 4 * 4096]);
            let done = result.map_or_else(|error| (error.addr.0 - addr) as usize, |()| length);
            model.bytes[addr as usize..][..done].fill(0);
        }
        Step::Fork { parent, child, pages } => fork(bench, model, parent, child, pages),
        Step::PageOut(pages) => {
            bench.mm.page_out(pages);
        }
        Step::Discard(page) => {
            bench.mm.discard(UserPage(page));
            model.bytes[page as usize * 4096..][..4096].fill(0);
        }
        Step::FailNth(op, n) => {
            bench.disk.add_fault(Fault::nth(op, n, MEDIUM));
            model.is_failure_allowed = true;
        }
        Step::BreakBlock(op, block) => {
            let fault = Fault::on_blocks(op, block..block + 1, MEDIUM);
            bench.disk.add_fault(fault);
            model.is_failure_allowed = true;
        }
        Step::Repair => bench.disk.clear_faults(),
        Step::ShutDown => {
            bench.host.state.is_shut_down.set(true);
            model.is_failure_allowed = true;
        }
        Step::SwapOff => {
            let _ = bench.mm.swapoff(bench.area);
            // Less room from now on: out of memory is possible.
            model.is_failure_allowed = true;
        }
        Step::SwapOn(path) => {
            if let Ok(area) = swapon(&bench.host, &bench.disk, Inode, path) {
                bench.area = bench.mm.add_area(area);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn an_access_that_succeeds_is_right(
        path in path(),
        policy in prop::sample::select(vec![
            ReclaimPolicy::Fifo,
            ReclaimPolicy::SecondChance,
            ReclaimPolicy::TwoLists,
        ]),
        folio_order in prop::sample::select(vec![0, 0, 2, 3]),
        read_cluster_pages in prop::sample::select(vec![1, 4, 8]),
        cluster_pages in 1..=6usize,
        swap_pages in 30..80usize,
        transfer_blocks_max in 1..8u32,
        steps in prop::collection::vec(step(), 1..150),
    ) {
        let mut setup = Setup::new(path);
        setup.pages = PAGES;
        setup.swap_pages = swap_pages;
        setup.transfer_blocks_max = transfer_blocks_max;
        setup.config = swap_path::MmConfig::new(12);
        setup.config.cluster_pages = cluster_pages;
        setup.config.policy = policy;
        setup.config.folio_order = folio_order;
        setup.config.read_cluster_pages = read_cluster_pages;
        let mut bench = setup.build();
        let mut model = Model {
            bytes: vec![0; PAGES * 4096],
            // A page in memory and one in swap for each of the address space, or it may be too small.
            is_failure_allowed: swap_pages - 1 + 12 < PAGES,
        };
        for step in steps {
            play(&mut bench, &mut model, step);
            bench.check();
        }
    }
}
