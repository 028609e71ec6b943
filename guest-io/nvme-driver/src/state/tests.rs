use super::*;
use crate::NvmeDriver;
use crate::error::Stage;
use crate::fake::{Controller, Fake, Reply};
use block::{BlockDevice, DeviceStatus};
use nvme_spec::{AdminOpcode, status as code};
use std::rc::Rc;

fn probe(change: impl FnOnce(&mut Controller)) -> (Rc<Fake>, Result<NvmeDriver<Rc<Fake>>, Error>) {
    let fake = Fake::new(change);
    let result = fake.probe();
    (fake, result)
}

fn probe_error(change: impl FnOnce(&mut Controller)) -> Error {
    probe(change).1.unwrap_err()
}

fn refusing(opcode: AdminOpcode) -> Result<(), Error> {
    let fake = Fake::new(|_| ());
    let reply = Reply::fail(code::INTERNAL_ERROR);
    fake.on_admin(move |sqe| (sqe.opcode() == opcode.0).then_some(reply));
    fake.probe().map(drop)
}

#[test]
fn the_depth_is_what_controller_owner_and_cid_allow() {
    let cap = |mqes_z| Cap(0).with_css(1).with_mqes_z(mqes_z);
    for (mqes_z, wanted, depth) in
        [(63, 64, 64), (1, 64, 2), (0xffff, 64, 64), (0xffff, 1000, 256), (7, 4, 4)]
    {
        assert_eq!(io_depth(cap(mqes_z), wanted), Ok(depth));
    }
    let missing = |missing| Err(Error::Unsupported(missing));
    assert_eq!(io_depth(cap(0), 64), missing(Missing::QueueEntries));
    assert_eq!(io_depth(cap(9).with_mpsmin(1), 64), missing(Missing::SmallPages));
    assert_eq!(io_depth(cap(9).with_css(0x80), 64), missing(Missing::NvmCommandSet));
}

#[test]
fn probe_reads_the_geometry() {
    let (fake, driver) = probe(|controller| controller.id.awupf_z = 3.into());
    let geometry = driver.unwrap().geometry();
    assert_eq!((geometry.size_blocks, geometry.transfer_blocks_max), (4096, 16));
    assert_eq!((geometry.atomic_blocks, geometry.has_volatile_cache), (4, true));
    assert_eq!(fake.take_names(), "live");
}

#[test]
fn probe_of_an_absent_device_says_so() {
    assert_eq!(probe_error(|controller| controller.is_removed = true), Error::Removed);
}

#[test]
fn probe_gives_up_after_the_time_that_cap_names() {
    let (fake, result) = probe(|controller| controller.ready_ns = u64::MAX);
    let timeout = Duration::from_millis(4 * 500);
    assert_eq!(result.unwrap_err(), Error::NotReady { stage: Stage::Enable, timeout });
    assert_eq!(fake.now_ns(), 1_000 + 2_000_000_000);
    assert!(fake.controller.borrow().is_dma_stopped);
}

#[test]
fn probe_notices_a_fatal_status_and_an_unanswered_command() {
    assert_eq!(probe_error(|controller| controller.is_fatal = true), Error::Fatal);
    let fake = Fake::new(|_| ());
    fake.on_admin(|_| Some(Reply::NEVER));
    let error = fake.probe().unwrap_err();
    assert_eq!(error, Error::AdminTimeout { opcode: AdminOpcode::IDENTIFY });
}

#[test]
fn a_vital_command_that_fails_ends_the_probe_and_another_does_not() {
    for opcode in [AdminOpcode::IDENTIFY, AdminOpcode::CREATE_IO_CQ, AdminOpcode::CREATE_IO_SQ] {
        let status = DeviceStatus(6);
        assert_eq!(refusing(opcode), Err(Error::AdminFailed { opcode, status }));
    }
    assert_eq!(refusing(AdminOpcode::ASYNC_EVENT_REQUEST), Ok(()));
}

#[test]
fn a_namespace_that_cannot_be_driven_ends_the_probe() {
    let error = probe_error(|controller| controller.namespace.nsze = 0.into());
    assert_eq!(error, Error::NoNamespace { nsid: 1 });
    let error = probe_error(|controller| controller.namespace.lbaf[0].lbads = 13);
    assert_eq!(error, Error::Unsupported(Missing::BlockSize));
}

#[test]
fn another_namespace_after_a_reset_ends_the_device() {
    let (fake, driver) = probe(|_| ());
    let driver = driver.unwrap();
    fake.controller.borrow_mut().namespace.nsze = 8.into();
    fake.controller.borrow_mut().post_event(0x0001_0300);
    // The event is noticed with the next interrupt of the I/O queue; the reset follows.
    assert_eq!(driver.execute(Bio::flush()).result, Ok(()));
    assert_eq!(driver.execute(Bio::flush()).result, Err(BlockError::Gone));
    assert_eq!(driver.failure(), Some(Error::Changed));
}

#[test]
fn probe_without_memory_is_an_error() {
    let fake = Fake::new(|_| ());
    let _hoard = fake.pool.alloc(2047).unwrap();
    assert_eq!(fake.probe().unwrap_err(), Error::OutOfMemory);
}
