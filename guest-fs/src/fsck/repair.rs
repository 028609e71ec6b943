//! Writing what a check is sure of: superblock copies, summaries, link counts, bitmaps.
//!
//! Nothing is repaired while the journal holds anything (mounting replays it), or while a part could not
//! be read or two files claim one block: then somebody has to decide what to lose.

use block::BlockDevice;

use super::{Check, Finding, FsckError, Report};
use crate::format::seal;
use crate::mount::MountError;

impl<D: BlockDevice> Check<'_, D> {
    /// Writes the fixes, if everything was readable.
    pub(super) fn write_fixes(self) -> Result<Report, FsckError> {
        let Self { device, reserve, fixes, mut report, is_incomplete, .. } = self;
        let is_journal = |finding: &Finding| matches!(finding, Finding::JournalNotEmpty { .. });
        if is_incomplete || report.findings.iter().any(is_journal) {
            return Ok(report);
        }
        let failed = |error| FsckError(MountError::Io(error));
        for (block, mut image) in fixes {
            // LSN 0: whatever the journal writes later is newer.
            seal(&mut image, 0);
            reserve.write(device, [(block, &image)], false).map_err(failed)?;
            report.repaired_blocks = report.repaired_blocks.saturating_add(1);
        }
        reserve.flush(device).map_err(failed)?;
        Ok(report)
    }
}
