//! Firmware slots and the image that is being downloaded.
//!
//! An image is valid if it begins with [`IMAGE_MAGIC`] and eight printable characters, the revision; what
//! follows is up to its maker. Activating one changes the revision that the controller reports and
//! nothing else: there is one program here. The first slot holds what the device was made with and
//! cannot be written.
// Spec: NVMe-Base-2.0c 3.11 "Firmware Update Process"

use std::collections::BTreeMap;

use nvme_spec::log::FirmwareSlots;
use zerocopy::IntoBytes;

/// Slots; the first is read-only.
pub(crate) const SLOTS: usize = 3;

/// Pieces of an image begin and end at multiples of this: FWUG = 1.
const GRANULE_BYTES: u64 = 4096;

/// The longest image.
const IMAGE_BYTES_MAX: u64 = 16 << 20;

/// What a valid image begins with.
pub(crate) const IMAGE_MAGIC: [u8; 8] = *b"swaplab\0";

/// A revision, ASCII, padded with spaces.
pub(crate) type Revision = [u8; 8];

/// Why the firmware cannot do what the host wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FirmwareError {
    /// Not a multiple of the granularity, or too long.
    Misaligned,
    /// A part of the piece was downloaded already.
    Overlap,
    /// No valid image was downloaded.
    BadImage,
    /// The slot does not exist, cannot be written, or is empty.
    BadSlot,
}

/// The slots.
#[derive(Clone, Debug)]
pub(crate) struct Firmware {
    slots: [Option<Revision>; SLOTS],
    /// What runs: a slot can be written while its old content runs.
    running: Revision,
    /// The slot that runs, from 1.
    active: u8,
    /// The slot that runs after the next reset.
    next: Option<u8>,
    /// Pieces of the image that is being downloaded, by their offsets in bytes. Lost at a reset.
    pieces: BTreeMap<u64, Vec<u8>>,
    /// A commit came since the last piece: the next piece begins a new image.
    is_committed: bool,
}

impl Firmware {
    pub(crate) fn new(revision: &str) -> Self {
        let factory = crate::admin::padded(revision);
        Self {
            slots: [Some(factory), None, None],
            running: factory,
            active: 1,
            next: None,
            pieces: BTreeMap::new(),
            is_committed: false,
        }
    }

    fn slot(&self, slot: u8) -> Option<Revision> {
        self.slots.get(usize::from(slot.checked_sub(1)?)).copied().flatten()
    }

    /// What runs.
    pub(crate) fn revision(&self) -> Revision {
        self.running
    }

    /// What runs after the next reset, if that is something else.
    pub(crate) fn pending(&self) -> Option<u8> {
        self.next
    }

    /// What a slot holds; what runs, if it holds nothing.
    pub(crate) fn revision_of(&self, slot: u8) -> Revision {
        self.slot(slot).unwrap_or_else(|| self.revision())
    }

    /// Checks where a piece would go, before it is fetched.
    pub(crate) fn check_piece(&self, offset: u64, bytes: u64) -> Result<(), FirmwareError> {
        let is_aligned =
            offset.is_multiple_of(GRANULE_BYTES) && bytes.is_multiple_of(GRANULE_BYTES);
        let end = offset.saturating_add(bytes);
        if !is_aligned || end > IMAGE_BYTES_MAX {
            return Err(FirmwareError::Misaligned);
        }
        let is_taken = |(at, piece): (&u64, &Vec<u8>)| {
            *at < end && offset < at.saturating_add(piece.len() as u64)
        };
        if !self.is_committed && self.pieces.iter().any(is_taken) {
            return Err(FirmwareError::Overlap);
        }
        Ok(())
    }

    /// Takes a piece that was checked.
    pub(crate) fn take_piece(&mut self, offset: u64, piece: Vec<u8>) {
        if std::mem::take(&mut self.is_committed) {
            self.pieces.clear();
        }
        self.pieces.insert(offset, piece);
    }

    /// The revision of the image that was downloaded, if it is whole and valid.
    fn image(&self) -> Result<Revision, FirmwareError> {
        let mut end = 0;
        for (at, piece) in &self.pieces {
            if *at != end {
                return Err(FirmwareError::BadImage);
            }
            end = at.saturating_add(piece.len() as u64);
        }
        let head = self.pieces.get(&0).and_then(|piece| piece.get(..16));
        let (magic, revision) = head.map_or((&[][..], &[][..]), |head| head.split_at(8));
        let is_text = revision.iter().all(|byte| (0x20..0x7f).contains(byte));
        let revision = Revision::try_from(revision).map_err(|_| FirmwareError::BadImage)?;
        if magic != IMAGE_MAGIC || !is_text {
            return Err(FirmwareError::BadImage);
        }
        Ok(revision)
    }

    pub(crate) fn has_download(&self) -> bool {
        !self.is_committed && !self.pieces.is_empty()
    }

    /// Puts the downloaded image into a slot; 0 = the first that does not run and can be written.
    pub(crate) fn replace(&mut self, slot: u8) -> Result<u8, FirmwareError> {
        let revision = self.image().and_then(|image| {
            if self.has_download() { Ok(image) } else { Err(FirmwareError::BadImage) }
        })?;
        let is_free = |slot: &u8| *slot != self.active;
        let chosen = if slot == 0 { (2..=SLOTS as u8).find(is_free) } else { Some(slot) };
        let chosen = chosen.filter(|slot| *slot > 1).ok_or(FirmwareError::BadSlot)?;
        let index = usize::from(chosen.saturating_sub(1));
        *self.slots.get_mut(index).ok_or(FirmwareError::BadSlot)? = Some(revision);
        self.is_committed = true;
        Ok(chosen)
    }

