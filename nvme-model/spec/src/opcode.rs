//! Command opcodes.

named_bytes! {
    /// An admin command's opcode.
    // Spec: NVMe-Base-2.0c 5 "Admin Command Set"
    AdminOpcode {
        /// Delete I/O Submission Queue.
        DELETE_IO_SQ = 0x00, "delete-io-sq";
        /// Create I/O Submission Queue.
        CREATE_IO_SQ = 0x01, "create-io-sq";
        /// Get Log Page.
        GET_LOG_PAGE = 0x02, "get-log-page";
        /// Delete I/O Completion Queue.
        DELETE_IO_CQ = 0x04, "delete-io-cq";
        /// Create I/O Completion Queue.
        CREATE_IO_CQ = 0x05, "create-io-cq";
        /// Identify.
        IDENTIFY = 0x06, "identify";
        /// Abort.
        ABORT = 0x08, "abort";
        /// Set Features.
        SET_FEATURES = 0x09, "set-features";
        /// Get Features.
        GET_FEATURES = 0x0a, "get-features";
        /// Asynchronous Event Request.
        ASYNC_EVENT_REQUEST = 0x0c, "async-event-request";
        /// Namespace Management.
        NAMESPACE_MANAGEMENT = 0x0d, "namespace-management";
        /// Firmware Commit.
        FIRMWARE_COMMIT = 0x10, "firmware-commit";
        /// Firmware Image Download.
        FIRMWARE_DOWNLOAD = 0x11, "firmware-download";
        /// Device Self-test.
        DEVICE_SELF_TEST = 0x14, "device-self-test";
        /// Namespace Attachment.
        NAMESPACE_ATTACHMENT = 0x15, "namespace-attachment";
        /// Keep Alive.
        KEEP_ALIVE = 0x18, "keep-alive";
        /// Directive Send.
        DIRECTIVE_SEND = 0x19, "directive-send";
        /// Directive Receive.
        DIRECTIVE_RECEIVE = 0x1a, "directive-receive";
        /// Doorbell Buffer Config.
        DOORBELL_BUFFER_CONFIG = 0x7c, "doorbell-buffer-config";
        /// Format NVM.
        FORMAT_NVM = 0x80, "format-nvm";
        /// Sanitize.
        SANITIZE = 0x84, "sanitize";
        /// Get LBA Status.
        GET_LBA_STATUS = 0x86, "get-lba-status";
    }
}

named_bytes! {
    /// An I/O command's opcode in the NVM command set.
    // Spec: NVM-CS-1.0c 3.2 "NVM Command Set Commands"
    NvmOpcode {
        /// Flush.
        FLUSH = 0x00, "flush";
        /// Write.
        WRITE = 0x01, "write";
        /// Read.
        READ = 0x02, "read";
        /// Write Uncorrectable.
        WRITE_UNCORRECTABLE = 0x04, "write-uncorrectable";
        /// Compare.
        COMPARE = 0x05, "compare";
        /// Write Zeroes.
        WRITE_ZEROES = 0x08, "write-zeroes";
        /// Dataset Management.
        DATASET_MANAGEMENT = 0x09, "dataset-management";
        /// Verify.
        VERIFY = 0x0c, "verify";
        /// Copy.
        COPY = 0x19, "copy";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_agree_both_ways() {
        for (opcode, name) in AdminOpcode::NAMED {
            assert_eq!(AdminOpcode::from_name(name), Some(*opcode));
            assert_eq!(opcode.name(), Some(*name));
        }
        for (opcode, name) in NvmOpcode::NAMED {
            assert_eq!(NvmOpcode::from_name(name), Some(*opcode));
            assert_eq!(opcode.name(), Some(*name));
        }
        assert_eq!(NvmOpcode(0xc0).name(), None);
    }

    #[test]
    fn the_opcodes_that_move_data_say_so_in_their_low_bits() {
        // Bits 1:0 of an opcode: 01b to the controller, 10b from it.
        assert_eq!(NvmOpcode::WRITE.0 & 3, 1);
        assert_eq!(NvmOpcode::READ.0 & 3, 2);
        assert_eq!(AdminOpcode::IDENTIFY.0 & 3, 2);
        assert_eq!(AdminOpcode::GET_LOG_PAGE.0 & 3, 2);
        assert_eq!(NvmOpcode::DATASET_MANAGEMENT.0 & 3, 1);
    }
}
