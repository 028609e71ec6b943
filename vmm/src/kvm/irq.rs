//! Message-signalled interrupts: one irqfd and one GSI route for every vector of every function.
//!
//! Routes are written to the kernel when a message is first delivered, not when the guest programs its
//! table: a guest writes a table entry in four pieces, and each route update costs 70 us. Nobody but
//! this router triggers the eventfds, so a stale route can never be used.

use std::sync::{Arc, Mutex, PoisonError};

use kvm_bindings::{
    KVM_IRQ_ROUTING_MSI, KvmIrqRouting, kvm_irq_routing_entry, kvm_irq_routing_msi,
};
use kvm_ioctls::VmFd;
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

use super::vm::IOAPIC_PINS;
use super::{Ram, Vm};
use crate::VmmError;
use crate::pci::{Line, MsiMessage, MsiSink};
use crate::raised::Raised;

#[derive(Debug, Default)]
struct Route {
    eventfd: Option<EventFd>,
    message: Option<MsiMessage>,
}

/// Delivers messages to the in-kernel local APIC, and notes which vectors were raised.
#[derive(Debug)]
pub(crate) struct MsiRouter {
    vm: Arc<VmFd>,
    _ram: Ram,
    routes: Mutex<Vec<Route>>,
    raised: Arc<Raised>,
}

impl MsiRouter {
    /// A router without routes; a line gets its own when it first raises.
    pub(crate) fn new(vm: &Vm, raised: Arc<Raised>) -> Self {
        let (vm, ram) = vm.parts();
        Self { vm, _ram: ram, routes: Mutex::default(), raised }
    }

    fn deliver(&self, line: Line, message: MsiMessage) -> Result<(), VmmError> {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let index = line.0 as usize;
        while routes.len() <= index {
            routes.push(Route::default());
        }
        if routes[index].message != Some(message) {
            routes[index].message = Some(message);
            self.write_routes(&routes)?;
        }
        let eventfd = match &mut routes[index].eventfd {
            Some(eventfd) => eventfd,
            empty => empty.insert(self.register(line)?),
        };
        eventfd.write(1).map_err(|source| VmmError::Host { what: "writing an irqfd", source })
    }

    fn register(&self, line: Line) -> Result<EventFd, VmmError> {
        let eventfd = EventFd::new(EFD_NONBLOCK)
            .map_err(|source| VmmError::Host { what: "creating an eventfd", source })?;
        self.vm
            .register_irqfd(&eventfd, IOAPIC_PINS + line.0)
            .map_err(|e| VmmError::host("KVM_IRQFD", e))?;
        Ok(eventfd)
    }

    fn write_routes(&self, routes: &[Route]) -> Result<(), VmmError> {
        let entries: Vec<_> = (IOAPIC_PINS..)
            .zip(routes)
            .filter_map(|(gsi, route)| Some(entry(gsi, route.message?)))
            .collect();
        let table = KvmIrqRouting::from_entries(&entries).map_err(|_| VmmError::Host {
            what: "building the GSI routing table",
            source: std::io::ErrorKind::OutOfMemory.into(),
        })?;
        self.vm.set_gsi_routing(&table).map_err(|e| VmmError::host("KVM_SET_GSI_ROUTING", e))
    }
}

impl MsiSink for MsiRouter {
    fn send(&self, line: Line, message: MsiMessage) {
        // A device has nobody to report this to; the guest's own time-out is what notices it.
        if !self.raised.is_announced_only()
            && let Err(error) = self.deliver(line, message)
        {
            log::error!("lost an interrupt: {error}");
            return;
        }
        self.raised.raise(message.vector());
    }
}

fn entry(gsi: u32, message: MsiMessage) -> kvm_irq_routing_entry {
    let mut entry = kvm_irq_routing_entry { gsi, type_: KVM_IRQ_ROUTING_MSI, ..Default::default() };
    let mut msi = kvm_irq_routing_msi { data: message.data, ..Default::default() };
    msi.address_lo = message.address as u32;
    msi.address_hi = (message.address >> 32) as u32;
    entry.u.msi = msi;
    entry
}
