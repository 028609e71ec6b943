//! Every command there is, in an order in which most succeed and the later ones look at what the earlier left.

use nvme_spec::command::{Copy12, Rw12, prinfo};
use nvme_spec::copy::{CopyFormat, CopyRange};
use nvme_spec::reservation::{Register10, Reserve10};
use nvme_spec::{AdminOpcode, NvmOpcode, Sqe, feature};

/// The namespace of the protected blocks.
pub(super) const PROTECTED: u32 = 2;

/// A command: its queue, its entry, what is in its page before.
pub(super) type Step = (u16, Sqe, Vec<u8>);

/// Commands without data of their own find this.
pub(super) fn filled() -> Vec<u8> {
    vec![0x5a; 4096]
}

pub(super) fn set(mut sqe: Sqe, dwords: &[(usize, u32)]) -> Sqe {
    for (dword, value) in dwords {
        match dword {
            10 => sqe.cdw10 = (*value).into(),
            11 => sqe.cdw11 = (*value).into(),
            12 => sqe.cdw12 = (*value).into(),
            13 => sqe.cdw13 = (*value).into(),
            other => panic!("dword {other}"),
        }
    }
    sqe
}

pub(super) fn admin(
    opcode: AdminOpcode,
    nsid: u32,
    dwords: &[(usize, u32)],
    data: Vec<u8>,
) -> Step {
    (0, set(Sqe::new(opcode.0, nsid), dwords), data)
}

fn io(sqe: Sqe) -> Step {
    (1, sqe, filled())
}

/// Every I/O command, and looks at what they left.
pub(super) fn io_commands() -> Vec<Step> {
    let write = |lba, byte| (1, Sqe::write(1, lba, 0, false), vec![byte; 4096]);
    let read = |lba| io(Sqe::read(1, lba, 0));
    let keyed = |opcode: NvmOpcode, cdw10, keys: [u64; 2]| {
        (1, set(Sqe::new(opcode.0, 1), &[(10, cdw10)]), keys.map(u64::to_le_bytes).concat())
    };
    let source = CopyRange { slba: 1, ..CopyRange::default() };
    let mut range = vec![0; 16];
    (range[4], range[8]) = (1, 2);
    let mut zeroes = Sqe::write_zeroes(PROTECTED, 0, 0);
    let protected = Rw12(0).with_prinfo(prinfo::ACTION).0;
    zeroes.cdw12 = protected.into();
    vec![
        write(1, 5),
        write(1, 6),
        write(2, 7),
        write(3, 8),
        read(1),
        (1, Sqe::compare(1, 1, 0), vec![6; 4096]),
        io(Sqe::verify(1, 1, 0)),
        (
            1,
            Sqe::copy(1, 20, Copy12(0)),
            source.encode(CopyFormat::new(0).expect("a format")).to_vec(),
        ),
        read(20),
        io(Sqe::write_zeroes(1, 3, 0)),
        read(3),
        (1, Sqe::deallocate(1, 0), range),
        read(2),
        io(Sqe::write_uncorrectable(1, 9, 0)),
        read(9),
        (1, set(Sqe::write(PROTECTED, 0, 0, false), &[(12, protected)]), filled()),
        (1, zeroes, filled()),
        io(set(Sqe::read(PROTECTED, 0, 0), &[(12, protected)])),
        io(Sqe::flush(1)),
        keyed(NvmOpcode::RESERVATION_REGISTER, Register10(0).0, [0, 0x99]),
        keyed(NvmOpcode::RESERVATION_ACQUIRE, Reserve10(0).with_rtype(1).0, [0x99, 0]),
        keyed(NvmOpcode::RESERVATION_REPORT, 15, [0, 0]),
        keyed(NvmOpcode::RESERVATION_RELEASE, Reserve10(0).with_rtype(1).0, [0x99, 0]),
        keyed(NvmOpcode::RESERVATION_REPORT, 15, [0, 0]),
    ]
}

/// Every admin command that [`run`] does not send for itself.
pub(super) fn admin_commands() -> Vec<Step> {
    use AdminOpcode as Admin;
    let mut behaviour = vec![0; feature::HOST_BEHAVIOR_BYTES];
    behaviour[feature::HOST_BEHAVIOR_ACRE] = 1;
    let how = |sqe: Sqe| (0, sqe, filled());
    vec![
        how(Sqe::identify(1, 0)),
        (0, Sqe::set_features(feature::HOST_BEHAVIOR, 0), behaviour),
        how(Sqe::get_features(feature::HOST_BEHAVIOR, 0)),
        how(Sqe::get_log_page(2, 0xffff_ffff, 127, 0)),
        admin(Admin::GET_LBA_STATUS, 1, &[(12, 63), (13, 0x10 << 24)], filled()),
        admin(Admin::DIRECTIVE_RECEIVE, 1, &[(10, 15), (11, 1)], filled()),
        admin(Admin::DIRECTIVE_SEND, 1, &[(11, 1)], filled()),
        admin(Admin::DEVICE_SELF_TEST, 1, &[(10, 1)], filled()),
        admin(Admin::NAMESPACE_MANAGEMENT, 0, &[(10, 0)], new_namespace()),
        admin(Admin::NAMESPACE_ATTACHMENT, 3, &[(10, 0)], vec![1, 0, 0, 0]),
        admin(Admin::FIRMWARE_DOWNLOAD, 0, &[(10, 1023)], filled()),
        admin(Admin::FIRMWARE_COMMIT, 0, &[(10, 2 | 1 << 3)], filled()),
        admin(Admin::KEEP_ALIVE, 0, &[], filled()),
    ]
}

/// Eight blocks of 4 KiB.
fn new_namespace() -> Vec<u8> {
    let mut page = vec![0; 4096];
    (page[0], page[8], page[26]) = (8, 8, 0);
    page
}
