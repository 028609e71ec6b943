//! The status codes and their names.
// Spec: NVMe-Base-2.0c 3.3.3.2.1.1 "Generic Command Status Definition"
// Spec: NVMe-Base-2.0c 3.3.3.2.1.2 "Command Specific Status Definition"
// Spec: NVMe-Base-2.0c 3.3.3.2.1.3 "Media and Data Integrity Errors Definition"
// Spec: NVMe-Base-2.0c 3.3.3.2.1.4 "Path Related Status Definition"

use super::StatusCode;

/// [`StatusCode::sct`]: generic command status.
pub const SCT_GENERIC: u8 = 0;
/// [`StatusCode::sct`]: command specific status.
pub const SCT_COMMAND_SPECIFIC: u8 = 1;
/// [`StatusCode::sct`]: media and data integrity errors.
pub const SCT_MEDIA: u8 = 2;
/// [`StatusCode::sct`]: path related status.
pub const SCT_PATH: u8 = 3;
/// [`StatusCode::sct`]: vendor specific.
pub const SCT_VENDOR: u8 = 7;

macro_rules! codes {
    ($( $(#[$doc:meta])* $constant:ident = $sct:literal, $sc:literal, $name:literal; )*) => {
        $( $(#[$doc])* pub const $constant: StatusCode = StatusCode::new($sct, $sc); )*

        /// Every code that has a name, with its name.
        pub const NAMED: &[(StatusCode, &str)] = &[$(($constant, $name),)*];
    };
}

codes! {
    /// Successful Completion.
    SUCCESS = 0, 0x00, "generic/success";
    /// Invalid Command Opcode.
    INVALID_OPCODE = 0, 0x01, "generic/invalid-opcode";
    /// Invalid Field in Command.
    INVALID_FIELD = 0, 0x02, "generic/invalid-field";
    /// Command ID Conflict.
    CID_CONFLICT = 0, 0x03, "generic/cid-conflict";
    /// Data Transfer Error.
    DATA_TRANSFER_ERROR = 0, 0x04, "generic/data-transfer-error";
    /// Commands Aborted due to Power Loss Notification.
    ABORTED_POWER_LOSS = 0, 0x05, "generic/aborted-power-loss";
    /// Internal Error.
    INTERNAL_ERROR = 0, 0x06, "generic/internal-error";
    /// Command Abort Requested.
    ABORT_REQUESTED = 0, 0x07, "generic/abort-requested";
    /// Command Aborted due to SQ Deletion.
    ABORTED_SQ_DELETION = 0, 0x08, "generic/aborted-sq-deletion";
    /// Command Aborted due to Failed Fused Command.
    ABORTED_FAILED_FUSED = 0, 0x09, "generic/aborted-failed-fused";
    /// Command Aborted due to Missing Fused Command.
    ABORTED_MISSING_FUSED = 0, 0x0a, "generic/aborted-missing-fused";
    /// Invalid Namespace or Format.
    INVALID_NAMESPACE = 0, 0x0b, "generic/invalid-namespace";
    /// Command Sequence Error.
    COMMAND_SEQUENCE_ERROR = 0, 0x0c, "generic/command-sequence-error";
    /// Invalid SGL Segment Descriptor.
    SGL_SEGMENT_INVALID = 0, 0x0d, "generic/sgl-segment-invalid";
    /// Invalid Number of SGL Descriptors.
    SGL_COUNT_INVALID = 0, 0x0e, "generic/sgl-count-invalid";
    /// Data SGL Length Invalid.
    DATA_SGL_LENGTH_INVALID = 0, 0x0f, "generic/data-sgl-length-invalid";
    /// Metadata SGL Length Invalid.
    METADATA_SGL_LENGTH_INVALID = 0, 0x10, "generic/metadata-sgl-length-invalid";
    /// SGL Descriptor Type Invalid.
    SGL_TYPE_INVALID = 0, 0x11, "generic/sgl-type-invalid";
    /// PRP Offset Invalid.
    PRP_OFFSET_INVALID = 0, 0x13, "generic/prp-offset-invalid";
    /// Atomic Write Unit Exceeded.
    ATOMIC_WRITE_UNIT_EXCEEDED = 0, 0x14, "generic/atomic-write-unit-exceeded";
    /// Operation Denied.
    OPERATION_DENIED = 0, 0x15, "generic/operation-denied";
    /// Keep Alive Timeout Expired.
    KEEP_ALIVE_EXPIRED = 0, 0x19, "generic/keep-alive-expired";
    /// Keep Alive Timeout Invalid.
    KEEP_ALIVE_INVALID = 0, 0x1a, "generic/keep-alive-invalid";
    /// Sanitize Failed.
    SANITIZE_FAILED = 0, 0x1c, "generic/sanitize-failed";
    /// Sanitize In Progress.
    SANITIZE_IN_PROGRESS = 0, 0x1d, "generic/sanitize-in-progress";
    /// Namespace is Write Protected.
    NAMESPACE_WRITE_PROTECTED = 0, 0x20, "generic/namespace-write-protected";
    /// Command Interrupted.
    COMMAND_INTERRUPTED = 0, 0x21, "generic/command-interrupted";
    /// Transient Transport Error.
    TRANSIENT_TRANSPORT_ERROR = 0, 0x22, "generic/transient-transport-error";
    /// LBA Out of Range.
    LBA_OUT_OF_RANGE = 0, 0x80, "generic/lba-out-of-range";
    /// Capacity Exceeded.
    CAPACITY_EXCEEDED = 0, 0x81, "generic/capacity-exceeded";
    /// Namespace Not Ready.
    NAMESPACE_NOT_READY = 0, 0x82, "generic/namespace-not-ready";
    /// Reservation Conflict.
    RESERVATION_CONFLICT = 0, 0x83, "generic/reservation-conflict";
    /// Format In Progress.
    FORMAT_IN_PROGRESS = 0, 0x84, "generic/format-in-progress";
    /// Completion Queue Invalid.
    COMPLETION_QUEUE_INVALID = 1, 0x00, "command/completion-queue-invalid";
    /// Invalid Queue Identifier.
    INVALID_QUEUE_IDENTIFIER = 1, 0x01, "command/invalid-queue-identifier";
    /// Invalid Queue Size.
    INVALID_QUEUE_SIZE = 1, 0x02, "command/invalid-queue-size";
    /// Abort Command Limit Exceeded.
    ABORT_LIMIT_EXCEEDED = 1, 0x03, "command/abort-limit-exceeded";
    /// Asynchronous Event Request Limit Exceeded.
    AER_LIMIT_EXCEEDED = 1, 0x05, "command/aer-limit-exceeded";
    /// Invalid Firmware Slot.
    INVALID_FIRMWARE_SLOT = 1, 0x06, "command/invalid-firmware-slot";
    /// Invalid Firmware Image.
    INVALID_FIRMWARE_IMAGE = 1, 0x07, "command/invalid-firmware-image";
    /// Invalid Interrupt Vector.
    INVALID_INTERRUPT_VECTOR = 1, 0x08, "command/invalid-interrupt-vector";
    /// Invalid Log Page.
    INVALID_LOG_PAGE = 1, 0x09, "command/invalid-log-page";
    /// Invalid Format.
    INVALID_FORMAT = 1, 0x0a, "command/invalid-format";
    /// Invalid Queue Deletion.
    INVALID_QUEUE_DELETION = 1, 0x0c, "command/invalid-queue-deletion";
    /// Feature Identifier Not Saveable.
    FEATURE_NOT_SAVEABLE = 1, 0x0d, "command/feature-not-saveable";
    /// Feature Not Changeable.
    FEATURE_NOT_CHANGEABLE = 1, 0x0e, "command/feature-not-changeable";
    /// Feature Not Namespace Specific.
    FEATURE_NOT_NAMESPACE_SPECIFIC = 1, 0x0f, "command/feature-not-namespace-specific";
    /// Firmware Activation Requires Conventional Reset.
    FIRMWARE_NEEDS_CONVENTIONAL_RESET = 1, 0x0b, "command/firmware-needs-conventional-reset";
    /// Firmware Activation Requires NVM Subsystem Reset.
    FIRMWARE_NEEDS_SUBSYSTEM_RESET = 1, 0x10, "command/firmware-needs-subsystem-reset";
    /// Firmware Activation Requires Controller Level Reset.
    FIRMWARE_NEEDS_RESET = 1, 0x11, "command/firmware-needs-reset";
    /// Firmware Activation Prohibited.
    FIRMWARE_ACTIVATION_PROHIBITED = 1, 0x13, "command/firmware-activation-prohibited";
    /// Overlapping Range.
    OVERLAPPING_RANGE = 1, 0x14, "command/overlapping-range";
    /// Namespace Insufficient Capacity.
    NAMESPACE_INSUFFICIENT_CAPACITY = 1, 0x15, "command/namespace-insufficient-capacity";
    /// Namespace Identifier Unavailable.
    NAMESPACE_ID_UNAVAILABLE = 1, 0x16, "command/namespace-id-unavailable";
    /// Namespace Already Attached.
    NAMESPACE_ALREADY_ATTACHED = 1, 0x18, "command/namespace-already-attached";
    /// Namespace Is Private.
    NAMESPACE_IS_PRIVATE = 1, 0x19, "command/namespace-is-private";
    /// Namespace Not Attached.
    NAMESPACE_NOT_ATTACHED = 1, 0x1a, "command/namespace-not-attached";
    /// Thin Provisioning Not Supported.
    THIN_PROVISIONING_NOT_SUPPORTED = 1, 0x1b, "command/thin-provisioning-not-supported";
    /// Controller List Invalid.
    CONTROLLER_LIST_INVALID = 1, 0x1c, "command/controller-list-invalid";
    /// Device Self-test In Progress.
    SELF_TEST_IN_PROGRESS = 1, 0x1d, "command/self-test-in-progress";
    /// I/O Command Set Not Supported.
    COMMAND_SET_NOT_SUPPORTED = 1, 0x29, "command/command-set-not-supported";
    /// I/O Command Set Combination Rejected.
    COMMAND_SET_COMBINATION_REJECTED = 1, 0x2b, "command/command-set-combination-rejected";
    /// Conflicting Attributes.
    CONFLICTING_ATTRIBUTES = 1, 0x80, "command/conflicting-attributes";
    /// Invalid Protection Information.
    INVALID_PROTECTION_INFORMATION = 1, 0x81, "command/invalid-protection-information";
    /// Attempted Write to Read Only Range.
    READ_ONLY_RANGE = 1, 0x82, "command/read-only-range";
    /// Command Size Limit Exceeded.
    COMMAND_SIZE_LIMIT_EXCEEDED = 1, 0x83, "command/size-limit-exceeded";
    /// Incompatible Namespace or Format.
    INCOMPATIBLE_FORMAT = 1, 0x85, "command/incompatible-format";
    /// Write Fault.
    WRITE_FAULT = 2, 0x80, "media/write-fault";
    /// Unrecovered Read Error.
    UNRECOVERED_READ = 2, 0x81, "media/unrecovered-read";
    /// End-to-end Guard Check Error.
    GUARD_CHECK = 2, 0x82, "media/guard-check";
    /// End-to-end Application Tag Check Error.
    APPLICATION_TAG_CHECK = 2, 0x83, "media/application-tag-check";
    /// End-to-end Reference Tag Check Error.
    REFERENCE_TAG_CHECK = 2, 0x84, "media/reference-tag-check";
    /// Compare Failure.
    COMPARE_FAILURE = 2, 0x85, "media/compare-failure";
    /// Access Denied.
    ACCESS_DENIED = 2, 0x86, "media/access-denied";
    /// Deallocated or Unwritten Logical Block.
    DEALLOCATED_BLOCK = 2, 0x87, "media/deallocated-block";
    /// End-to-End Storage Tag Check Error.
    STORAGE_TAG_CHECK = 2, 0x88, "media/storage-tag-check";
    /// Internal Path Error.
    INTERNAL_PATH_ERROR = 3, 0x00, "path/internal-path-error";
    /// Asymmetric Access Persistent Loss.
    ANA_PERSISTENT_LOSS = 3, 0x01, "path/ana-persistent-loss";
    /// Asymmetric Access Inaccessible.
    ANA_INACCESSIBLE = 3, 0x02, "path/ana-inaccessible";
    /// Asymmetric Access Transition.
    ANA_TRANSITION = 3, 0x03, "path/ana-transition";
    /// Controller Pathing Error.
    CONTROLLER_PATHING_ERROR = 3, 0x60, "path/controller-pathing-error";
    /// Host Pathing Error.
    HOST_PATHING_ERROR = 3, 0x70, "path/host-pathing-error";
    /// Command Aborted By Host.
    ABORTED_BY_HOST = 3, 0x71, "path/aborted-by-host";
}
