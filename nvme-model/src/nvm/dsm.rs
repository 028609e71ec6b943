//! Dataset Management.
// Spec: NVM-CS-1.0c 3.2.3 "Dataset Management command"

use nvme_spec::dsm::{DsmRange, RANGE_BYTES};

use crate::controller::Outcome;
use crate::data::DataPointer;
use crate::failure::Failure;
use crate::fault::Faults;
use crate::{Controller, Ports};

impl Controller {
    /// Fetches the list of ranges, all of which exist.
    pub(super) fn receive_ranges(
        &self,
        nsid: u32,
        count: u32,
        from: DataPointer,
        faults: &Faults,
        ports: &Ports<'_>,
    ) -> Result<Vec<DsmRange>, Failure> {
        let count = usize::try_from(count).unwrap_or(0);
        let mut bytes = vec![0; count.saturating_mul(RANGE_BYTES)];
        self.receive(&mut bytes, from, ports)?;
        faults.corrupt(&mut bytes);
        let (ranges, _) = bytes.as_chunks::<RANGE_BYTES>();
        let ranges: Vec<_> = ranges.iter().map(|range| DsmRange::from_bytes(*range)).collect();
        let ns = self.active(nsid)?;
        for range in &ranges {
            ns.check_range(range.slba.get(), range.nlb.get().into())?;
        }
        Ok(ranges)
    }

    /// Deallocates all ranges.
    pub(super) fn deallocate(
        &mut self,
        nsid: u32,
        ranges: &[DsmRange],
        is_deallocate: bool,
        ports: &mut Ports<'_>,
    ) -> Outcome {
        for range in ranges.iter().filter(|_| is_deallocate) {
            self.zero(nsid, range.slba.get(), range.nlb.get().into(), ports)?;
        }
        Ok(0)
    }
}
