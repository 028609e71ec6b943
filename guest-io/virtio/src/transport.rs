//! The device: its registers, how it is brought up, and how its driver waits.

use core::cell::RefCell;
use core::fmt;

use hal::{DmaBuf, Instant, Iova, Mmio, OutOfMemory, Platform, Wake};
use p9_wire::virtio::{MAGIC, feature, reg, status};

use crate::queue::{Account, Broken, Buffer, Token, Used};
use crate::rings::{ENTRIES, Rings};

/// The vector of queue and configuration changes.
const VECTOR: u16 = 0;

/// Why a device cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The registers are not those of a virtio 1 device of the kind that is wanted.
    NotThere,
    /// It does not offer, or take, what the driver needs.
    Features,
    /// Its queue has too few entries.
    Queue,
    /// It does not come to rest when it is reset: its buffers must never be used again.
    Reset,
    /// It asks for another reset: here, nobody answers at the other end.
    Refused,
    /// No memory for the rings.
    Memory(OutOfMemory),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotThere => f.write_str("no virtio device of this kind"),
            Self::Features => f.write_str("the virtio device lacks a feature"),
            Self::Queue => write!(f, "the virtio device has no queue of {ENTRIES} entries"),
            Self::Reset => f.write_str("the virtio device does not reset"),
            Self::Refused => f.write_str("the virtio device asks for a reset at once"),
            Self::Memory(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for Error {}

/// The device and its queue.
pub struct Transport<P: Platform> {
    platform: P,
    rings: Rings<P::Dma>,
    account: RefCell<Account>,
}

impl<P: Platform> Transport<P> {
    /// Looks for a device of kind `device_id` and takes memory for its queue. It is not started yet.
    ///
    /// # Errors
    /// [`Error::NotThere`], [`Error::Memory`].
    pub fn new(platform: P, device_id: u32) -> Result<Self, Error> {
        let bar = platform.bar();
        let found = [reg::MAGIC_VALUE, reg::VERSION, reg::DEVICE_ID].map(|at| bar.read32(at));
        if found != [MAGIC, 2, device_id] {
            return Err(Error::NotThere);
        }
        let rings = Rings::new(&platform).map_err(Error::Memory)?;
        Ok(Self { platform, rings, account: RefCell::new(Account::new()) })
    }

    /// Resets the device and brings it up. Every chain that was in flight is the driver's again, and no token
    /// of before means anything.
    ///
    /// # Errors
    /// [`Error`]; after [`Error::Reset`] the device may still write where it was told to.
    // Spec: VIRTIO-1.2 3.1.1 "Driver Requirements: Device Initialization"
    pub fn start(&self) -> Result<(), Error> {
        self.stop()?;
        let bar = self.platform.bar();
        let mut state = status::ACKNOWLEDGE | status::DRIVER;
        bar.write32(reg::STATUS, state);
        for half in 0..2 {
            bar.write32(reg::DEVICE_FEATURES_SEL, half);
            let wanted = (feature::ALL >> (32 * half)) as u32;
            if bar.read32(reg::DEVICE_FEATURES) & wanted != wanted {
                return Err(Error::Features);
            }
            bar.write32(reg::DRIVER_FEATURES_SEL, half);
            bar.write32(reg::DRIVER_FEATURES, wanted);
        }
        state |= status::FEATURES_OK;
        bar.write32(reg::STATUS, state);
        if bar.read32(reg::STATUS) & status::FEATURES_OK == 0 {
            return Err(Error::Features);
        }
        bar.write32(reg::QUEUE_SEL, 0);
        if bar.read32(reg::QUEUE_NUM_MAX) < u32::from(ENTRIES) {
            return Err(Error::Queue);
        }
        bar.write32(reg::QUEUE_NUM, u32::from(ENTRIES));
        self.write_address(reg::QUEUE_DESC, self.rings.table.iova());
        self.write_address(reg::QUEUE_DRIVER, self.rings.available.iova());
        self.write_address(reg::QUEUE_DEVICE, self.rings.used.iova());
        bar.write32(reg::QUEUE_READY, 1);
        bar.write32(reg::STATUS, state | status::DRIVER_OK);
        if self.needs_reset() { Err(Error::Refused) } else { Ok(()) }
    }

    /// Resets the device: it forgets the queue and lets go of every buffer.
    ///
    /// # Errors
    /// [`Error::Reset`]: the device may still write where it was told to.
    pub fn stop(&self) -> Result<(), Error> {
        let bar = self.platform.bar();
        bar.write32(reg::STATUS, 0);
        if bar.read32(reg::STATUS) != 0 {
            return Err(Error::Reset);
        }
        self.account.borrow_mut().clear();
        self.rings.clear();
        Ok(())
    }

    fn write_address(&self, offset: usize, Iova(address): Iova) {
        self.platform.bar().write64(offset, address);
    }

    /// Whether the device has given up: it asks for a reset, or is gone.
    pub fn needs_reset(&self) -> bool {
        // A device that is gone reads all ones.
        self.platform.bar().read32(reg::STATUS) & status::NEEDS_RESET != 0
    }

    /// Makes a chain available: first what the device reads, then what it writes; `None` if there is no room
    /// for so many buffers now.
    #[must_use]
    pub fn send(&self, readable: &[Buffer], writable: &[Buffer]) -> Option<Token> {
        let mut account = self.account.borrow_mut();
        let token = account.publish(&self.rings, readable, writable)?;
        // VIRTIO_F_NOTIFICATION_DATA: the upper half is the available index.
        self.platform.bar().write32(reg::QUEUE_NOTIFY, u32::from(account.published) << 16);
        Some(token)
    }

    /// The next chain that the device has used, if there is one.
    ///
    /// # Errors
    /// [`Broken`]: nothing more can be reaped until a reset.
    pub fn reap(&self) -> Result<Option<Used>, Broken> {
        self.account.borrow_mut().reap(&self.rings)
    }

    /// Lets time pass until the device has something to say, or until `deadline`.
    pub fn wait(&self, deadline: Instant) -> Wake {
        self.platform.wait(VECTOR, deadline)
    }

    /// The device is given up, and it could not be reset: cuts it off from memory.
    pub fn abandon(&self) {
        self.platform.stop_dma();
    }

    /// The machine that the device is in.
    pub fn platform(&self) -> &P {
        &self.platform
    }
}

impl<P: Platform> fmt::Debug for Transport<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("account", &self.account).finish_non_exhaustive()
    }
}
