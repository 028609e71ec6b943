//! The driver against a device that writes anything into its rings.

use std::cell::Cell;
use std::vec::Vec;

use hal::testing::{DmaPool, PoolDma};
use hal::{DmaBuf, Instant, Mmio, OutOfMemory, Platform, Tracer, Wake};
use p9_wire::virtio::{MAGIC, feature, reg, status};
use proptest::prelude::*;

use crate::queue::{Account, Buffer};
use crate::rings::{ENTRIES, Rings};
use crate::{Error, Transport};

/// A device of registers only. What it answers can be bent.
struct Fake {
    pool: DmaPool,
    status: Cell<u32>,
    features_sel: Cell<u32>,
    offered: u64,
    entries: u32,
    is_stuck: bool,
    refuses: bool,
    tracer: Tracer,
}

impl Fake {
    fn new() -> Self {
        Self {
            pool: DmaPool::new(64),
            status: Cell::new(0),
            features_sel: Cell::new(0),
            offered: feature::ALL,
            entries: 256,
            is_stuck: false,
            refuses: false,
            tracer: Tracer::none(),
        }
    }
}

impl Mmio for Fake {
    fn read32(&self, offset: usize) -> u32 {
        match offset {
            reg::MAGIC_VALUE => MAGIC,
            reg::VERSION => 2,
            reg::DEVICE_ID => 9,
            reg::STATUS => self.status.get(),
            reg::DEVICE_FEATURES => (self.offered >> (32 * self.features_sel.get())) as u32,
            reg::QUEUE_NUM_MAX => self.entries,
            _ => 0,
        }
    }

    fn write32(&self, offset: usize, value: u32) {
        match offset {
            reg::STATUS if value == 0 && self.is_stuck => self.status.set(status::DRIVER_OK),
            reg::STATUS => {
                let refused = self.refuses && value & status::DRIVER_OK != 0;
                self.status.set(value | if refused { status::NEEDS_RESET } else { 0 });
            }
            reg::DEVICE_FEATURES_SEL => self.features_sel.set(value),
            _ => {}
        }
    }
}

impl Platform for Fake {
    type Bar = Self;
    type Dma = PoolDma;

    fn bar(&self) -> &Self {
        self
    }

    fn dma_alloc(&self, pages: usize) -> Result<PoolDma, OutOfMemory> {
        self.pool.alloc(pages)
    }

    fn now(&self) -> Instant {
        Instant::BOOT
    }

    fn wait(&self, _vector: u16, _deadline: Instant) -> Wake {
        Wake::Deadline
    }

    fn tracer(&self) -> &Tracer {
        &self.tracer
    }
}

fn start(fake: Fake) -> Result<(), Error> {
    Transport::new(fake, 9)?.start()
}

#[test]
fn a_device_that_is_not_as_it_must_be_is_refused_with_the_reason() {
    assert_eq!(start(Fake::new()), Ok(()));
    assert_eq!(Transport::new(Fake::new(), 2).err(), Some(Error::NotThere));
    let offered = feature::ALL & !feature::NOTIFICATION_DATA;
    assert_eq!(start(Fake { offered, ..Fake::new() }), Err(Error::Features));
    assert_eq!(start(Fake { entries: 128, ..Fake::new() }), Err(Error::Queue));
    assert_eq!(start(Fake { is_stuck: true, ..Fake::new() }), Err(Error::Reset));
    assert_eq!(start(Fake { refuses: true, ..Fake::new() }), Err(Error::Refused));
}

fn buffer(size_bytes: u32) -> Buffer {
    Buffer { iova: hal::Iova(0x1000), size_bytes }
}

fn rings(pool: &Fake) -> Rings<PoolDma> {
    Rings::new(pool).unwrap()
}

fn answer(rings: &Rings<PoolDma>, place: u16, head: u32, written: u32) {
    let element = (u64::from(head) | u64::from(written) << 32).to_le_bytes();
    rings.used.write(4 + usize::from(place % ENTRIES) * 8, &element);
    rings.used.write(2, &place.wrapping_add(1).to_le_bytes());
}

#[test]
fn descriptors_come_back_however_often_the_indices_wrap() {
    let fake = Fake::new();
    let (rings, mut account) = (rings(&fake), Account::new());
    for round in 0..70_000_u32 {
        let token = account.publish(&rings, &[buffer(1); 3], &[buffer(8); 100]).unwrap();
        let mut available = [0; 2];
        let place = (round % u32::from(ENTRIES)) as usize;
        rings.available.read(4 + place * 2, &mut available);
        answer(&rings, round as u16, u16::from_le_bytes(available).into(), 5);
        let used = account.reap(&rings).unwrap().unwrap();
        assert_eq!((used.token, used.written_bytes), (token, 5));
        assert_eq!(account.reap(&rings), Ok(None));
    }
    assert_eq!(account.publish(&rings, &[buffer(1); 300], &[]), None, "more than there are");
    assert!(account.publish(&rings, &[buffer(1); 256], &[]).is_some(), "all are free");
    assert_eq!(account.publish(&rings, &[buffer(1)], &[]), None, "none is free");
}

#[test]
fn what_the_device_cannot_mean_is_broken() {
    let fake = Fake::new();
    for (head, written, place) in
        [(7, 0, 0), (1 << 16, 0, 0), (u32::MAX, 0, 0), (0, 9, 0), (0, 0, 1)]
    {
        let (rings, mut account) = (rings(&fake), Account::new());
        account.publish(&rings, &[buffer(1)], &[buffer(8)]).unwrap();
        // The first head is 1: descriptors are taken from the last buffer to the first.
        let head = if head == 0 { 1 } else { head };
        answer(&rings, place, head, written);
        assert!(account.reap(&rings).is_err(), "head {head}, {written} bytes, place {place}");
    }
}

proptest! {
    #[test]
    fn no_used_ring_panics_the_driver_or_gives_a_chain_back_twice(
        elements in prop::collection::vec((0_u32..300, 0_u32..20), 0..40),
        index: u16,
        is_honest: bool,
    ) {
        let fake = Fake::new();
        let (rings, mut account) = (rings(&fake), Account::new());
        let mut out: Vec<_> = (0..4)
            .map(|_| account.publish(&rings, &[buffer(1)], &[buffer(8)]).unwrap())
            .collect();
        for (place, (head, written)) in (0_u16..).zip(&elements) {
            answer(&rings, place, *head, *written);
        }
        let index = if is_honest { elements.len() as u16 } else { index };
        rings.used.write(2, &index.to_le_bytes());
        while let Ok(Some(used)) = account.reap(&rings) {
            let place = out.iter().position(|token| *token == used.token);
            prop_assert!(place.is_some() && used.written_bytes <= 8);
            out.swap_remove(place.unwrap());
        }
    }
}
