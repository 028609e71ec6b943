//! Everything that talks to the kernel: the one place of this crate with `unsafe`.
//!
//! What it does not do: it knows no device, no PCI and no boot protocol. It offers guest memory, one
//! virtual CPU whose registers can be set and read back, message-signalled interrupts, and a way to
//! kick the CPU out of the guest.

mod capabilities;
mod irq;
mod kick;
mod memory;
mod reset;
mod streaming;
mod vcpu;
mod vm;
mod warm;

pub use capabilities::check_host;
pub(crate) use irq::MsiRouter;
pub(crate) use kick::Kicker;
pub(crate) use memory::Ram;
pub(crate) use vcpu::Vcpu;
pub(crate) use vm::Vm;
pub(crate) use warm::SpecialRegisters;
