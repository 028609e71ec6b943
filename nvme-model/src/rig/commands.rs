//! Commands of a host that wants one answer: sent, waited for, and taken.

use nvme_spec::{Sqe, Status};

use super::{DATA, Rig};
use crate::{GuestMemory, LabWake};

impl Rig {
    /// Submits, lets everything happen, and takes the one completion.
    pub(crate) fn run(&mut self, qid: u16, sqe: Sqe) -> (Status, u32) {
        let cid = self.submit(qid, sqe);
        self.settle();
        let found = self.reap(qid);
        assert_eq!(found.len(), 1, "one completion for {sqe:?}");
        assert_eq!(found[0].cid.get(), cid);
        self.lines.0.clear();
        (found[0].status(), found[0].dw0.get())
    }

    /// Submits, and lets time pass only until the completion is there, so that what goes on in the
    /// background goes on.
    pub(crate) fn prompt(&mut self, qid: u16, sqe: Sqe) -> (Status, u32) {
        self.lines.0.clear();
        let cid = self.submit(qid, sqe);
        assert_eq!(self.wait(qid, u64::MAX), LabWake::Interrupt);
        let found = self.reap(qid);
        let done = found.iter().find(|cqe| cqe.cid.get() == cid).expect("its completion");
        (done.status(), done.dw0.get())
    }

    /// As [`Rig::prompt`], of an admin command whose data is one page at [`DATA`].
    pub(crate) fn prompt_page(&mut self, sqe: Sqe) -> (Status, Vec<u8>) {
        self.memory.write(DATA, &[0xee; 4096]).expect("data page");
        let (status, _) = self.prompt(0, sqe.with_prp(DATA, 0));
        (status, self.data(4096))
    }

    pub(crate) fn admin(&mut self, sqe: Sqe) -> (Status, u32) {
        self.run(0, sqe)
    }

    /// Runs an admin command whose data is one page at [`DATA`].
    pub(crate) fn admin_page(&mut self, sqe: Sqe) -> (Status, Vec<u8>) {
        self.memory.write(DATA, &[0xee; 4096]).expect("data page");
        let (status, _) = self.admin(sqe.with_prp(DATA, 0));
        (status, self.data(4096))
    }

    /// Sets Host Behavior Support: this byte is 1.
    pub(crate) fn support(&mut self, byte: usize) {
        let mut data = [0; nvme_spec::feature::HOST_BEHAVIOR_BYTES];
        data[byte] = 1;
        self.memory_write(DATA, &data);
        let sqe = Sqe::set_features(nvme_spec::feature::HOST_BEHAVIOR, 0).with_prp(DATA, 0);
        assert!(self.admin(sqe).0.is_success());
    }

    /// Writes one block of one value.
    pub(crate) fn write_block(&mut self, lba: u64, value: u8, fua: bool) -> Status {
        self.memory.write(DATA, &[value; 4096]).expect("data page");
        self.run(1, Sqe::write(1, lba, 0, fua).with_prp(DATA, 0)).0
    }

    /// Reads one block.
    pub(crate) fn read_block(&mut self, lba: u64) -> Result<Vec<u8>, Status> {
        let (status, _) = self.run(1, Sqe::read(1, lba, 0).with_prp(DATA, 0));
        if status.is_success() { Ok(self.data(4096)) } else { Err(status) }
    }

    /// The first byte of a block on the media.
    pub(crate) fn on_media(&mut self, lba: u64) -> u8 {
        let mut block = [0; 4096];
        self.controller.media_mut(1).expect("namespace 1").read(lba, &mut block).expect("RAM");
        block[0]
    }
}
