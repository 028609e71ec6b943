//! A machine at the other end of a vfio-user socket: registers are messages, memory is a file that both have, an
//! interrupt is an eventfd. Time is the host's, as everywhere behind this socket.

use std::cell::{Cell, RefCell};
use std::os::fd::AsRawFd;
use std::path::Path;

use hal::{DmaBuf, Instant, Iova, Mmio, OutOfMemory, PAGE_BYTES, Platform, Tracer, Wake};
use vfio_bindings::bindings::vfio::{
    VFIO_IRQ_SET_ACTION_TRIGGER, VFIO_IRQ_SET_DATA_EVENTFD, VFIO_PCI_BAR0_REGION_INDEX,
    VFIO_PCI_CONFIG_REGION_INDEX, VFIO_PCI_MSIX_IRQ_INDEX,
};
use vfio_user::Client;
use vm_memory::{Bytes, FileOffset, GuestAddress, GuestMemoryMmap};
use vmm_sys_util::epoll::{ControlOperation, Epoll, EpollEvent, EventSet};
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

/// Where the guest's memory begins, and how large it is.
const MEMORY_BASE: u64 = 0x10_0000;
const MEMORY_BYTES: usize = 16 << 20;

/// Interrupt vectors that are listened to.
const VECTORS: usize = 4;

/// The command register, and what lets a function reach memory and send messages.
const COMMAND: u64 = 4;
const MEMORY_AND_BUS_MASTER: [u8; 2] = [0b110, 0];

/// Guest memory; clones are the same.
#[derive(Clone)]
struct Memory(GuestMemoryMmap);

/// What a driver sees of the machine.
pub(crate) struct Remote {
    registers: Registers,
    memory: Memory,
    next_page: Cell<usize>,
    eventfds: Vec<EventFd>,
    start: std::time::Instant,
    tracer: Tracer,
}

impl Remote {
    /// Connects, shares the memory, listens to the interrupts and enables the function.
    pub(crate) fn connect(socket: &Path) -> Self {
        let mut client = Client::new(socket).expect("a server");
        let file = tempfile::tempfile().expect("a file");
        file.set_len(MEMORY_BYTES as u64).expect("room");
        let fd = file.as_raw_fd();
        client.dma_map(0, MEMORY_BASE, MEMORY_BYTES as u64, fd).expect("shared");
        let range = (GuestAddress(MEMORY_BASE), MEMORY_BYTES, Some(FileOffset::new(file, 0)));
        let memory = GuestMemoryMmap::from_ranges_with_files([range]).expect("mapped");
        let eventfds = (0..VECTORS).map(|_| EventFd::new(EFD_NONBLOCK).expect("an eventfd"));
        let eventfds: Vec<EventFd> = eventfds.collect();
        let flags = VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_EVENTFD;
        for (vector, eventfd) in (0..).zip(&eventfds) {
            let fds = [eventfd.as_raw_fd()];
            client.set_irqs(VFIO_PCI_MSIX_IRQ_INDEX, flags, vector, 1, &fds).expect("a vector");
        }
        client
            .region_write(VFIO_PCI_CONFIG_REGION_INDEX, COMMAND, &MEMORY_AND_BUS_MASTER)
            .expect("configuration space");
        Self {
            registers: Registers(RefCell::new(client)),
            memory: Memory(memory),
            next_page: Cell::new(0),
            eventfds,
            start: std::time::Instant::now(),
            tracer: Tracer::none(),
        }
    }

    /// Takes the memory back that the controller uses.
    pub(crate) fn unshare_memory(&self) {
        self.registers
            .0
            .borrow_mut()
            .dma_unmap(MEMORY_BASE, MEMORY_BYTES as u64)
            .expect("unmapped");
    }
}

/// BAR 0, a message an access.
pub(crate) struct Registers(RefCell<Client>);

impl Mmio for Registers {
    fn read32(&self, offset: usize) -> u32 {
        let mut bytes = [0; 4];
        let mut client = self.0.borrow_mut();
        client
            .region_read(VFIO_PCI_BAR0_REGION_INDEX, offset as u64, &mut bytes)
            .expect("an answer");
        u32::from_le_bytes(bytes)
    }

    fn write32(&self, offset: usize, value: u32) {
        let mut client = self.0.borrow_mut();
        client
            .region_write(VFIO_PCI_BAR0_REGION_INDEX, offset as u64, &value.to_le_bytes())
            .expect("an answer");
    }
}

/// Pages of the shared memory. They are not used again: there is enough for a test.
pub(crate) struct Pages {
    memory: Memory,
    base: u64,
    size_bytes: usize,
}

impl Pages {
    fn at(&self, offset: usize, length: usize) -> GuestAddress {
        assert!(offset + length <= self.size_bytes, "{length} bytes at {offset} leave the buffer");
        GuestAddress(self.base + offset as u64)
    }
}

impl DmaBuf for Pages {
    fn iova(&self) -> Iova {
        Iova(self.base)
    }

    fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    fn read(&self, offset: usize, dst: &mut [u8]) {
        self.memory.0.read_slice(dst, self.at(offset, dst.len())).expect("memory");
    }

    fn write(&self, offset: usize, src: &[u8]) {
        self.memory.0.write_slice(src, self.at(offset, src.len())).expect("memory");
    }

    fn load_acquire_u32(&self, offset: usize) -> u32 {
        let order = std::sync::atomic::Ordering::Acquire;
        self.memory.0.load(self.at(offset, size_of::<u32>()), order).expect("memory")
    }
}

impl Platform for Remote {
    type Bar = Registers;
    type Dma = Pages;

    fn bar(&self) -> &Registers {
        &self.registers
    }

    fn dma_alloc(&self, pages: usize) -> Result<Pages, OutOfMemory> {
        let first = self.next_page.get();
        if first + pages > MEMORY_BYTES / PAGE_BYTES {
            return Err(OutOfMemory);
        }
        self.next_page.set(first + pages);
        let base = MEMORY_BASE + (first * PAGE_BYTES) as u64;
        Ok(Pages { memory: self.memory.clone(), base, size_bytes: pages * PAGE_BYTES })
    }

    fn now(&self) -> Instant {
        Instant::BOOT.after(self.start.elapsed())
    }

    fn wait(&self, vector: u16, deadline: Instant) -> Wake {
        let eventfd = &self.eventfds[usize::from(vector)];
        let epoll = Epoll::new().expect("a descriptor");
        let event = EpollEvent::new(EventSet::IN, 0);
        epoll.ctl(ControlOperation::Add, eventfd.as_raw_fd(), event).expect("watched");
        loop {
            if eventfd.read().is_ok() {
                return Wake::Interrupt;
            }
            let now = self.now();
            if now >= deadline {
                return Wake::Deadline;
            }
            let left_ms = (deadline - now).as_millis().saturating_add(1);
            let left_ms = i32::try_from(left_ms).unwrap_or(i32::MAX);
            let _ = epoll.wait(left_ms, &mut [EpollEvent::default()]).expect("a wait");
        }
    }

    fn tracer(&self) -> &Tracer {
        &self.tracer
    }
}
