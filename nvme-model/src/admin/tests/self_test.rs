//! Device Self-test.

use nvme_spec::log::{
    SELF_TEST_ABORT, SELF_TEST_EXTENDED, SELF_TEST_SHORT, SelfTestLog, critical_warning,
    result_code,
};
use nvme_spec::{AdminOpcode, NSID_BROADCAST, Sqe, StatusCode, status};

use super::{command, log_page};
use crate::rig::Rig;
use crate::{CachePolicy, Config, Media, MediaError, RamMedia};

pub(super) fn start(rig: &mut Rig, code: u8, nsid: u32) -> StatusCode {
    rig.prompt(0, command(AdminOpcode::DEVICE_SELF_TEST, nsid, code.into(), 0)).0.code
}

fn log(rig: &mut Rig) -> SelfTestLog {
    let (status, page) = rig.prompt_page(log_page(6, 0, 564, 0));
    assert!(status.is_success());
    SelfTestLog::from_prefix(&page).expect("564 bytes")
}

/// The newest result: how it ended, segment, namespace, block.
pub(super) fn newest(rig: &mut Rig) -> (u8, u8, u32, u64) {
    let result = log(rig).results[0];
    (result.status, result.segment, result.nsid.get(), result.failing_lba.get())
}

#[test]
fn a_short_test_takes_its_time_and_passes() {
    let mut rig = Rig::new();
    assert_eq!(newest(&mut rig).0, 0x0f, "none yet");
    let begin = rig.now_ns;
    assert_eq!(start(&mut rig, SELF_TEST_SHORT, NSID_BROADCAST), status::SUCCESS);
    assert_eq!(start(&mut rig, SELF_TEST_EXTENDED, 0), status::SELF_TEST_IN_PROGRESS);
    rig.wait_until(begin + 30_500_000_000);
    let log = log(&mut rig);
    assert_eq!((log.current, log.completion), (SELF_TEST_SHORT, 50));
    assert!(rig.prompt(1, Sqe::flush(1)).0.is_success(), "commands go on meanwhile");
    rig.settle();
    assert_eq!(newest(&mut rig), (SELF_TEST_SHORT << 4 | result_code::PASSED, 0, 0, 0));
    assert_eq!(self::log(&mut rig).current, 0);
}

#[test]
fn an_extended_test_finds_the_unreadable_block_and_a_short_one_only_at_the_ends() {
    let mut rig = Rig::new();
    assert!(rig.run(1, Sqe::write_uncorrectable(1, 500, 3)).0.is_success());
    for (code, nsid, expected) in [
        (SELF_TEST_SHORT, 1, (0x10, 0, 0, 0)),
        (SELF_TEST_EXTENDED, 0, (0x20, 0, 0, 0)),
        (SELF_TEST_EXTENDED, 1, (0x27, 7, 1, 500)),
    ] {
        assert_eq!(start(&mut rig, code, nsid), status::SUCCESS);
        rig.settle();
        assert_eq!(newest(&mut rig), expected, "test {code} of {nsid}");
    }
    let result = log(&mut rig).results[0];
    assert_eq!((result.valid, result.sct, result.sc), (0xf, 2, 0x81));
    assert!(rig.run(1, Sqe::write_uncorrectable(1, 1023, 0)).0.is_success());
    assert_eq!(start(&mut rig, SELF_TEST_SHORT, 1), status::SUCCESS);
    rig.settle();
    assert_eq!(newest(&mut rig), (0x17, 5, 1, 1023));
    // Telemetry was taken: its header says so.
    let (_, page) = rig.admin_page(log_page(8, 0, 512, 0));
    assert_eq!((page[382], page[383]), (1, 2));
}

#[test]
fn a_test_finds_the_block_that_a_command_was_told_is_unreadable() {
    let rule = "read lba=700..800 => status=media/unrecovered-read until-rewrite";
    let mut rig = Rig::faulty(&[rule]);
    let run = |rig: &mut Rig, code| {
        assert_eq!(start(rig, code, 1), status::SUCCESS);
        rig.settle();
        newest(rig)
    };
    assert_eq!(run(&mut rig, SELF_TEST_EXTENDED), (0x20, 0, 0, 0), "no command met it yet");
    rig.read_block(730).expect_err("bad");
    assert_eq!(run(&mut rig, SELF_TEST_EXTENDED), (0x27, 7, 1, 730));
    assert_eq!(run(&mut rig, SELF_TEST_SHORT), (0x10, 0, 0, 0), "it looks at the ends only");
    assert!(rig.write_block(730, 1, false).is_success());
    assert_eq!(run(&mut rig, SELF_TEST_EXTENDED), (0x20, 0, 0, 0), "healed by writing");
}

