//! Who watches a machine.

/// Sees what a machine says while it runs, in the one order in which it happened.
///
/// In the lab clock the console's transmit queue is emptied at every exit before the exit itself is
/// handled, so whatever the guest reported before it touched a device is seen before what the device
/// then did. It is told by the CPU's thread alone, though it may be told later what happened without an exit.
pub trait MachineObserver {
    /// Bytes that the guest wrote to its console.
    fn console(&mut self, now_ns: u64, bytes: &[u8]);

    /// Whether it wants to know what happens inside the devices. While it does not, that need not be kept.
    fn watches_devices(&self) -> bool {
        true
    }

    /// Something happened inside the NVMe controller.
    fn controller_event(&mut self, now_ns: u64, event: &nvme_model::Event);

    /// Something happened inside the file server.
    fn server_event(&mut self, now_ns: u64, event: &file_server::Event) {
        let _ = (now_ns, event);
    }

    /// Bytes that the guest wrote to the debug port: early output or a panic message.
    fn debug_console(&mut self, now_ns: u64, bytes: &[u8]) {
        let _ = (now_ns, bytes);
    }

    /// The guest reached a boot stage (`machine::ports::STAGE_*`).
    fn boot_stage(&mut self, now_ns: u64, stage: u32) {
        let _ = (now_ns, stage);
    }
}

/// Watches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoObserver;

impl MachineObserver for NoObserver {
    fn console(&mut self, _now_ns: u64, _bytes: &[u8]) {}

    fn watches_devices(&self) -> bool {
        false
    }

    fn controller_event(&mut self, _now_ns: u64, _event: &nvme_model::Event) {}
}
