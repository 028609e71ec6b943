//! The host's own storage fails: the guest gets an internal error, and the owner learns what it was.

use nvme_spec::command::{SANACT_BLOCK_ERASE, Sanitize10};
use nvme_spec::dsm::DsmRange;
use nvme_spec::{AdminOpcode, Sqe, feature, status};

use crate::rig::{DATA, Rig};
use crate::{Config, Media, MediaError, RamMedia};

/// Media that fail at one kind of operation.
#[derive(Clone, Debug)]
struct Failing {
    at: &'static str,
    blocks: RamMedia,
}

impl Failing {
    fn check(&self, operation: &'static str, lba: u64) -> Result<(), MediaError> {
        if operation != self.at {
            return Ok(());
        }
        let source = std::io::ErrorKind::StorageFull.into();
        Err(MediaError { operation, path: "image".into(), offset: lba * 4096, source })
    }
}

impl Media for Failing {
    fn block_bytes(&self) -> u32 {
        self.blocks.block_bytes()
    }

    fn size_blocks(&self) -> u64 {
        self.blocks.size_blocks()
    }

    fn read(&self, lba: u64, dst: &mut [u8]) -> Result<(), MediaError> {
        self.check("read", lba)?;
        self.blocks.read(lba, dst)
    }

    fn write(&mut self, lba: u64, src: &[u8]) -> Result<(), MediaError> {
        self.check("write", lba)?;
        self.blocks.write(lba, src)
    }

    fn flush(&mut self) -> Result<(), MediaError> {
        self.check("flush", 0)?;
        self.blocks.flush()
    }

    fn discard(&mut self, lba: u64, blocks: u64) -> Result<(), MediaError> {
        self.check("discard", lba)?;
        self.blocks.discard(lba, blocks)
    }

    fn snapshot(&self) -> Box<dyn Media> {
        Box::new(self.clone())
    }
}

fn rig(at: &'static str) -> Rig {
    Rig::on(Box::new(Failing { at, blocks: RamMedia::new(1024, 4096) }), Config::default())
}

/// What the owner is told, if anything.
fn told(rig: &Rig) -> Option<(&'static str, u64)> {
    rig.controller.host_failure().map(|error| (error.operation, error.offset))
}

#[test]
fn a_command_that_needs_what_failed_gets_an_internal_error_and_the_owner_its_place() {
    let at = 7 * 4096;
    for (operation, sqe, place) in [
        ("read", Sqe::read(1, 7, 0), at),
        ("read", Sqe::compare(1, 7, 0), at),
        ("read", Sqe::verify(1, 7, 0), at),
        ("write", Sqe::write(1, 7, 0, true), at),
        ("flush", Sqe::write(1, 7, 0, true), 0),
        ("flush", Sqe::flush(1), 0),
        ("discard", Sqe::write_zeroes(1, 7, 0), at),
        ("discard", Sqe::deallocate(1, 0), at),
    ] {
        let mut rig = rig(operation);
        rig.memory_write(DATA, &DsmRange::new(7, 1).to_bytes());
        let (found, _) = rig.run(1, sqe.with_prp(DATA, 0));
        let opcode = sqe.opcode();
        assert_eq!(found.code, status::INTERNAL_ERROR, "{operation} at opcode {opcode:#x}");
        assert_eq!(told(&rig), Some((operation, place)), "opcode {opcode:#x}");
        // A command that does not need it goes on as ever.
        let other =
            if operation == "read" { Sqe::write(1, 9, 0, false) } else { Sqe::read(1, 9, 0) };
        assert!(rig.run(1, other.with_prp(DATA, 0)).0.is_success(), "opcode {opcode:#x}");
    }
}

#[test]
fn a_cached_write_that_cannot_be_written_fails_whoever_flushes_it() {
    let flushes = [Sqe::set_features(feature::VOLATILE_WRITE_CACHE, 0), Sqe::flush(1)];
    for (queue, sqe) in flushes.into_iter().enumerate() {
        let mut rig = rig("write");
        assert!(rig.write_block(7, 1, false).is_success(), "it is in the cache");
        assert_eq!(told(&rig), None);
        assert_eq!(rig.run(queue as u16, sqe).0.code, status::INTERNAL_ERROR);
        assert_eq!(told(&rig), Some(("write", 7 * 4096)));
    }
}

#[test]
fn what_is_no_command_is_told_to_the_owner_alone() {
    let mut shut_down = rig("write");
    shut_down.write_block(7, 1, false);
    let cc = shut_down.read32(nvme_spec::register::CC);
    shut_down.write32(nvme_spec::register::CC, cc | 1 << 14);
    shut_down.settle();
    assert_eq!(told(&shut_down), Some(("write", 7 * 4096)), "a normal shutdown flushes");
    let mut sanitized = rig("discard");
    let mut sqe = Sqe::new(AdminOpcode::SANITIZE.0, 0);
    sqe.cdw10 = Sanitize10(0).with_sanact(SANACT_BLOCK_ERASE).0.into();
    assert!(sanitized.admin(sqe).0.is_success());
    sanitized.settle();
    assert_eq!(told(&sanitized), Some(("discard", 0)), "in the background");
}