#[test]
fn a_short_test_looks_at_the_first_and_at_the_last_block() {
    for lba in [0, 1023] {
        let mut rig = Rig::new();
        assert!(rig.run(1, Sqe::write_uncorrectable(1, lba, 0)).0.is_success());
        assert_eq!(start(&mut rig, SELF_TEST_SHORT, 1), status::SUCCESS);
        rig.settle();
        assert_eq!(newest(&mut rig), (0x17, 5, 1, lba));
        // And it reads them: the host's own storage may be what fails.
        let mut rig =
            Rig::on(Box::new(Broken { lba, blocks: RamMedia::new(1024, 4096) }), Config::default());
        assert_eq!(start(&mut rig, SELF_TEST_SHORT, 1), status::SUCCESS);
        rig.settle();
        assert_eq!(newest(&mut rig), (0x17, 5, 0, 0));
        let failure = rig.controller.host_failure().expect("noted for the owner");
        assert_eq!(failure.offset, lba);
    }
}

/// Media of which one block cannot be read.
#[derive(Clone, Debug)]
struct Broken {
    lba: u64,
    blocks: RamMedia,
}

impl Media for Broken {
    fn block_bytes(&self) -> u32 {
        self.blocks.block_bytes()
    }

    fn size_blocks(&self) -> u64 {
        self.blocks.size_blocks()
    }

    fn read(&self, lba: u64, dst: &mut [u8]) -> Result<(), MediaError> {
        if lba == self.lba {
            let (operation, path) = ("read", "broken".into());
            let source = std::io::ErrorKind::Other.into();
            return Err(MediaError { operation, path, offset: lba, source });
        }
        self.blocks.read(lba, dst)
    }

    fn write(&mut self, lba: u64, src: &[u8]) -> Result<(), MediaError> {
        self.blocks.write(lba, src)
    }

    fn flush(&mut self) -> Result<(), MediaError> {
        self.blocks.flush()
    }

    fn discard(&mut self, lba: u64, blocks: u64) -> Result<(), MediaError> {
        self.blocks.discard(lba, blocks)
    }

    fn snapshot(&self) -> Box<dyn Media> {
        Box::new(self.clone())
    }
}

#[test]
fn a_critical_warning_fails_the_test() {
    let mut rig = Rig::new();
    rig.controller.set_critical_warning(rig.now_ns, critical_warning::SPARE, &mut rig.trace);
    assert_eq!(start(&mut rig, SELF_TEST_SHORT, 0), status::SUCCESS);
    rig.settle();
    assert_eq!(newest(&mut rig), (0x17, 2, 0, 0));
}

#[test]
fn a_test_is_aborted_by_command_reset_removal_and_sanitize() {
    type Abort = fn(&mut Rig);
    let aborts: [(Abort, u8); 5] = [
        (|rig| assert_eq!(start(rig, SELF_TEST_ABORT, 0), status::SUCCESS), 0x11),
        (
            |rig| {
                rig.disable();
                rig.enable();
            },
            0x12,
        ),
        (
            |rig| {
                let (now_ns, trace) = (rig.now_ns, &mut rig.trace);
                rig.controller.remove_namespace(now_ns, 1, trace).expect("there");
            },
            0x13,
        ),
        (
            |rig| {
                assert!(rig.prompt(0, command(AdminOpcode::FORMAT_NVM, 1, 1, 0)).0.is_success());
            },
            0x14,
        ),
        (
            |rig| {
                assert!(rig.prompt(0, command(AdminOpcode::SANITIZE, 0, 2, 0)).0.is_success());
                rig.settle();
            },
            0x19,
        ),
    ];
    for (abort, expected) in aborts {
        let mut rig = Rig::new();
        assert_eq!(start(&mut rig, SELF_TEST_SHORT, NSID_BROADCAST), status::SUCCESS);
        abort(&mut rig);
        assert_eq!(newest(&mut rig).0, expected);
        assert_eq!(start(&mut rig, SELF_TEST_ABORT, 0), status::SUCCESS);
        assert_eq!(log(&mut rig).results[1].status, 0x0f, "nothing was there to abort");
    }
}

#[test]
fn an_extended_test_survives_a_power_cut() {
    let mut rig = Rig::new();
    assert_eq!(start(&mut rig, SELF_TEST_EXTENDED, 0), status::SUCCESS);
    rig.controller.power_cut(rig.now_ns, CachePolicy::LoseAll, &mut rig.trace);
    rig.now_ns = 0;
    rig.read32(0);
    rig.settle();
    rig.enable();
    assert_eq!(newest(&mut rig).0, 0x20);
}

#[test]
fn a_test_that_cannot_be_says_why() {
    let mut rig = Rig::new();
    for code in [0, 3, 4, 0xe] {
        assert_eq!(start(&mut rig, code, 0), status::INVALID_FIELD);
    }
    assert_eq!(start(&mut rig, SELF_TEST_SHORT, 2), status::INVALID_FIELD, "inactive");
    assert_eq!(start(&mut rig, SELF_TEST_SHORT, 33), status::INVALID_NAMESPACE);
}
