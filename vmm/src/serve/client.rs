//! A client's messages, carried into the function.

use std::fs::File;
use std::io;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};

use nvme_model::Controller;
use vfio_bindings::bindings::vfio::{
    VFIO_IRQ_SET_ACTION_TRIGGER, VFIO_IRQ_SET_DATA_EVENTFD, VFIO_IRQ_SET_DATA_NONE,
    VFIO_PCI_ERR_IRQ_INDEX, VFIO_PCI_MSIX_IRQ_INDEX,
};
use vfio_user::{DmaMapFlags, DmaUnmapFlags, IrqInfo, ServerBackend, ServerRegion};

use super::SessionEnd;
use super::device::{Device, Shared, lock};
use super::eventfds::Eventfds;
use super::regions::{Region, interrupts, regions};
use super::windows::Windows;
use crate::controller_timer::Alarm;
use crate::devices::nvme::NvmeFunction;
use crate::pci::{Bar, Function, Line};

/// The longest access that a bus carries at once.
const ACCESS_BYTES_MAX: usize = 8;

/// Who answers the client.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) device: Shared,
    eventfds: Arc<Eventfds>,
    vectors: u16,
    bars: Vec<Bar>,
}

impl Client {
    /// Puts `controller` into a function that is not connected to anything yet.
    pub(super) fn new(controller: Controller, alarm: Arc<Alarm>, ends: Sender<SessionEnd>) -> Self {
        let eventfds = Arc::new(Eventfds::default());
        let vectors = controller.config().vectors;
        let sink = Arc::clone(&eventfds) as _;
        let function = NvmeFunction::new(controller, Windows::default(), Line(0), sink);
        let bars = function.config().bars().to_vec();
        let device = Device::new(function, alarm, ends);
        Self { device: Arc::new(Mutex::new(device)), eventfds, vectors, bars }
    }

    /// What the client is told of regions.
    pub(super) fn regions(&self) -> Vec<ServerRegion> {
        regions(&self.bars)
    }

    /// What the client is told of interrupts.
    pub(super) fn interrupts(&self) -> Vec<IrqInfo> {
        interrupts(self.vectors)
    }

    /// The client has gone.
    pub(super) fn hang_up(&mut self) {
        lock(&self.device).hang_up(self.vectors);
        (0..self.vectors).for_each(|vector| self.eventfds.set(vector, None));
    }

    /// Checks that `length` bytes from `offset` on lie in `region`.
    fn check(&self, index: u32, offset: u64, length: usize) -> io::Result<Region> {
        let region = Region::from_index(index).ok_or_else(|| invalid("no such region"))?;
        let size = region.size_bytes(&self.bars);
        let end = offset.checked_add(length as u64);
        if end.is_none_or(|end| end > size) {
            return Err(invalid("outside of the region"));
        }
        Ok(region)
    }

    /// Connects the vectors from `start` on; one without a descriptor is not listened to any more.
    fn connect(&self, start: u32, count: u32, fds: Vec<File>) -> io::Result<()> {
        let end = start.checked_add(count).filter(|end| *end <= u32::from(self.vectors));
        let end = end.ok_or_else(|| invalid("no such vector"))?;
        let mut fds = fds.into_iter();
        lock(&self.device).access(|function| {
            for vector in (start..end).filter_map(|vector| u16::try_from(vector).ok()) {
                let eventfd = fds.next();
                let is_heard = eventfd.is_some();
                self.eventfds.set(vector, eventfd);
                function.msix_mut().listen(vector, is_heard);
            }
        })
    }
}

impl ServerBackend for Client {
    fn region_read(&mut self, region: u32, offset: u64, data: &mut [u8]) -> io::Result<()> {
        let region = self.check(region, offset, data.len())?;
        let read = lock(&self.device).access(|function| match region {
            Region::Config => function.config_read(offset as usize, data),
            Region::Bar(bar) => {
                for (at, chunk) in
                    (offset..).step_by(ACCESS_BYTES_MAX).zip(data.chunks_mut(ACCESS_BYTES_MAX))
                {
                    function.bar_read(bar, at, chunk);
                }
            }
        });
        // Where nobody answers, the bus reads as ones.
        read.unwrap_or_else(|_| data.fill(0xff));
        Ok(())
    }

    fn region_write(&mut self, region: u32, offset: u64, data: &[u8]) -> io::Result<()> {
        let region = self.check(region, offset, data.len())?;
        let written = lock(&self.device).access(|function| match region {
            Region::Config => function.config_write(offset as usize, data),
            Region::Bar(bar) => {
                for (at, chunk) in
                    (offset..).step_by(ACCESS_BYTES_MAX).zip(data.chunks(ACCESS_BYTES_MAX))
                {
                    function.bar_write(bar, at, chunk);
                }
            }
        });
        // Where nobody answers, a write is lost.
        written.unwrap_or(());
        Ok(())
    }

    fn dma_map(
        &mut self,
        flags: DmaMapFlags,
        offset: u64,
        address: u64,
        size: u64,
        fd: Option<File>,
    ) -> io::Result<()> {
        let Some(file) = fd else {
            log::debug!("{size:#x} bytes at {address:#x} of the client's guest cannot be reached");
            return Ok(());
        };
        let mut device = lock(&self.device);
        device.access(|function| function.memory_mut().map(flags, file, offset, address, size))?
    }

    fn dma_unmap(&mut self, flags: DmaUnmapFlags, address: u64, size: u64) -> io::Result<()> {
        let mut device = lock(&self.device);
        device.access(|function| {
            if flags.contains(DmaUnmapFlags::UNMAP_ALL) {
                function.memory_mut().clear();
                return Ok(());
            }
            function.memory_mut().unmap(address, size)
        })?
    }

    fn reset(&mut self) -> io::Result<()> {
        lock(&self.device).access(|function| function.function_level_reset())
    }

    fn set_irqs(
        &mut self,
        index: u32,
        flags: u32,
        start: u32,
        count: u32,
        fds: Vec<File>,
    ) -> io::Result<()> {
        const TRIGGER_EVENTFD: u32 = VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_EVENTFD;
        const TRIGGER_NONE: u32 = VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_NONE;
        match (index, flags) {
            (VFIO_PCI_MSIX_IRQ_INDEX, TRIGGER_EVENTFD) => self.connect(start, count, fds),
            // None of them is what disables all.
            (VFIO_PCI_MSIX_IRQ_INDEX, TRIGGER_NONE) if count == 0 => {
                self.connect(0, u32::from(self.vectors), Vec::new())
            }
            (VFIO_PCI_MSIX_IRQ_INDEX, TRIGGER_NONE) => {
                let vectors = start..start.saturating_add(count).min(u32::from(self.vectors));
                vectors
                    .filter_map(|vector| vector.try_into().ok())
                    .for_each(|one| self.eventfds.raise(one));
                Ok(())
            }
            // No error is reported like this; whoever wants to hear of them hears nothing.
            (VFIO_PCI_ERR_IRQ_INDEX, _) => Ok(()),
            _ if count == 0 => Ok(()),
            _ => Err(invalid("the function has no such interrupt")),
        }
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}
