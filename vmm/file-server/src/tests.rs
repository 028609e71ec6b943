//! The device and the server behind it, used by a driver in miniature, and by ones that write anything anywhere.

use std::cell::RefCell;

use nvme_model::{BadAddress, GuestMemory, IrqSink};
use p9_wire::virtio::{desc, feature, reg, status};
use p9_wire::{MESSAGE_BYTES_MAX, NO_FID, Reply, Request, VERSION};
use proptest::prelude::*;

use crate::{Event, FileServer, Ports, ServerConfig, ServerPlan};

const MEMORY_BYTES: usize = 64 << 10;
const ENTRIES: u16 = 8;
const TABLE: u64 = 0x1000;
const AVAILABLE: u64 = 0x2000;
const USED: u64 = 0x3000;
const REQUEST: u64 = 0x4000;
const REPLY: u64 = 0x5000;

struct Ram(RefCell<Vec<u8>>);

impl GuestMemory for Ram {
    fn read(&self, address: u64, dst: &mut [u8]) -> Result<(), BadAddress> {
        let memory = self.0.borrow();
        let at = usize::try_from(address).map_err(|_| BadAddress { address })?;
        let end = at.checked_add(dst.len()).ok_or(BadAddress { address })?;
        dst.copy_from_slice(memory.get(at..end).ok_or(BadAddress { address })?);
        Ok(())
    }

    fn write(&self, address: u64, src: &[u8]) -> Result<(), BadAddress> {
        let mut memory = self.0.borrow_mut();
        let at = usize::try_from(address).map_err(|_| BadAddress { address })?;
        let end = at.checked_add(src.len()).ok_or(BadAddress { address })?;
        memory.get_mut(at..end).ok_or(BadAddress { address })?.copy_from_slice(src);
        Ok(())
    }
}

#[derive(Default)]
struct Wire(usize);

impl IrqSink for Wire {
    fn signal(&mut self, _vector: u16) {
        self.0 += 1;
    }
}

struct Driver {
    server: FileServer,
    ram: Ram,
    wire: Wire,
    events: Vec<(u64, Event)>,
    now_ns: u64,
    sent: u16,
}

impl Driver {
    fn new(rules: &[&str]) -> Self {
        let rules = rules.iter().map(|line| line.parse().expect("a rule")).collect();
        let plan = ServerPlan { seed: 1, rules };
        Self {
            server: FileServer::new(ServerConfig::default(), plan),
            ram: Ram(RefCell::new(vec![0; MEMORY_BYTES])),
            wire: Wire::default(),
            events: Vec::new(),
            now_ns: 0,
            sent: 0,
        }
    }

    fn write(&mut self, offset: usize, value: u32) {
        let mut ports =
            Ports { memory: &self.ram, irq: &mut self.wire, observer: &mut self.events };
        self.server.mmio_write(self.now_ns, offset as u64, &value.to_le_bytes(), &mut ports);
    }

    fn read(&self, offset: usize) -> u32 {
        let mut data = [0; 4];
        self.server.mmio_read(offset as u64, &mut data);
        u32::from_le_bytes(data)
    }

    fn start(&mut self, features: u64) {
        self.write(reg::STATUS, status::ACKNOWLEDGE | status::DRIVER);
        for half in 0..2 {
            self.write(reg::DRIVER_FEATURES_SEL, half);
            self.write(reg::DRIVER_FEATURES, (features >> (32 * half)) as u32);
        }
        self.write(reg::STATUS, status::FEATURES_OK);
        self.write(reg::QUEUE_NUM, ENTRIES.into());
        for (at, ring) in
            [(reg::QUEUE_DESC, TABLE), (reg::QUEUE_DRIVER, AVAILABLE), (reg::QUEUE_DEVICE, USED)]
        {
            self.write(at, ring as u32);
            self.write(at + 4, (ring >> 32) as u32);
        }
        self.write(reg::QUEUE_READY, 1);
        self.write(reg::STATUS, status::DRIVER_OK);
    }

    fn describe(&self, index: u64, address: u64, size: u32, flags: u16, next: u16) {
        let mut bytes = address.to_le_bytes().to_vec();
        bytes.extend(size.to_le_bytes());
        bytes.extend(flags.to_le_bytes());
        bytes.extend(next.to_le_bytes());
        self.ram.write(TABLE + index * 16, &bytes).expect("memory");
    }

