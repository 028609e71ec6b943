//! Atomicity as Identify Namespace reports it.

use nvme_spec::identify::IdentifyNamespace;

use crate::crash::Atomicity;

/// NSFEAT: the atomicity fields of the namespace are valid.
const NSABP: u8 = 1 << 1;

/// Fills in the namespace's own atomicity, which it has if there are boundaries; otherwise the
/// controller's holds.
// Spec: NVM-CS-1.0c 2.1.4.3 "Atomic Boundaries"
pub(super) fn put(atomicity: Atomicity, id: &mut IdentifyNamespace) {
    if atomicity.boundary_blocks == 0 {
        return;
    }
    let zero_based = |blocks: u32| u16::try_from(blocks.saturating_sub(1)).unwrap_or(u16::MAX);
    let unit_z = zero_based(atomicity.unit_blocks);
    let boundary_z = zero_based(atomicity.boundary_blocks);
    id.nsfeat |= NSABP;
    (id.nawun_z, id.nawupf_z, id.nacwu_z) = (unit_z.into(), unit_z.into(), unit_z.into());
    (id.nabsn, id.nabspf) = (boundary_z.into(), boundary_z.into());
    id.nabo = u16::try_from(atomicity.boundary_offset).unwrap_or(u16::MAX).into();
}
