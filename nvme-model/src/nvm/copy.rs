//! Copy: blocks to blocks without the host.
//!
//! Every source is read before the first block is written, so ranges may overlap, and a copy that fails
//! has written nothing: dword 0 of its completion, the first range that was not copied, is always 0.
// Spec: NVM-CS-1.0c 3.2.2 "Copy command"

use nvme_spec::command::prinfo;
use nvme_spec::copy::{CopyFormat, CopyRange};
use nvme_spec::status;

use super::transfer::{Extent, invalid_protection};
use crate::buffer::Buffer;
use crate::command::{CopyCommand, NvmCommand, Span};
use crate::controller::Outcome;
use crate::failure::{Failure, byte};
use crate::fault::Faults;
use crate::protection::{Fields, Guard};
use crate::reservation::Access;
use crate::{Controller, Ports};

/// The most blocks of one range (MSSRL).
pub(crate) const RANGE_BLOCKS_MAX: u16 = 256;
/// The most blocks of a command (MCL).
pub(crate) const BLOCKS_MAX: u32 = 1024;
/// The most ranges of a command (MSRC), zero-based.
pub(crate) const RANGES_MAX_Z: u8 = 127;

impl Controller {
    pub(super) fn copy(
        &mut self,
        command: &NvmCommand,
        copy: &CopyCommand,
        faults: &Faults,
        ports: &mut Ports<'_>,
    ) -> Outcome {
        let (target, blocks) = self.blocks_to_copy(command, copy, faults, ports)?;
        self.store_blocks(command.nsid, &target, blocks, command.is_fua, faults, ports)?;
        Ok(0)
    }

    /// Where a copy goes, and the blocks that go there, checked, with all of their protection information.
    pub(super) fn blocks_to_copy(
        &mut self,
        command: &NvmCommand,
        copy: &CopyCommand,
        faults: &Faults,
        ports: &mut Ports<'_>,
    ) -> Result<(Extent, Buffer), Failure> {
        if !self.features.is_copy_format_enabled(copy.format.number()) {
            return Err(Failure::field(byte::CDW12.saturating_add(1), 0));
        }
        let ranges = self.receive_sources(command, copy, faults, ports)?;
        let blocks = check_sizes(&ranges)?;
        let ns = self.active(command.nsid)?;
        let target = ns.extent(&Span { blocks, ..command.span });
        ns.check_extent(&target)?;
        check_form(copy, &target)?;
        let mut sources = Vec::new();
        for range in &ranges {
            sources.push(self.source(command.nsid, copy, range, &target)?);
        }
        let mut all = Vec::new();
        for (nsid, source) in &sources {
            all.append(&mut self.load(*nsid, source, faults, ports)?);
        }
        match target.format.protection {
            Some(protection) if target.fields.is_action() => {
                protection.insert(&mut all, &target.fields);
            }
            _ => target.check(&all)?,
        }
        Ok((target, all.into()))
    }

    /// Fetches the list of ranges.
    fn receive_sources(
        &self,
        command: &NvmCommand,
        copy: &CopyCommand,
        faults: &Faults,
        ports: &Ports<'_>,
    ) -> Result<Vec<CopyRange>, Failure> {
        if copy.ranges > u32::from(RANGES_MAX_Z).saturating_add(1) {
            return Err(size_limit());
        }
        let unit = copy.format.entry_bytes();
        let count = usize::try_from(copy.ranges).unwrap_or(0);
        let mut bytes = vec![0; count.saturating_mul(unit)];
        self.receive(&mut bytes, command.data, ports)?;
        faults.corrupt(&mut bytes);
        Ok(bytes.chunks_exact(unit).map(|bytes| CopyRange::decode(copy.format, bytes)).collect())
    }

    /// One range to read, with its namespace.
    fn source(
        &self,
        nsid: u32,
        copy: &CopyCommand,
        range: &CopyRange,
        target: &Extent,
    ) -> Result<(u32, Extent), Failure> {
        let nsid = if copy.format.has_namespace() { range.nsid } else { nsid };
        let ns = self.usable(nsid)?;
        ns.check_reserved(self.host.id, Access::Read)?;
        let fields = Fields {
            prinfo: copy.source_prinfo,
            is_storage_checked: copy.is_source_storage_checked,
            tags: range.tags.into(),
            application: range.application,
            application_mask: range.application_mask,
        };
        let blocks = u32::from(range.nlb_z).saturating_add(1);
        let source = ns.extent(&Span { slba: range.slba, blocks, fields });
        ns.check_extent(&source)?;
        let is_alike = source.format.stored_bytes() == target.format.stored_bytes()
            && source.format.data_bytes() == target.format.data_bytes()
            && source.format.protection == target.format.protection;
        if !is_alike {
            return Err(Failure::permanent(status::INCOMPATIBLE_FORMAT).at(byte::NSID));
        }
        Ok((nsid, source))
    }
}

fn size_limit() -> Failure {
    Failure::permanent(status::COMMAND_SIZE_LIMIT_EXCEEDED).at(byte::CDW12)
}

/// How many blocks the ranges have together.
fn check_sizes(ranges: &[CopyRange]) -> Result<u32, Failure> {
    let blocks = ranges.iter().map(|range| u32::from(range.nlb_z).saturating_add(1));
    let total = blocks.clone().fold(0, u32::saturating_add);
    let is_too_long = blocks.max().is_some_and(|longest| longest > RANGE_BLOCKS_MAX.into());
    if is_too_long || total > BLOCKS_MAX { Err(size_limit()) } else { Ok(total) }
}

/// Checks that the entries have the tags of the format, and that protection information is handled the
/// same way at both ends.
fn check_form(copy: &CopyCommand, target: &Extent) -> Result<(), Failure> {
    let has_long_tags = target.format.guard() != Guard::Crc16;
    if copy.format.has_long_tags() != has_long_tags {
        return Err(Failure::permanent(status::INVALID_FORMAT).at(byte::CDW12 + 1));
    }
    let is_taken = copy.source_prinfo & prinfo::ACTION != 0;
    if target.format.protection.is_some() && is_taken != target.fields.is_action() {
        return Err(invalid_protection());
    }
    Ok(())
}

/// The format of the entries that a command names.
pub(crate) fn entry_format(number: u32) -> Result<CopyFormat, Failure> {
    let number = u8::try_from(number).ok();
    number.and_then(CopyFormat::new).ok_or(Failure::field(byte::CDW12.saturating_add(1), 0))
}
