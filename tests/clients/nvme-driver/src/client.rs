//! The operating system that the driver wants around it: requests in, interrupts delivered, completed
//! requests out.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dma_api::{CpuDmaBuffer, DmaDirection};
use outside_nvme_driver::{Config, Nvme, NvmeBlockDriver, NvmeIntxSource};
use rdif_block::{
    BatchSubmitDisposition, BlkError, BlockController, CompletedRequest, CompletionSink,
    ControllerEvent, ControllerState, ControllerUpdate, DeviceInfo, HardIrqHandler, HardwareQueue,
    IrqEndpoint, OwnedRequest, OwnedRequestBatch, RequestFlags, RequestId, RequestOp,
    SubmissionSink,
};

use crate::hardware::{MMIO, device_dma};
use crate::machine::Machine;

const PAGE_BYTES: usize = 4096;
/// How long an interrupt is waited for before the caller is told that none comes. The driver has no
/// time-outs of its own.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a register transition is looked at again.
const RETRIES_MAX: u32 = 1_000_000;

/// How the controller interrupts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupts {
    /// MSI-X: vector 0 for the admin queue, one more for each I/O queue.
    MsiX {
        /// I/O queues.
        queues: u16,
    },
    /// The one pin, with the controller's mask register, and one I/O queue.
    IntX,
}

impl Interrupts {
    fn config(self) -> Config {
        match self {
            Self::IntX => Config::intx(PAGE_BYTES),
            Self::MsiX { queues } => {
                let vectors: Vec<u16> = (0..=queues).collect();
                Config::msix(PAGE_BYTES, vectors).expect("an admin vector and an I/O vector")
            }
        }
    }
}

/// The pin, as the controller last drove it.
#[derive(Clone, Debug, Default)]
struct Pin(Arc<AtomicBool>);

impl NvmeIntxSource for Pin {
    fn is_asserted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A request that has ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Done {
    /// How.
    pub result: Result<(), BlkError>,
    /// The buffer's bytes; empty for a flush.
    pub data: Vec<u8>,
}

#[derive(Default)]
struct Ended(BTreeMap<RequestId, Done>);

impl CompletionSink for Ended {
    fn complete(&mut self, request: CompletedRequest) {
        let bytes = |data: &dma_api::CompletedDma| {
            let mut bytes = vec![0; data.len().get()];
            data.copy_to_slice_cpu(&mut bytes);
            bytes
        };
        let data = request.data.as_ref().map(bytes).unwrap_or_default();
        let before = self.0.insert(request.id, Done { result: request.result, data });
        assert!(before.is_none(), "request {:?} ended twice", request.id);
    }
}

#[derive(Default)]
struct Accepted(Vec<RequestId>);

impl SubmissionSink for Accepted {
    fn accepted(&mut self, id: RequestId) {
        self.0.push(id);
    }
}

/// An interrupt source with its handler.
struct Source {
    id: usize,
    handler: Box<dyn HardIrqHandler>,
}

impl Source {
    fn new(endpoint: IrqEndpoint) -> Self {
        Self { id: endpoint.source_id(), handler: endpoint.into_handler() }
    }
}

struct Queue {
    hardware: Box<dyn HardwareQueue>,
    source: Source,
    ended: Ended,
}

/// A started driver.
pub struct Client<'a> {
    queues: Vec<Queue>,
    driver: NvmeBlockDriver,
    pin: Pin,
    info: DeviceInfo,
    machine: &'a Machine,
}

