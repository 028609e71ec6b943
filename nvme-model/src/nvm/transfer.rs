//! Blocks between the host's buffers and the form in which they are stored.
//!
//! The host has data and metadata in one buffer or in two, or leaves protection information to the
//! controller; a stored block is always its data and behind it its metadata.
// Spec: NVM-CS-1.0c 5.2.2 "PRACT Bit"

use nvme_spec::status;

use crate::buffer::Buffer;
use crate::command::{NvmCommand, Span};
use crate::data::{self, Direction, Segments};
use crate::failure::{Failure, byte};
use crate::fault::Faults;
use crate::format::NamespaceFormat;
use crate::namespace::Namespace;
use crate::protection::{Fields, Tags};
use crate::{Controller, Ports};

/// Blocks of a namespace that a command is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    pub(super) slba: u64,
    pub(super) blocks: u32,
    pub(super) format: NamespaceFormat,
    pub(super) fields: Fields,
}

/// What becomes of blocks that the host sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// They are compared with something, here and now.
    Look,
    /// They go to the storage.
    Store,
}

impl Extent {
    /// Bytes of all the blocks as they are stored.
    pub(super) fn stored_bytes(&self) -> usize {
        self.bytes(self.format.stored_bytes())
    }

    /// What is left after so many blocks, with the tags that belong to it.
    pub(super) fn after(&self, blocks: u32) -> Self {
        let counted =
            self.format.protection.map_or(Tags::default(), |p| p.tags_after(&self.fields, blocks));
        Self {
            slba: self.slba.saturating_add(blocks.into()),
            blocks: self.blocks.saturating_sub(blocks),
            fields: Fields { tags: counted, ..self.fields },
            ..*self
        }
    }

    /// Bytes of all the blocks if each has so many.
    fn bytes(&self, of_block: u32) -> usize {
        let bytes = u64::from(self.blocks).saturating_mul(of_block.into());
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    /// Bytes of metadata of a block that the host sees: none if they are protection information only and
    /// the controller makes or takes it.
    fn metadata_bytes(&self) -> u32 {
        let is_kept = |p: crate::protection::Protection| p.is_all_metadata();
        let is_action = self.fields.is_action();
        let is_stripped = is_action && self.format.protection.is_some_and(is_kept);
        if is_stripped { 0 } else { self.format.metadata_bytes() }
    }

    /// Bytes of the data buffer that one block takes.
    fn data_bytes(&self) -> u32 {
        let metadata = if self.format.is_extended { self.metadata_bytes() } else { 0 };
        self.format.data_bytes().saturating_add(metadata)
    }

    /// Whether the data buffer holds blocks as they are stored.
    pub(super) fn is_verbatim(&self) -> bool {
        self.data_bytes() == self.format.stored_bytes()
    }

    /// Makes of the host's blocks, checked and complete, what goes to the storage: past the controller's
    /// own check, so that protection information finds what rules do to them when they are read.
    pub(super) fn make_stored(&self, blocks: &mut Buffer, faults: &Faults) {
        if !faults.is_empty() {
            let blocks = blocks.bytes();
            faults.corrupt(blocks);
            let moved = faults.transferred(blocks.len());
            blocks.iter_mut().skip(moved).for_each(|byte| *byte = 0);
        }
        if let Some(protection) = self.format.protection {
            protection.invert(blocks.bytes());
        }
    }

    /// Every stored block's data and metadata.
    fn split<'a>(
        &self,
        blocks: &'a mut [u8],
    ) -> impl Iterator<Item = (&'a mut [u8], &'a mut [u8])> {
        let data_bytes = self.format.data_bytes() as usize;
        let unit = self.format.stored_bytes().max(1) as usize;
        blocks
            .chunks_exact_mut(unit)
            .filter_map(move |block| block.split_at_mut_checked(data_bytes))
    }
}

impl Namespace {
    /// Whether all of these blocks exist.
    pub(super) fn check_range(&self, slba: u64, blocks: u64) -> Result<(), Failure> {
        if self.has_blocks(slba, blocks) {
            return Ok(());
        }
        let failure = Failure::permanent(status::LBA_OUT_OF_RANGE).at(byte::CDW10);
        Err(failure.at_lba(slba))
    }

    /// The blocks of a command, whether they exist or not.
    pub(super) fn extent(&self, span: &Span) -> Extent {
        let Span { slba, blocks, fields } = *span;
        Extent { slba, blocks, format: self.format, fields }
    }

