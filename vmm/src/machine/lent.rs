//! The devices, which an attended run lends to its attendant.

use std::ops::{Deref, DerefMut};

use crate::devices::Devices;

/// Devices that are here but for the time of an attended run.
#[derive(Debug)]
pub(super) struct Lendable(Option<Box<Devices>>);

const LENT: &str = "the devices are back when a run is over";

impl Lendable {
    pub(super) fn new(devices: Devices) -> Self {
        Self(Some(Box::new(devices)))
    }

    /// Lends them.
    ///
    /// # Panics
    /// If they are lent: a bug of ours, as is any use of them then.
    pub(super) fn lend(&mut self) -> Box<Devices> {
        self.0.take().expect(LENT)
    }

    /// Has them back.
    pub(super) fn take_back(&mut self, devices: Box<Devices>) {
        self.0 = Some(devices);
    }
}

impl Deref for Lendable {
    type Target = Devices;

    fn deref(&self) -> &Devices {
        self.0.as_deref().expect(LENT)
    }
}

impl DerefMut for Lendable {
    fn deref_mut(&mut self) -> &mut Devices {
        self.0.as_deref_mut().expect(LENT)
    }
}