impl<'a> Client<'a> {
    /// Starts the driver on the machine's controller.
    ///
    /// # Errors
    /// What the driver says, or [`BlkError::TimedOut`] when it waits for something that never comes.
    pub fn start(machine: &'a Machine, interrupts: Interrupts) -> Result<Self, BlkError> {
        let (bar, dma) = (machine.bar(), device_dma());
        let nvme = Nvme::new(bar.address(), bar.size_bytes(), dma, &MMIO, interrupts.config());
        let nvme = nvme.map_err(|_| BlkError::Other("the driver refuses the controller"))?;
        let pin = Pin::default();
        let mut driver = NvmeBlockDriver::from_nvme(nvme).with_intx_source(pin.clone());
        let target_queues = driver.max_io_queues();
        let mut update = driver.advance(ControllerEvent::Start { target_queues })?;
        let admin = update.take_irq_endpoints().pop().expect("an endpoint for the admin queue");
        let mut admin = Source::new(admin);
        // Sources are masked until their handler is in place.
        driver.advance(ControllerEvent::Rearm { source_id: admin.id })?;
        for _ in 0..RETRIES_MAX {
            match update.controller_state() {
                ControllerState::RegisterPending { retry_after } => {
                    machine.sleep(retry_after);
                    update = driver.advance(ControllerEvent::RegisterRetry)?;
                }
                ControllerState::WaitingForIrq => {
                    let (ack, is_masked) = interrupt(machine, &pin, &mut admin)?;
                    update = driver.advance(ControllerEvent::Irq(ack))?;
                    if is_masked {
                        driver.advance(ControllerEvent::Rearm { source_id: admin.id })?;
                    }
                }
                ControllerState::Ready => {
                    return Self::ready(machine, driver, pin, update);
                }
                ControllerState::Shutdown => return Err(BlkError::Io),
            }
        }
        Err(BlkError::TimedOut)
    }

    fn ready(
        machine: &'a Machine,
        mut driver: NvmeBlockDriver,
        pin: Pin,
        mut update: ControllerUpdate,
    ) -> Result<Self, BlkError> {
        let info = update.take_device_info().expect("a ready controller has a namespace");
        let endpoints = update.take_irq_endpoints();
        let mut queues = Vec::new();
        for (hardware, endpoint) in update.take_queues().into_iter().zip(endpoints) {
            let source = Source::new(endpoint);
            driver.advance(ControllerEvent::Rearm { source_id: source.id })?;
            queues.push(Queue { hardware, source, ended: Ended::default() });
        }
        Ok(Self { queues, driver, pin, info, machine })
    }

    /// Queues that were created.
    #[must_use]
    pub fn queue_count(&self) -> usize {
        self.queues.len()
    }

    /// The namespace: how many blocks, of how many bytes.
    #[must_use]
    pub fn geometry(&self) -> (u64, usize) {
        (self.info.num_blocks, self.info.logical_block_size)
    }

    /// The most blocks of a request, and the most requests in flight in a queue.
    #[must_use]
    pub fn limits(&self) -> (u32, usize) {
        let limits = self.queues[0].hardware.info().limits;
        (limits.max_blocks_per_request, limits.max_inflight)
    }

    /// A request that writes these bytes.
    #[must_use]
    pub fn write(&self, lba: u64, bytes: &[u8]) -> OwnedRequest {
        self.transfer(RequestOp::Write, lba, bytes, DmaDirection::ToDevice)
    }

    /// A request that reads so many blocks.
    #[must_use]
    pub fn read(&self, lba: u64, blocks: usize) -> OwnedRequest {
        let filler = vec![0xee; blocks * self.info.logical_block_size];
        self.transfer(RequestOp::Read, lba, &filler, DmaDirection::FromDevice)
    }

    /// A request that flushes.
    #[must_use]
    pub fn flush() -> OwnedRequest {
        let (op, flags) = (RequestOp::Flush, RequestFlags::NONE);
        OwnedRequest { op, lba: 0, block_count: 0, data: None, flags }
    }

    fn transfer(&self, op: RequestOp, lba: u64, bytes: &[u8], to: DmaDirection) -> OwnedRequest {
        let length = NonZeroUsize::new(bytes.len()).expect("a request has blocks");
        let buffer = CpuDmaBuffer::new_zero(&device_dma(), length, PAGE_BYTES, to);
        let mut buffer = buffer.expect("memory for a buffer");
        buffer.copy_from_slice_cpu(bytes);
        let blocks = bytes.len() / self.info.logical_block_size;
        let block_count = u32::try_from(blocks).expect("a request has few blocks");
        let data = Some(buffer.prepare_for_device());
        OwnedRequest { op, lba, block_count, data, flags: RequestFlags::NONE }
    }

