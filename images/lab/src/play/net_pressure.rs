//! The pressure words where the swap file is a server's.

use alloc::rc::Rc;

use block::BlockDevice;
use hal::{PAGE_BYTES, UserMemory};
use iomap::{Direction, Errno};
use tasks::Role;

use super::{OUT_OF_PLACE, Play};
use crate::crowd::{READER_PAGES, with_memory};
use crate::events::Step;
use crate::spec::Op;
use crate::steps::step;

impl<D: BlockDevice + 'static, U: UserMemory + 'static> Play<'_, D, U> {
    /// Takes memory and turns swap on behind it.
    pub(super) fn net_pressure_on(&mut self) -> Result<(), Errno> {
        let tracer = self.tracer.clone();
        let on = step(&tracer, Step::SwapOn, || self.memory_before(self.net_area()?));
        self.parts.pressure = Some(on?);
        Ok(())
    }

    /// Lets go of the swap file. What is in it is given up, as the memory is.
    pub(super) fn net_pressure_off(&mut self) -> Result<(), Errno> {
        self.parts.pressure = None;
        self.net_fs()?.release_swap_file(self.net_file()?);
        Ok(())
    }

    /// Hogs, a program that sleeps, and a reader of the swap file if the word says so. There is no lock around its
    /// reads: this client has none, and Linux's NFS takes none for swap.
    pub(super) fn net_pressure(&self, op: Op) -> Result<(), Errno> {
        let mut member = self.member()?;
        member.is_paged_out = op == Op::PressurePageOut;
        let (fs, file) = (self.remote.clone().ok_or(OUT_OF_PLACE)?, self.net_file()?);
        let room = self.net_pages(READER_PAGES as u64)?;
        self.run_tasks(Step::Pressure, || {
            self.spawn_hogs(&member, None)?;
            if op == Op::PressureReader {
                let (reader, tasks) = (member.clone(), Rc::clone(&self.tasks));
                let first = PAGE_BYTES as u64;
                let read = move || {
                    // What it gets is nobody's business: it stands in the way, that is all.
                    let _ = fs.transfer(Direction::Read, file, first, &room);
                };
                let run = move || reader.reader(|| with_memory(&tasks, &read));
                member.tasks.spawn("reader", Role::Worker, run)?;
            }
            Ok(Rc::clone(&member.crowd))
        })
    }
}