    /// Checks range and protection fields of a command.
    pub(super) fn check_extent(&self, extent: &Extent) -> Result<(), Failure> {
        self.check_range(extent.slba, extent.blocks.into())?;
        let protection = extent.format.protection;
        if protection.is_none_or(|p| p.is_valid(&extent.fields, extent.slba)) {
            return Ok(());
        }
        Err(invalid_protection().at_lba(extent.slba))
    }

    /// Checks a command that moves blocks between host and controller, of at most so many bytes.
    // Spec: NVMe-Base-2.0c 5.17.2.1 "Maximum Data Transfer Size (MDTS)"
    pub(super) fn check_transfer(&self, extent: &Extent, bytes_max: u64) -> Result<(), Failure> {
        if extent.bytes(extent.data_bytes()) as u64 > bytes_max {
            return Err(Failure::field(byte::CDW12, 0));
        }
        self.check_extent(extent)
    }
}

impl Controller {
    /// The host's memory for the data of a transfer.
    fn data_buffer(
        &self,
        extent: &Extent,
        command: &NvmCommand,
        direction: Direction,
        ports: &Ports<'_>,
    ) -> Result<Segments, Failure> {
        let bytes = extent.bytes(extent.data_bytes()) as u64;
        command.data.segments(ports.memory, bytes, self.page_bytes(), direction)
    }

    /// Its memory for metadata, if they are in a buffer of their own.
    fn metadata_buffer(
        extent: &Extent,
        command: &NvmCommand,
        direction: Direction,
        ports: &Ports<'_>,
    ) -> Result<Segments, Failure> {
        match extent.bytes(extent.metadata_bytes()) as u64 {
            0 => Ok(Segments::default()),
            bytes => command.metadata.segments(ports.memory, bytes, direction),
        }
    }

    /// Fetches blocks. Protection information that the host leaves to the controller is not in them yet.
    pub(super) fn receive_blocks(
        &mut self,
        extent: &Extent,
        command: &NvmCommand,
        purpose: Purpose,
        ports: &Ports<'_>,
    ) -> Result<Buffer, Failure> {
        let host = self.data_buffer(extent, command, Direction::FromHost, ports)?;
        if extent.is_verbatim() {
            let length = extent.stored_bytes();
            let ns = self.namespaces.get_mut(command.nsid);
            let is_far = purpose == Purpose::Store
                && ns.as_ref().is_some_and(|ns| ns.is_written_past_caches(ports.memory));
            let mut blocks = ns.map_or_else(|| Buffer::zeros(length), |ns| ns.spares.take(length));
            if is_far {
                data::gather_past_caches(ports.memory, &host, blocks.bytes())?;
            } else {
                data::gather(ports.memory, &host, blocks.bytes())?;
            }
            return Ok(blocks);
        }
        let hosts_metadata = Self::metadata_buffer(extent, command, Direction::FromHost, ports)?;
        let mut blocks = Buffer::zeros(extent.stored_bytes());
        let mut data = vec![0; extent.bytes(extent.data_bytes())];
        data::gather(ports.memory, &host, &mut data)?;
        let mut metadata = vec![0; extent.bytes(extent.metadata_bytes())];
        data::gather(ports.memory, &hosts_metadata, &mut metadata)?;
        let (mut data, mut metadata) = (data.iter(), metadata.iter());
        for (to_data, to_metadata) in extent.split(blocks.bytes()) {
            to_data.iter_mut().zip(&mut data).for_each(|(to, from)| *to = *from);
            to_metadata.iter_mut().zip(&mut metadata).for_each(|(to, from)| *to = *from);
        }
        Ok(blocks)
    }

    /// Gives the host blocks, without the protection information that it does not want.
    pub(super) fn send_blocks(
        &self,
        extent: &Extent,
        mut blocks: Vec<u8>,
        command: &NvmCommand,
        ports: &Ports<'_>,
    ) -> Result<(), Failure> {
        let host = self.data_buffer(extent, command, Direction::ToHost, ports)?;
        if extent.is_verbatim() {
            return data::scatter(ports.memory, &host, &blocks);
        }
        let hosts_metadata = Self::metadata_buffer(extent, command, Direction::ToHost, ports)?;
        let (mut data, mut metadata) = (Vec::new(), Vec::new());
        for (of_data, of_metadata) in extent.split(&mut blocks) {
            data.extend_from_slice(of_data);
            metadata.extend_from_slice(of_metadata);
        }
        data::scatter(ports.memory, &host, &data)?;
        data::scatter(ports.memory, &hosts_metadata, &metadata)
    }
}

pub(super) fn invalid_protection() -> Failure {
    Failure::permanent(status::INVALID_PROTECTION_INFORMATION).at(byte::CDW12)
}
