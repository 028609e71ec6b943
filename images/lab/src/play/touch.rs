//! Workloads beyond a pass over all pages: chance, windows, small areas, processes, files beside swap.

use alloc::rc::Rc;

use block::BlockDevice;
use hal::UserMemory;
use iomap::Errno;

use super::beside::Beside;
use super::{OUT_OF_PLACE, Play};
use crate::events::Step;
use crate::spec::Op;
use crate::steps::step;
use crate::touch::Touches;

/// An operation on the file comes after so many accesses.
const FILE_EVERY: u64 = 4;

impl<D: BlockDevice + 'static, U: UserMemory + 'static> Play<'_, D, U> {
    pub(super) fn fork(&mut self) -> Result<(), Errno> {
        let mm = self.parts.mm.as_mut().ok_or(OUT_OF_PLACE)?;
        let workload = &mut self.workload;
        step(&self.tracer, Step::Fork, || workload.fork(mm).map(|pages| ((), pages)))
    }

    pub(super) fn zeros(&mut self) -> Result<(), Errno> {
        let mm = self.parts.mm.as_mut().ok_or(OUT_OF_PLACE)?;
        let pass = || Ok(((), self.workload.zero_all(mm)));
        step(&self.tracer, Step::Zeros, pass)
    }

    /// The accesses of a word. What they saw is in the trace; the step counts those that were right.
    pub(super) fn touch(&mut self, word: Op, name: Step) -> Result<(), Errno> {
        let mm = self.parts.mm.as_mut().ok_or(OUT_OF_PLACE)?;
        let touches = Touches::new(word, self.spec.pages, self.spec.seed);
        let pass = || Ok(((), self.workload.touch(mm, touches, |_| {})));
        step(&self.tracer, name, pass)
    }

    /// The same while a file of the same filesystem is written, read, cut, grown and brought to media. A page of
    /// the file that is wrong ends the step with `EIO`, which no operation here gives on a healthy drive.
    pub(super) fn touch_beside(&mut self, word: Op, name: Step) -> Result<(), Errno> {
        let fs = self.fs()?;
        let mm = self.parts.mm.as_mut().ok_or(OUT_OF_PLACE)?;
        let touches = Touches::new(word, self.spec.pages, self.spec.seed);
        let (workload, device, seed) = (&mut self.workload, &self.device, self.spec.seed);
        step(&self.tracer, name, || {
            let ino = fs.open("beside").or_else(|_| fs.create("beside"))?;
            let (device, is_buffered) = (Rc::clone(device), word == Op::TouchBesideBuffered);
            let mut file = Beside { fs, ino, device, seed, is_buffered, pages: 0 };
            let mut result = Ok(());
            let right = workload.touch(mm, touches, |nth| {
                if nth % FILE_EVERY == 0 && result.is_ok() {
                    result = file.operate(nth / FILE_EVERY);
                }
            });
            result.map(|()| ((), right))
        })
    }
}