    fn notify(&mut self, head: u16) {
        let slot = u64::from(self.sent % ENTRIES);
        self.ram.write(AVAILABLE + 4 + slot * 2, &head.to_le_bytes()).expect("memory");
        self.sent = self.sent.wrapping_add(1);
        self.write(reg::QUEUE_NOTIFY, u32::from(self.sent) << 16);
    }

    fn pass(&mut self) {
        while let Some(at) = self.server.next_event() {
            self.now_ns = at;
            let mut ports =
                Ports { memory: &self.ram, irq: &mut self.wire, observer: &mut self.events };
            self.server.step(at, &mut ports);
        }
    }

    /// Sends a request with its data and gives the reply, if there is one.
    fn ask(&mut self, request: &Request<'_>, data: &[u8]) -> Option<Reply> {
        let mut message = [0; MESSAGE_BYTES_MAX];
        let bytes = request.encode(7, &mut message).expect("it fits");
        self.ram.write(REQUEST, &message[..bytes]).expect("memory");
        self.ram.write(REQUEST + bytes as u64, data).expect("memory");
        self.describe(0, REQUEST, (bytes + data.len()) as u32, desc::NEXT, 1);
        self.describe(1, REPLY, 4096, desc::WRITE, 0);
        let before = self.used();
        self.notify(0);
        self.pass();
        if self.used() == before {
            return None;
        }
        let mut message = [0; MESSAGE_BYTES_MAX];
        self.ram.read(REPLY, &mut message).expect("memory");
        let size = u32::from_le_bytes([message[0], message[1], message[2], message[3]]) as usize;
        Some(
            Reply::decode(&message[..size.min(11)], size)
                .or_else(|_| Reply::decode(&message[..size], size))
                .expect("a reply")
                .1,
        )
    }

    fn used(&self) -> u16 {
        let mut index = [0; 2];
        self.ram.read(USED + 2, &mut index).expect("memory");
        u16::from_le_bytes(index)
    }

    fn begin(&mut self) {
        self.start(feature::ALL);
        let version = Request::Version { msize: 8192 + 24, version: VERSION };
        assert!(matches!(self.ask(&version, &[]), Some(Reply::Version { is_known: true, .. })));
        let attach = Request::Attach { fid: 0, afid: NO_FID, uname: "root", aname: "", n_uname: 0 };
        assert!(matches!(self.ask(&attach, &[]), Some(Reply::Attach { .. })));
    }
}

fn error(reply: Option<Reply>) -> u32 {
    match reply {
        Some(Reply::Error { errno }) => errno,
        other => panic!("{other:?} instead of an error"),
    }
}

#[test]
fn a_session_begins_with_its_version_and_fids_are_the_clients() {
    let mut driver = Driver::new(&[]);
    driver.start(feature::ALL);
    assert_eq!(error(driver.ask(&Request::Statfs { fid: 0 }, &[])), crate::errno::EPROTO);
    let other = Request::Version { msize: 8192, version: "9P2000" };
    assert!(matches!(driver.ask(&other, &[]), Some(Reply::Version { is_known: false, .. })));
    driver.begin();
    assert_eq!(error(driver.ask(&Request::Clunk { fid: 5 }, &[])), crate::errno::EBADF);
    let create = Request::Lcreate { fid: 0, name: "f", flags: 2, mode: 0o600, gid: 0 };
    assert!(matches!(driver.ask(&create, &[]), Some(Reply::Lcreate { .. })));
    let write = Request::Write { fid: 0, offset: 3, count: 5 };
    assert_eq!(driver.ask(&write, b"hello"), Some(Reply::Write { count: 5 }));
    let read = Request::Read { fid: 0, offset: 0, count: 100 };
    assert_eq!(driver.ask(&read, &[]), Some(Reply::Read { count: 8 }));
    let mut data = [0; 8];
    driver.ram.read(REPLY + 11, &mut data).expect("memory");
    assert_eq!(&data, b"\0\0\0hello");
}

#[test]
fn a_driver_that_accepts_too_little_or_too_much_does_not_get_going() {
    for features in [0, feature::VERSION_1, feature::ALL | 1 << 5] {
        let mut driver = Driver::new(&[]);
        driver.start(features);
        assert_eq!(driver.read(reg::STATUS) & (status::FEATURES_OK | status::DRIVER_OK), 0);
    }
}