    /// Makes a slot the one that runs after the next reset.
    pub(crate) fn activate_at_reset(&mut self, slot: u8) -> Result<(), FirmwareError> {
        self.slot(slot).ok_or(FirmwareError::BadSlot)?;
        self.next = Some(slot);
        Ok(())
    }

    /// Runs a slot from now on.
    pub(crate) fn activate_now(&mut self, slot: u8) -> Result<(), FirmwareError> {
        self.activate_at_reset(slot)?;
        self.activate_pending();
        Ok(())
    }

    /// Runs what is to run next; returns whether that is something new.
    fn activate_pending(&mut self) -> bool {
        let next = self.next.take();
        self.active = next.unwrap_or(self.active);
        let before = self.running;
        self.running = self.slot(self.active).unwrap_or(before);
        next.is_some() || self.running != before
    }

    /// A controller level reset: a download is lost, and what was to run then runs. Returns whether
    /// firmware was activated.
    pub(crate) fn reset(&mut self) -> bool {
        self.pieces.clear();
        self.is_committed = false;
        self.activate_pending()
    }

    /// The log page.
    pub(crate) fn page(&self) -> Vec<u8> {
        let mut log = FirmwareSlots::zeroed();
        log.afi = self.active | self.next.unwrap_or(0).wrapping_shl(4);
        for (to, slot) in log.frs.iter_mut().zip(&self.slots) {
            *to = slot.unwrap_or_default();
        }
        log.as_bytes().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(revision: &[u8; 8]) -> Vec<u8> {
        let mut image = IMAGE_MAGIC.to_vec();
        image.extend(revision);
        image.resize(8192, 0xa5);
        image
    }

    fn downloaded() -> Firmware {
        let mut firmware = Firmware::new("1");
        let image = image(b"2.0     ");
        // In any order.
        firmware.take_piece(4096, image[4096..].to_vec());
        firmware.take_piece(0, image[..4096].to_vec());
        firmware
    }

    #[test]
    fn an_image_in_pieces_is_activated_by_the_reset_after_its_commit() {
        let mut firmware = downloaded();
        assert_eq!(firmware.replace(0), Ok(2));
        assert_eq!(firmware.activate_at_reset(2), Ok(()));
        assert_eq!((firmware.revision(), firmware.page()[0]), (*b"1       ", 0x21));
        assert!(firmware.reset());
        assert_eq!((firmware.revision(), firmware.page()[0]), (*b"2.0     ", 2));
        assert!(!firmware.reset());
    }

    #[test]
    fn what_runs_stays_until_the_reset_although_its_slot_is_written() {
        let mut firmware = downloaded();
        assert_eq!((firmware.replace(2), firmware.activate_now(2)), (Ok(2), Ok(())));
        firmware.take_piece(0, image(b"2.1     "));
        assert_eq!((firmware.replace(2), firmware.revision()), (Ok(2), *b"2.0     "));
        assert!(firmware.reset());
        assert_eq!(firmware.revision(), *b"2.1     ");
    }

    #[test]
    fn pieces_are_aligned_and_do_not_overlap() {
        let firmware = downloaded();
        let cases = [
            (0, 4096, Err(FirmwareError::Overlap)),
            (4096, 8192, Err(FirmwareError::Overlap)),
            (8192, 4096, Ok(())),
            (8192, 4092, Err(FirmwareError::Misaligned)),
            (4, 4096, Err(FirmwareError::Misaligned)),
            (IMAGE_BYTES_MAX, 4096, Err(FirmwareError::Misaligned)),
            (!4095, 4096, Err(FirmwareError::Misaligned)),
        ];
        for (offset, bytes, result) in cases {
            assert_eq!(firmware.check_piece(offset, bytes), result, "{bytes} at {offset}");
        }
    }

    #[test]
    fn an_image_with_a_hole_or_a_wrong_head_is_refused() {
        let mut firmware = Firmware::new("1");
        assert_eq!(firmware.replace(2), Err(FirmwareError::BadImage));
        firmware.take_piece(0, image(b"2.0     ")[..4096].to_vec());
        firmware.take_piece(8192, vec![0; 4096]);
        assert_eq!(firmware.replace(2), Err(FirmwareError::BadImage));
        for head in [*b"swaplab\x01", [0; 8]] {
            let mut bad = image(b"2.0     ");
            bad[..8].copy_from_slice(&head);
            let mut firmware = Firmware::new("1");
            firmware.take_piece(0, bad);
            assert_eq!(firmware.replace(2), Err(FirmwareError::BadImage));
        }
    }

    #[test]
    fn the_first_slot_is_read_only_and_the_running_one_is_not_chosen() {
        let mut firmware = downloaded();
        assert_eq!(firmware.replace(1), Err(FirmwareError::BadSlot));
        assert_eq!(firmware.replace(4), Err(FirmwareError::BadSlot));
        assert_eq!(firmware.activate_at_reset(3), Err(FirmwareError::BadSlot));
        assert_eq!(firmware.replace(2), Ok(2));
        assert_eq!(firmware.activate_now(2), Ok(()));
        // The image was committed: there is nothing to commit until the next download.
        assert_eq!(firmware.replace(3), Err(FirmwareError::BadImage));
        firmware.take_piece(0, image(b"3.0     "));
        assert_eq!(firmware.replace(0), Ok(3));
    }

    #[test]
    fn a_reset_loses_a_download_and_keeps_the_slots() {
        let mut firmware = downloaded();
        firmware.reset();
        assert_eq!(firmware.replace(2), Err(FirmwareError::BadImage));
        assert_eq!(firmware.check_piece(0, 4096), Ok(()));
    }
}
