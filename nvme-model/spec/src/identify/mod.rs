//! Identify: what it can be asked (CNS values) and what it answers.
// Spec: NVMe-Base-2.0c 5.17 "Identify command"

mod controller;
mod descriptor;
mod namespace;

pub use controller::{
    IdentifyController, POWER_STATE_NON_OPERATIONAL, PowerState, ctratt, frmw, lpa, oacs, oaes,
    oncs, sanicap, sgls, vwc,
};
pub use descriptor::{DescriptorType, descriptor_header};
pub use namespace::{IdentifyNamespace, LbaFormat};

/// Bytes of every identify structure.
pub const IDENTIFY_BYTES: usize = 4096;

/// CNS: the namespace of the command, NVM command set.
pub const CNS_NAMESPACE: u8 = 0x00;
/// CNS: the controller.
pub const CNS_CONTROLLER: u8 = 0x01;
/// CNS: active namespaces, greater than the command's, as up to 1024 `u32`.
pub const CNS_ACTIVE_NAMESPACES: u8 = 0x02;
/// CNS: the namespace's identification descriptors.
pub const CNS_NAMESPACE_DESCRIPTORS: u8 = 0x03;
/// CNS: the namespace, specific to the command set of dword 11.
pub const CNS_COMMAND_SET_NAMESPACE: u8 = 0x05;
/// CNS: the controller, specific to the command set of dword 11.
pub const CNS_COMMAND_SET_CONTROLLER: u8 = 0x06;
/// CNS: active namespaces of the command set of dword 11.
pub const CNS_COMMAND_SET_ACTIVE_NAMESPACES: u8 = 0x07;
/// CNS: the namespace, independent of the command set.
pub const CNS_INDEPENDENT_NAMESPACE: u8 = 0x08;

/// CNS: allocated namespaces, greater than the command's, as up to 1024 `u32`.
pub const CNS_ALLOCATED_NAMESPACES: u8 = 0x10;
/// CNS: the namespace, attached or not.
pub const CNS_ALLOCATED_NAMESPACE: u8 = 0x11;
/// CNS: the controllers that the namespace is attached to, from the one in dword 10 on.
pub const CNS_ATTACHED_CONTROLLERS: u8 = 0x12;
/// CNS: the controllers of the subsystem, from the one in dword 10 on.
pub const CNS_CONTROLLERS: u8 = 0x13;
/// CNS: which I/O command sets the controller can do together.
pub const CNS_COMMAND_SETS: u8 = 0x1c;

/// CNS: allocated namespaces of the command set of dword 11.
pub const CNS_COMMAND_SET_ALLOCATED_NAMESPACES: u8 = 0x1a;
/// CNS: the namespace, attached or not, specific to the command set of dword 11.
pub const CNS_COMMAND_SET_ALLOCATED_NAMESPACE: u8 = 0x1b;

/// Command set identifier (dword 11, bits 31:24) of the NVM command set.
pub const CSI_NVM: u8 = 0;

/// Entries of a namespace list.
pub const NAMESPACE_LIST_ENTRIES: usize = 1024;
