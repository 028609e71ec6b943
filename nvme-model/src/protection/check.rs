//! What a command says about protection information, and whether blocks agree.

use nvme_spec::command::prinfo;
use nvme_spec::{StatusCode, status};

use super::tuple::Tuple;
use super::{Protection, ProtectionType};

/// The application tag that switches checks off.
const ESCAPE: u16 = 0xffff;

/// The storage and reference tag of a block, one number, in dwords from the lowest on: every command has one, and
/// a number of 128 bits would make each larger by its alignment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tags(pub(crate) [u32; 4]);

impl From<u128> for Tags {
    fn from(number: u128) -> Self {
        let bytes = number.to_le_bytes();
        let (dwords, _) = bytes.as_chunks::<4>();
        let mut tags = Self::default();
        tags.0.iter_mut().zip(dwords).for_each(|(to, from)| *to = u32::from_le_bytes(*from));
        tags
    }
}

impl Tags {
    pub(super) fn number(self) -> u128 {
        self.0.iter().rev().fold(0, |number, dword| number << 32 | u128::from(*dword))
    }
}

/// The protection fields of a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields {
    /// PRACT in bit 3, PRCHK in bits 2:0: see [`prinfo`].
    pub(crate) prinfo: u32,
    /// STC: the storage tag is checked.
    pub(crate) is_storage_checked: bool,
    /// Those of the first block.
    pub(crate) tags: Tags,
    pub(crate) application: u16,
    pub(crate) application_mask: u16,
}

/// The first block whose protection information is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mismatch {
    pub(crate) index: u64,
    pub(crate) code: StatusCode,
}

impl Fields {
    /// PRACT: the controller makes or takes protection information.
    pub(crate) fn is_action(&self) -> bool {
        self.prinfo & prinfo::ACTION != 0
    }

    fn checks(&self, check: u32) -> bool {
        self.prinfo & check != 0
    }
}

impl Protection {
    /// Whether a command on blocks from `slba` on may have these fields.
    // Spec: NVM-CS-1.0c 5.2.3 "Control of Protection Information Checking - PRCHK"
    pub(crate) fn is_valid(&self, fields: &Fields, slba: u64) -> bool {
        if !fields.checks(prinfo::CHECK_REFERENCE) {
            return true;
        }
        match self.kind {
            ProtectionType::Type1 => {
                let mask = self.reference_mask();
                fields.tags.number() & mask == u128::from(slba) & mask
            }
            ProtectionType::Type2 => true,
            // There is nothing that the reference tag could be compared with.
            ProtectionType::Type3 => false,
        }
    }

    /// Checks every block.
    pub(crate) fn check(&self, blocks: &[u8], fields: &Fields) -> Result<(), Mismatch> {
        for (index, block) in (0..).zip(blocks.chunks_exact(self.stored_bytes())) {
            let Some((covered, rest)) = block.split_at_checked(self.place()) else {
                continue;
            };
            let bytes = rest.get(..self.bytes()).unwrap_or(rest);
            let is_wrong = self.first_wrong(covered, bytes, fields, index);
            is_wrong.map_or(Ok(()), |code| Err(Mismatch { index, code }))?;
        }
        Ok(())
    }

    /// The first check that fails on a block.
    fn first_wrong(
        &self,
        covered: &[u8],
        bytes: &[u8],
        fields: &Fields,
        index: u64,
    ) -> Option<StatusCode> {
        let tuple = Tuple::decode(self.guard, bytes);
        if self.is_escaped(&tuple) {
            return None;
        }
        let wanted = self.tags_of(fields, index);
        let differs = (tuple.application ^ fields.application) & fields.application_mask != 0;
        let is_reference_wrong = (tuple.tags ^ wanted) & self.reference_mask() != 0;
        let is_storage_wrong = (tuple.tags ^ wanted) & self.storage_mask() != 0;
        if fields.checks(prinfo::CHECK_GUARD) && tuple.guard != self.guard.of(covered) {
            Some(status::GUARD_CHECK)
        } else if fields.checks(prinfo::CHECK_APPLICATION) && differs {
            Some(status::APPLICATION_TAG_CHECK)
        } else if fields.checks(prinfo::CHECK_REFERENCE) && is_reference_wrong {
            Some(status::REFERENCE_TAG_CHECK)
        } else if fields.is_storage_checked && is_storage_wrong {
            Some(status::STORAGE_TAG_CHECK)
        } else {
            None
        }
    }

    /// Whether a block says that it is not to be checked.
    fn is_escaped(&self, tuple: &Tuple) -> bool {
        let mask = self.reference_mask();
        let is_reference_escaped = tuple.tags & mask == mask;
        let needs_reference = self.kind == ProtectionType::Type3;
        tuple.application == ESCAPE && (!needs_reference || is_reference_escaped)
    }
}
