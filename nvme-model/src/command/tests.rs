use nvme_spec::{NSID_BROADCAST, NvmOpcode, Sqe, status};

use super::*;

#[test]
fn a_transfer_of_65536_blocks_does_not_overflow() {
    let command = Command::decode(1, &Sqe::read(1, 5, 0xffff)).expect("valid");
    assert_eq!(command.blocks(), Some((5, 65536)));
}

#[test]
fn get_log_page_length_uses_all_32_bits_of_numd() {
    let sqe = Sqe::get_log_page(1, NSID_BROADCAST, 0x0001_000f, 0);
    let Ok(Command::Admin(AdminCommand::GetLogPage { length, .. })) = Command::decode(0, &sqe)
    else {
        panic!("not a log page command");
    };
    assert_eq!(length, 0x0001_0010 * 4);
}

#[test]
fn an_unknown_opcode_is_invalid_opcode_on_both_kinds_of_queue() {
    for opcode in 0..=u8::MAX {
        let sqe = Sqe::new(opcode, 1);
        for sqid in [0, 1] {
            if let Err(failure) = Command::decode(sqid, &sqe) {
                let codes = [status::INVALID_OPCODE, status::INVALID_FIELD];
                assert!(codes.contains(&failure.status.code), "opcode {opcode:#x}");
            }
        }
    }
    let unknown = Command::decode(1, &Sqe::new(NvmOpcode::COPY.0, 1)).expect_err("unsupported");
    assert_eq!(unknown.status.code, status::INVALID_OPCODE);
}

#[test]
fn a_fused_command_is_an_invalid_field() {
    let mut fused = Sqe::read(1, 0, 0);
    fused.cdw0 = fused.dword0().with_fuse(1).0.into();
    let failure = Command::decode(1, &fused).expect_err("fused");
    assert_eq!((failure.status.code, failure.location), (status::INVALID_FIELD, 0x0001));
}

#[test]
fn sgls_are_for_io_commands_and_the_reserved_pointer_type_for_none() {
    let bad = (status::INVALID_FIELD, 0x0601);
    for (qid, sqe) in [(0, Sqe::identify(1, 0)), (1, Sqe::read(1, 0, 0))] {
        for psdt in 0..4 {
            let mut sqe = sqe;
            sqe.cdw0 = sqe.dword0().with_psdt(psdt).0.into();
            let is_good = psdt == 0 || qid == 1 && psdt < 3;
            let decoded = Command::decode(qid, &sqe);
            let failure = decoded.err().map(|failure| (failure.status.code, failure.location));
            assert_eq!(failure, (!is_good).then_some(bad), "queue {qid}, PSDT {psdt}");
        }
    }
}
