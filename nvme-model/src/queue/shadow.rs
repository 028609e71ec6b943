//! Shadow doorbells: a page of the host's memory with the doorbells of the I/O queues, and one with the
//! values at whose passing the controller wants the real doorbell to be rung (EventIdx).
//!
//! Nothing in the pages is trusted: a value goes the way of a doorbell write, with the same checks. The
//! admin queue has no shadow.
// Spec: NVMe-Base-2.0c 5.8 "Doorbell Buffer Config command"

use nvme_spec::register::{DOORBELLS, Doorbell};

use super::{Objection, distance, is_behind};
use crate::{BadAddress, GuestMemory};

/// Where the two pages are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShadowDoorbells {
    values: u64,
    events: u64,
    page_bytes: u64,
    dstrd: u64,
}

impl ShadowDoorbells {
    /// Takes two page-aligned addresses into use.
    ///
    /// # Errors
    /// [`BadAddress`] if a page is not memory.
    pub(crate) fn new(
        memory: &dyn GuestMemory,
        values: u64,
        events: u64,
        page_bytes: u64,
        dstrd: u8,
    ) -> Result<Self, BadAddress> {
        let last = page_bytes.saturating_sub(4);
        for page in [values, events] {
            for offset in [0, last] {
                let address = page.checked_add(offset).ok_or(BadAddress { address: page })?;
                memory.read(address, &mut [0; 4])?;
            }
        }
        Ok(Self { values, events, page_bytes, dstrd: dstrd.into() })
    }

    /// The value of a doorbell; `None` if it has no place in the page, or the page is gone.
    fn value(&self, memory: &dyn GuestMemory, bell: Doorbell) -> Option<u32> {
        let mut bytes = [0; 4];
        memory.read(self.values.checked_add(self.offset(bell)?)?, &mut bytes).ok()?;
        Some(u32::from_le_bytes(bytes))
    }

    /// Says at whose passing the real doorbell is to be rung. A page that is gone keeps nobody from
    /// ringing it.
    fn set_event(&self, memory: &dyn GuestMemory, bell: Doorbell, value: u32) {
        let address = self.offset(bell).and_then(|offset| self.events.checked_add(offset));
        let written = address.map(|address| memory.write(address, &value.to_le_bytes()));
        if !matches!(written, Some(Ok(()))) {
            log::debug!("no EventIdx for {bell:?}");
        }
    }

    /// Whether this doorbell has a place in the page.
    pub(crate) fn has(&self, bell: Doorbell) -> bool {
        self.offset(bell).is_some()
    }

    /// The place of a doorbell, if it has one: the pages hold the doorbells in the registers' order.
    fn offset(&self, bell: Doorbell) -> Option<u64> {
        let offset = bell.offset(self.dstrd).checked_sub(DOORBELLS)?;
        (offset.checked_add(4)? <= self.page_bytes).then_some(offset)
    }
}

/// What a queue remembers of its shadow doorbell.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mirror {
    /// The value that made no sense, so that it is not found again for ever.
    refused: Option<u32>,
    /// The EventIdx that the host was told.
    event: Option<u32>,
    /// The register's value, until the shadow was looked at: it has to be there, too.
    rung: Option<u32>,
}

/// What was found in a shadow doorbell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct News {
    pub(crate) value: u32,
    /// The host changed it since it was looked at.
    pub(crate) is_new: bool,
    /// The host rang the real doorbell further on than this.
    pub(crate) is_behind_register: bool,
}

/// A queue with a doorbell.
pub(crate) trait Bell {
    /// Takes a doorbell's value, or says what is wrong with it.
    fn ring(&mut self, index: u32) -> Result<(), Objection>;

    /// The value that was taken last.
    fn rung_at(&self) -> u32;

    /// Entries of the ring.
    fn size(&self) -> u32;

    fn mirror(&mut self) -> &mut Mirror;

    /// Takes the real doorbell's value although there is a shadow. It only says that there is news: one
    /// that the shadow has passed comes late, which is no mistake and no news.
    fn ring_beside_shadow(&mut self, index: u32) -> Result<(), Objection> {
        if is_behind(index, self.rung_at(), self.size()) {
            return Ok(());
        }
        self.ring(index)?;
        self.mirror().rung = Some(index);
        Ok(())
    }

    /// What is in the shadow, if there is something to say about it.
    fn news(
        &mut self,
        shadow: &ShadowDoorbells,
        memory: &dyn GuestMemory,
        bell: Doorbell,
    ) -> Option<News> {
        let value = shadow.value(memory, bell)?;
        let (size, rung_at) = (self.size(), self.rung_at());
        let mirror = self.mirror();
        let is_new = value != rung_at && mirror.refused != Some(value);
        let is_behind_register =
            mirror.rung.take().is_some_and(|rung| is_behind(value, rung, size));
        (is_new || is_behind_register).then_some(News { value, is_new, is_behind_register })
    }

    /// Takes the shadow's value; one that makes no sense is remembered.
    fn ring_shadow(&mut self, value: u32) -> Result<(), Objection> {
        let result = self.ring(value);
        let is_refused = result.is_err_and(|objection| objection.is_refused);
        self.mirror().refused = is_refused.then_some(value);
        result
    }

    /// Says when the real doorbell is to be rung: at the next step, or, while somebody polls, as late as
    /// possible. That is one before where the host stands, which it passes last of all; and it stays there
    /// until half of the ring is gone, since each change takes the page out of the host's cache.
    fn publish(
        &mut self,
        shadow: &ShadowDoorbells,
        memory: &dyn GuestMemory,
        bell: Doorbell,
        is_polled: bool,
    ) {
        let (at, size) = (self.rung_at(), self.size());
        let mut event = at;
        if is_polled {
            let told = self.mirror().event;
            let half = size.wrapping_shr(1);
            if told.is_some_and(|told| told < size && distance(at, told, size) > half) {
                return;
            }
            event = if at == 0 { size } else { at }.saturating_sub(1);
        }
        if self.mirror().event.replace(event) != Some(event) {
            shadow.set_event(memory, bell, event);
        }
    }

    /// The shadow pages are others now.
    fn forget_shadow(&mut self) {
        *self.mirror() = Mirror::default();
    }
}