    /// Hands requests to a queue with one doorbell; returns their names in the queue.
    ///
    /// # Panics
    /// If the queue refuses one.
    pub fn submit(&mut self, queue: usize, requests: Vec<OwnedRequest>) -> Vec<RequestId> {
        let mut batch: OwnedRequestBatch = requests.into_iter().collect();
        let mut accepted = Accepted::default();
        let hardware = &mut self.queues[queue].hardware;
        let result = hardware.submit_batch_owned(&mut batch, &mut accepted);
        assert_eq!(result.disposition(), BatchSubmitDisposition::Continue);
        hardware.commit_submissions().expect("a doorbell");
        assert!(batch.is_empty(), "{} requests left over", batch.len());
        accepted.0
    }

    /// Waits until this request of the queue has ended.
    ///
    /// # Errors
    /// [`BlkError::TimedOut`] if no interrupt comes; otherwise that the driver has given the queue up.
    pub fn wait(&mut self, queue: usize, id: RequestId) -> Result<Done, BlkError> {
        let queue = &mut self.queues[queue];
        loop {
            if let Some(done) = queue.ended.0.remove(&id) {
                return Ok(done);
            }
            let (_, is_masked) = interrupt(self.machine, &self.pin, &mut queue.source)?;
            let drained = queue.hardware.drain_completions(&mut queue.ended);
            self.pin.0.store(self.machine.is_pin_asserted(), Ordering::Relaxed);
            drained?;
            if is_masked {
                self.driver.advance(ControllerEvent::Rearm { source_id: queue.source.id })?;
            }
        }
    }

    /// Looks for completions although no interrupt came; returns how many requests have ended.
    ///
    /// # Errors
    /// That the driver has given the queue up.
    pub fn poll(&mut self, queue: usize) -> Result<usize, BlkError> {
        let queue = &mut self.queues[queue];
        queue.hardware.drain_completions(&mut queue.ended)?;
        Ok(queue.ended.0.len())
    }

    /// One request, from submission to its end.
    ///
    /// # Errors
    /// As [`Client::wait`].
    pub fn execute(&mut self, queue: usize, request: OwnedRequest) -> Result<Done, BlkError> {
        let ids = self.submit(queue, vec![request]);
        self.wait(queue, ids[0])
    }

    /// Stops the controller; the time-out is the caller's, as everywhere.
    ///
    /// # Errors
    /// [`BlkError::TimedOut`] if the controller stays ready.
    pub fn shut_down(mut self) -> Result<(), BlkError> {
        let mut update = self.driver.advance(ControllerEvent::Shutdown)?;
        for _ in 0..1000 {
            match update.controller_state() {
                ControllerState::RegisterPending { retry_after } => {
                    self.machine.sleep(retry_after);
                    update = self.driver.advance(ControllerEvent::RegisterRetry)?;
                }
                _ => return Ok(()),
            }
        }
        Err(BlkError::TimedOut)
    }
}

impl fmt::Debug for Client<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("info", &self.info).finish_non_exhaustive()
    }
}

/// Waits for a source's interrupt and lets its handler acknowledge it; says whether the source stays
/// masked until it is armed again.
fn interrupt(
    machine: &Machine,
    pin: &Pin,
    source: &mut Source,
) -> Result<(rdif_block::ControlEvent, bool), BlkError> {
    let vector = u16::try_from(source.id).expect("a vector number");
    if !machine.wait(vector, PATIENCE) {
        return Err(BlkError::TimedOut);
    }
    pin.0.store(machine.is_pin_asserted(), Ordering::Relaxed);
    let ack = source.handler.ack();
    assert!(!ack.is_spurious(), "an interrupt that its handler does not know");
    let is_masked = ack.disposition() == rdif_block::IrqDisposition::MaskedNeedsRearm;
    Ok((ack.control_event(), is_masked))
}
