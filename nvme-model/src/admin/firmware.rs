//! Firmware Image Download and Firmware Commit.
// Spec: NVMe-Base-2.0c 5.12 "Firmware Commit command"

use nvme_spec::aer::{self, AerResult};
use nvme_spec::command::FirmwareCommit10;
use nvme_spec::log::LID_FIRMWARE_SLOT;
use nvme_spec::{Status, status};

use crate::controller::Outcome;
use crate::data::DataPointer;
use crate::device::FirmwareError;
use crate::failure::{Failure, byte};
use crate::{Controller, Ports};

/// Commit actions.
const REPLACE: u32 = 0;
const REPLACE_AND_ACTIVATE_AT_RESET: u32 = 1;
const ACTIVATE_AT_RESET: u32 = 2;
const ACTIVATE_NOW: u32 = 3;

impl From<FirmwareError> for Failure {
    fn from(error: FirmwareError) -> Self {
        match error {
            FirmwareError::Misaligned => Self::field(byte::CDW10, 0),
            FirmwareError::Overlap => Self::permanent(status::OVERLAPPING_RANGE).at(byte::CDW11),
            FirmwareError::BadImage => Self::permanent(status::INVALID_FIRMWARE_IMAGE),
            FirmwareError::BadSlot => {
                Self::permanent(status::INVALID_FIRMWARE_SLOT).at(byte::CDW10)
            }
        }
    }
}

impl Controller {
    // Spec: NVMe-Base-2.0c 5.13 "Firmware Image Download command"
    pub(super) fn download_firmware(
        &mut self,
        offset: u64,
        bytes: u64,
        from: DataPointer,
        ports: &mut Ports<'_>,
    ) -> Outcome {
        if bytes > self.config.transfer_bytes_max() {
            return Err(Failure::field(byte::CDW10, 0));
        }
        self.device.firmware.check_piece(offset, bytes)?;
        let mut piece = vec![0; usize::try_from(bytes).unwrap_or(0)];
        self.receive(&mut piece, from, ports)?;
        self.device.firmware.take_piece(offset, piece);
        Ok(0)
    }

    pub(super) fn commit_firmware(
        &mut self,
        commit: FirmwareCommit10,
        ports: &mut Ports<'_>,
    ) -> Outcome {
        let old = self.device.firmware.revision();
        let committed = self.try_commit(commit);
        let slot = committed.as_ref().copied().unwrap_or(0);
        let status = committed.as_ref().err().map_or(Status::SUCCESS, |failure| failure.status);
        let new = self.device.firmware.revision_of(slot);
        self.journal_firmware(old, new, commit, status);
        if committed.is_ok() && commit.ca() == ACTIVATE_NOW {
            self.report_activation();
            self.pause(ports.observer);
        }
        committed.map(|_| 0)
    }

    /// Returns the slot that was used.
    fn try_commit(&mut self, commit: FirmwareCommit10) -> Result<u8, Failure> {
        let firmware = &mut self.device.firmware;
        let slot = u8::try_from(commit.fs()).unwrap_or(0);
        match commit.ca() {
            REPLACE => Ok(firmware.replace(slot)?),
            REPLACE_AND_ACTIVATE_AT_RESET => {
                let slot = firmware.replace(slot)?;
                firmware.activate_at_reset(slot)?;
                Ok(slot)
            }
            ACTIVATE_AT_RESET => {
                firmware.activate_at_reset(slot)?;
                Ok(slot)
            }
            ACTIVATE_NOW => {
                let slot = if firmware.has_download() { firmware.replace(slot)? } else { slot };
                firmware.activate_now(slot)?;
                Ok(slot)
            }
            // The rest is about boot partitions.
            _ => Err(Failure::field(byte::CDW10, 3)),
        }
    }

    fn report_activation(&mut self) {
        if self.features.async_events().firmware_notices() != 0 {
            self.raise_event(
                AerResult(0)
                    .with_event_type(aer::TYPE_NOTICE)
                    .with_info(aer::NOTICE_FIRMWARE_ACTIVATION)
                    .with_log_page(LID_FIRMWARE_SLOT.into()),
            );
        }
    }
}