#[test]
fn a_lost_connection_is_a_wish_for_a_reset_until_the_server_is_back() {
    let mut driver = Driver::new(&["statfs nth=1 => disconnect=5us"]);
    driver.begin();
    assert_eq!(driver.ask(&Request::Statfs { fid: 0 }, &[]), None);
    assert_ne!(driver.read(reg::STATUS) & status::NEEDS_RESET, 0);
    driver.write(reg::STATUS, 0);
    driver.start(feature::ALL);
    assert_ne!(driver.read(reg::STATUS) & status::NEEDS_RESET, 0, "it is away");
    driver.now_ns += 5_000;
    driver.write(reg::STATUS, 0);
    assert_eq!(driver.read(reg::STATUS), 0);
    (driver.sent, driver.ram) = (0, Ram(RefCell::new(vec![0; MEMORY_BYTES])));
    driver.begin();
}

#[test]
fn an_answer_takes_time_and_its_interrupt_comes_with_it() {
    let mut driver = Driver::new(&[]);
    driver.start(feature::ALL);
    driver.describe(0, REQUEST, 3, desc::NEXT, 1);
    driver.describe(1, REPLY, 4096, desc::WRITE, 0);
    driver.notify(0);
    assert_eq!((driver.used(), driver.wire.0), (0, 0));
    driver.pass();
    assert_eq!((driver.used(), driver.wire.0), (1, 1), "even to what is no message");
    assert!(driver.events.iter().any(|(_, event)| matches!(event, Event::Malformed { bytes: 3 })));
    assert_eq!(driver.now_ns, 200_000);
}

proptest! {
    #[test]
    fn no_sequence_of_register_accesses_panics(
        accesses in prop::collection::vec((0_u64..0x140, any::<[u8; 8]>(), 0_usize..=8), 0..120),
    ) {
        let mut driver = Driver::new(&["any every=2 => drop-reply", "any every=5 => disconnect"]);
        for (offset, data, size) in accesses {
            let mut ports = Ports {
                memory: &driver.ram,
                irq: &mut driver.wire,
                observer: &mut driver.events,
            };
            driver.server.mmio_write(driver.now_ns, offset, &data[..size], &mut ports);
            driver.server.mmio_read(offset, &mut [0; 8][..size]);
        }
        driver.pass();
    }

    #[test]
    fn no_content_of_the_rings_panics_or_keeps_the_device_busy(
        descriptors in prop::collection::vec(
            (0_u64..0x12_0000, prop_oneof![Just(u32::MAX), 0_u32..0x2000], 0_u16..8, 0_u16..12), 8),
        heads in prop::collection::vec(0_u16..10, 8),
        until: u16,
        bytes in prop::collection::vec(any::<u8>(), 64),
        kind in prop::sample::select(&p9_wire::KINDS[..]),
    ) {
        let mut driver = Driver::new(&[]);
        driver.begin();
        driver.ram.write(REQUEST, &bytes).expect("memory");
        driver.ram.write(REQUEST + 4, &[kind]).expect("memory");
        for (index, (address, size, flags, next)) in (0..).zip(descriptors) {
            driver.describe(index, address, size, flags, next);
        }
        for (slot, head) in (0_u64..).zip(heads) {
            driver.ram.write(AVAILABLE + 4 + slot * 2, &head.to_le_bytes()).expect("memory");
        }
        for ahead in [until, until % 10] {
            driver.write(reg::QUEUE_NOTIFY, u32::from(driver.sent.wrapping_add(ahead)) << 16);
            driver.pass();
        }
        prop_assert!(driver.events.len() < 1000);
    }

    #[test]
    fn no_request_panics_the_server(
        requests in prop::collection::vec(
            (prop::sample::select(&p9_wire::KINDS[..]), prop::collection::vec(0_u8..4, 40)), 0..40),
    ) {
        let mut driver = Driver::new(&[]);
        driver.begin();
        for (kind, mut body) in requests {
            // A well-formed header, so that the fields are looked at.
            for size in [11_u32, 15, 19, 23] {
                body[..4].copy_from_slice(&size.to_le_bytes());
                body[4] = kind;
                driver.ram.write(REQUEST, &body).expect("memory");
                driver.describe(0, REQUEST, size, desc::NEXT, 1);
                driver.describe(1, REPLY, 4096, desc::WRITE, 0);
                driver.notify(0);
                driver.pass();
            }
        }
    }
}
