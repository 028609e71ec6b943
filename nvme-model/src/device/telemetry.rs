//! Telemetry: pictures of the controller's inside, taken when the host asks or when something fails.
//!
//! Each data area is lines of ASCII, `name=value`, padded with zeros to whole blocks, so that a picture
//! can be read without a program. What the lines are is in `admin::logs::telemetry`.
// Spec: NVMe-Base-2.0c 8.24 "Telemetry"

use nvme_spec::log::{TELEMETRY_BLOCK_BYTES, TelemetryHeader};
use zerocopy::IntoBytes;

/// The three data areas. An area's blocks include those of the areas before it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Capture {
    pub(crate) reason: String,
    pub(crate) areas: [String; 3],
}

/// Both pictures.
#[derive(Clone, Debug, Default)]
pub(crate) struct Telemetry {
    host: Option<Capture>,
    host_generation: u8,
    controller: Option<Capture>,
    controller_generation: u8,
}

impl Telemetry {
    pub(crate) fn take_for_host(&mut self, capture: Capture) {
        self.host_generation = self.host_generation.wrapping_add(1);
        self.host = Some(capture);
    }

    pub(crate) fn take_for_controller(&mut self, capture: Capture) {
        self.controller_generation = self.controller_generation.wrapping_add(1);
        self.controller = Some(capture);
    }

    /// The log that the host asked for.
    pub(crate) fn host_page(&self, lid: u8) -> Vec<u8> {
        self.page(lid, self.host.as_ref())
    }

    /// The log that the controller took by itself.
    pub(crate) fn controller_page(&self, lid: u8) -> Vec<u8> {
        self.page(lid, self.controller.as_ref())
    }

    fn page(&self, lid: u8, capture: Option<&Capture>) -> Vec<u8> {
        let mut header = TelemetryHeader::zeroed();
        header.lid = lid;
        header.host_generation = self.host_generation;
        header.has_controller_data = self.controller.is_some().into();
        header.controller_generation = self.controller_generation;
        let mut blocks = Vec::new();
        if let Some(capture) = capture {
            let lasts = [&mut header.area_1_last, &mut header.area_2_last, &mut header.area_3_last];
            for (last, text) in lasts.into_iter().zip(&capture.areas) {
                blocks.extend(text.as_bytes());
                blocks.resize(blocks.len().next_multiple_of(TELEMETRY_BLOCK_BYTES), 0);
                let count = blocks.len().checked_div(TELEMETRY_BLOCK_BYTES).unwrap_or(0);
                *last = u16::try_from(count).unwrap_or(u16::MAX).into();
            }
            for (to, from) in header.reason.iter_mut().zip(capture.reason.bytes()) {
                *to = from;
            }
        }
        let mut page = header.as_bytes().to_vec();
        page.extend(blocks);
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_are_whole_blocks_one_after_the_other() {
        let mut telemetry = Telemetry::default();
        assert_eq!(telemetry.host_page(7).len(), 512);
        let areas = ["a=1\n".into(), "b".repeat(513), String::new()];
        telemetry.take_for_host(Capture { reason: "host".into(), areas });
        let page = telemetry.host_page(7);
        let header = TelemetryHeader::from_prefix(&page).expect("a header");
        let lasts = [header.area_1_last.get(), header.area_2_last.get(), header.area_3_last.get()];
        assert_eq!((lasts, header.host_generation, page.len()), ([1, 3, 3], 1, 2048));
        assert_eq!((&page[512..517], page[1024]), (&b"a=1\n\0"[..], b'b'));
    }
}
