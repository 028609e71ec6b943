//! Commands about the device, by name.

use crate::command::DeviceCommand;
use crate::controller::Outcome;
use crate::fault::Faults;
use crate::{Controller, Ports};

impl Controller {
    pub(crate) fn execute_device(
        &mut self,
        command: &DeviceCommand,
        faults: &Faults,
        ports: &mut Ports<'_>,
    ) -> Outcome {
        match *command {
            DeviceCommand::CreateNamespace { csi, data } => self.create_namespace(csi, data, ports),
            DeviceCommand::DeleteNamespace { nsid } => self.delete_namespace(nsid),
            DeviceCommand::AttachNamespace { nsid, data } => {
                self.attach_namespace(nsid, data, ports)
            }
            DeviceCommand::DetachNamespace { nsid, data } => {
                self.detach_namespace(nsid, data, ports)
            }
            DeviceCommand::FirmwareDownload { offset_bytes, bytes, data } => {
                self.download_firmware(offset_bytes, bytes, data, ports)
            }
            DeviceCommand::FirmwareCommit(commit) => self.commit_firmware(commit, ports),
            DeviceCommand::SelfTest { code, nsid } => self.start_self_test(code, nsid),
            DeviceCommand::Sanitize(sanitize) => self.start_sanitize(sanitize, faults),
            DeviceCommand::KeepAlive => Ok(self.keep_alive()),
            DeviceCommand::DirectiveSend { nsid, which, value } => {
                self.directive_send(nsid, which, value)
            }
            DeviceCommand::DirectiveReceive { nsid, which, bytes, data } => {
                let mut page = self.directive_receive(nsid, which, bytes)?;
                self.spoil_data(&mut page, data, faults, ports)?;
                self.send(&page, data, ports)
            }
            DeviceCommand::GetLbaStatus { nsid, slba, blocks, action, bytes, data } => {
                let mut list = self.lba_status(nsid, slba, blocks, action, bytes)?;
                self.spoil_data(&mut list, data, faults, ports)?;
                self.send(&list, data, ports)
            }
        }
    }
}
