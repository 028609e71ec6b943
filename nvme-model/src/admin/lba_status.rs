//! Get LBA Status and its log: which blocks cannot be read.
//!
//! Those are blocks that Write Uncorrectable spoiled, and blocks of rules until a rewrite once a command failed
//! there with Unrecovered Read Error. Every such block is tracked, so both action types give the same list.
// Spec: NVM-CS-1.0c 4.2.1 "Get LBA Status command"

use nvme_spec::log::{
    ACTION_SCAN, ACTION_TRACKED, LbaRange, LbaStatus, LbaStatusHeader, NamespaceElement,
    StatusLogHeader,
};
use nvme_spec::status;
use zerocopy::IntoBytes;

use crate::Controller;
use crate::failure::{Failure, byte};
use crate::namespace::Namespace;
use crate::sick::SickBlocks;

/// Completion conditions: the transfer is full, or the range was looked at to its end.
const INCOMPLETE: u8 = 1;
const COMPLETE: u8 = 2;

/// Ranges of blocks as descriptors can say them: not longer than 32 bits.
fn ranges(bad: &SickBlocks, slba: u64, end: u64) -> impl Iterator<Item = (u64, u32)> {
    bad.ranges().into_iter().flat_map(move |bad| {
        let (mut from, end) = (bad.start.max(slba), bad.end.min(end));
        std::iter::from_fn(move || {
            let blocks = u32::try_from(end.saturating_sub(from)).unwrap_or(u32::MAX);
            let range = (from, blocks);
            from = from.saturating_add(blocks.into());
            (blocks > 0).then_some(range)
        })
    })
}

impl Controller {
    /// What the drive knows that it cannot read, for the list, its log and the self-test alike.
    ///
    /// A block that was written again is none of it, though its new content be in the cache only: by the standard's
    /// "Get LBA Status" capability, potentially unrecoverable is what may fail "the command that caused the media to be
    /// read", and a host that rewrites blocks finds them "no longer in the Tracked LBA List" (its example flow 2).
    /// When a power cut takes the cache, they are bad again.
    pub(super) fn known_bad(&self, ns: &Namespace) -> SickBlocks {
        let mut bad = ns.unreadable();
        let told = self.faults().told_unreadable(ns.nsid).ranges();
        told.into_iter().for_each(|range| bad.add(range));
        bad
    }

    /// The descriptors of a range that fit into so many bytes; `blocks` 0 = to the end.
    pub(super) fn lba_status(
        &self,
        nsid: u32,
        slba: u64,
        blocks: u64,
        action: u8,
        bytes: u64,
    ) -> Result<Vec<u8>, Failure> {
        self.check_active(nsid)?;
        if ![ACTION_SCAN, ACTION_TRACKED].contains(&action) {
            return Err(Failure::field(byte::CDW13 + 3, 0));
        }
        let out_of_range =
            || Failure::permanent(status::LBA_OUT_OF_RANGE).at(byte::CDW10).at_lba(slba);
        let ns = self.namespaces.get(nsid).ok_or_else(super::super::inventory::inactive)?;
        if !ns.has_blocks(slba, blocks.max(1)) {
            return Err(out_of_range());
        }
        let end = if blocks == 0 { ns.size_blocks() } else { slba.saturating_add(blocks) };
        let header_bytes = size_of::<LbaStatusHeader>() as u64;
        let room = bytes.saturating_sub(header_bytes).checked_div(16).unwrap_or(0);
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        let bad = self.known_bad(ns);
        let mut found = ranges(&bad, slba, end);
        let listed: Vec<(u64, u32)> = found.by_ref().take(room).collect();
        let condition = if found.next().is_some() { INCOMPLETE } else { COMPLETE };
        let count = u32::try_from(listed.len()).unwrap_or(u32::MAX);
        let mut list = LbaStatusHeader::new(count, condition).as_bytes().to_vec();
        for (slba, blocks) in listed {
            list.extend(LbaStatus::unrecoverable(slba, blocks).as_bytes());
        }
        list.truncate(usize::try_from(bytes).unwrap_or(usize::MAX));
        Ok(list)
    }

    /// The log page. Its generation counts its changes.
    // Spec: NVM-CS-1.0c 4.1.4.5 "LBA Status Information (Log Identifier 0Eh)"
    pub(super) fn lba_status_page(&mut self) -> Vec<u8> {
        let (mut body, mut elements, mut estimate) = (Vec::new(), 0_u32, 0_u32);
        for ns in self.namespaces.values() {
            let bad: Vec<(u64, u32)> = ranges(&self.known_bad(ns), 0, ns.size_blocks()).collect();
            if bad.is_empty() {
                continue;
            }
            elements = elements.saturating_add(1);
            let count = u32::try_from(bad.len()).unwrap_or(u32::MAX);
            body.extend(NamespaceElement::new(ns.nsid, count, ACTION_TRACKED).as_bytes());
            for (slba, blocks) in bad {
                estimate = estimate.saturating_add(blocks);
                body.extend(LbaRange::new(slba, blocks).as_bytes());
            }
        }
        let generation = self.device.lba_status.generation_of(&body);
        let mut header = StatusLogHeader::zeroed();
        let length = size_of::<StatusLogHeader>().saturating_add(body.len());
        header.length_bytes = u32::try_from(length).unwrap_or(u32::MAX).into();
        header.elements = elements.into();
        header.estimate_blocks = estimate.into();
        header.generation = generation.into();
        let mut page = header.as_bytes().to_vec();
        page.extend(body);
        page
    }
}
