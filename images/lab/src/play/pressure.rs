//! Memory that several tasks want at once, with the swap file behind it.

use alloc::rc::Rc;

use block::BlockDevice;
use guest_fs::FileSystem;
use hal::UserMemory;
use iomap::{Errno, SwapHost};
use swap_path::{SwapArea, SwaponOptions, TaskMm, TaskMmConfig, TaskMmError, swapon_with};
use tasks::{NoStack, Role, TaskHandle};

use super::{OUT_OF_PLACE, Play, Pressure};
use crate::crowd::{Crowd, Member, PROGRAM_PAGES, allocate_locked};
use crate::events::{Event, Step};
use crate::spec::{Knob, Op};
use crate::steps::step;
use crate::tripwire::Tripwire;

/// Tasks that want memory.
const HOGS: u64 = 2;

/// With the knob each so manieth submission finds no memory.
const ENOMEM_EVERY: u32 = 7;

impl<D: BlockDevice + 'static, U: UserMemory + 'static> Play<'_, D, U> {
    /// Takes memory and turns swap on behind it.
    pub(super) fn pressure_on(&mut self) -> Result<(), Errno> {
        let (fs, ino) = (self.fs()?, self.ino()?);
        let (spec, tracer, device) = (self.spec, &self.tracer, &self.device);
        let options = SwaponOptions {
            path: spec.path,
            activation: spec.activation,
            knobs: spec.knobs.swap(),
            ..SwaponOptions::new(spec.path)
        };
        let pressure = step(tracer, Step::SwapOn, || {
            let area =
                swapon_with(&Rc::new(fs), device, ino, &options).map_err(|error| error.errno())?;
            for extent in area.extents() {
                tracer.emit(Event::from(extent));
            }
            self.memory_before(area)
        })?;
        self.parts.pressure = Some(pressure);
        Ok(())
    }

    /// Memory with `area` behind it, and the area's slots.
    pub(super) fn memory_before(
        &self,
        area: SwapArea<D::Page>,
    ) -> Result<(Pressure<D, U>, u64), Errno> {
        let spec = self.spec;
        let frames = usize::try_from(spec.resident_pages).unwrap_or(usize::MAX);
        let config = TaskMmConfig {
            has_workqueue_from_start: spec.knobs.has(Knob::WorkqueueAtMount),
            enomem_every: if spec.knobs.has(Knob::SubmitEnomem) { ENOMEM_EVERY } else { 0 },
            knobs: spec.knobs.mm(),
            bugs: spec.knobs.bugs(),
            ..TaskMmConfig::new(frames)
        };
        let slots = u64::from(area.size_pages());
        let (tasks, user) = (Rc::clone(&self.tasks), Rc::clone(&self.user));
        let pressure = TaskMm::new(config, tasks, user, &self.device, area);
        pressure.map(|pressure| (pressure, slots)).map_err(|error| match error {
            TaskMmError::NotSplit(_) => Errno::EOPNOTSUPP,
            TaskMmError::OutOfMemory | TaskMmError::NoStack => Errno::ENOMEM,
        })
    }

    /// Lets go of the swap file. What is in it is given up, as the memory is.
    pub(super) fn pressure_off(&mut self) -> Result<(), Errno> {
        self.parts.pressure = None;
        let fs = self.fs()?;
        // The program that froze it may have died before its thaw, and a frozen filesystem stays mounted.
        if fs.is_frozen() {
            fs.thaw()?;
        }
        fs.release_swapfile(self.ino()?);
        Ok(())
    }

    /// Hogs, a program that sleeps, and who else the word says.
    pub(super) fn pressure(&self, op: Op) -> Result<(), Errno> {
        let mut member = self.member()?;
        member.is_paged_out = matches!(op, Op::PressureFrozen | Op::PressurePageOut);
        let (fs, ino) = (self.fs()?, self.ino()?);
        self.run_tasks(Step::Pressure, || {
            let frozen = (op == Op::PressureFrozen).then(|| fs.clone());
            self.spawn_hogs(&member, frozen)?;
            if op == Op::PressureReader {
                let reader = member.clone();
                let (fs, tasks) = (fs.clone(), Rc::clone(&member.tasks));
                let read = move || reader.reader(|| allocate_locked(&tasks, &fs, ino));
                member.tasks.spawn("reader", Role::Worker, read)?;
            }
            if op == Op::PressureMetadata {
                let clerk = member.clone();
                let work = move || clerk.clerk(&fs);
                member.tasks.spawn("clerk", Role::Worker, work)?;
            }
            Ok(Rc::clone(&member.crowd))
        })
    }

    /// Two tasks write to pages that were evicted, while a third turns swap off.
    pub(super) fn pressure_swapoff(&self) -> Result<(), Errno> {
        let member = self.member()?;
        let (seed, each) = (self.spec.seed, self.spec.pages / HOGS);
        self.run_tasks(Step::SwapoffBeside, || {
            let crowd = Rc::clone(&member.crowd);
            for (number, name) in (0..HOGS).zip(["hog0", "hog1"]) {
                crowd.hogs_left.set(crowd.hogs_left.get() + 1);
                let updater = member.clone();
                let update = move || updater.update_beside_swapoff(seed, number * each, each);
                member.tasks.spawn(name, Role::Worker, update)?;
            }
            let turner = member.clone();
            let turn_off = move || turner.turn_off_beside_updates();
            member.tasks.spawn("swapoff", Role::Worker, turn_off)?;
            Ok(crowd)
        })
    }

    /// Those who want memory, and the program, which freezes a filesystem if it is given one.
    pub(super) fn spawn_hogs(
        &self,
        member: &Member<U, Tripwire<D>>,
        frozen: Option<FileSystem<Tripwire<D>>>,
    ) -> Result<(), NoStack> {
        let (seed, tasks) = (self.spec.seed, &self.tasks);
        let each = self.spec.pages.saturating_sub(PROGRAM_PAGES) / HOGS;
        let program = member.clone();
        tasks.spawn("init", Role::Worker, move || program.program(frozen.as_ref()))?;
        for (number, name) in (0..HOGS).zip(["hog0", "hog1"]) {
            member.crowd.hogs_left.set(member.crowd.hogs_left.get() + 1);
            let hog = member.clone();
            let first = PROGRAM_PAGES + number * each;
            tasks.spawn(name, Role::Worker, move || hog.hog(seed, first, each))?;
        }
        Ok(())
    }

    /// Somebody takes memory while he holds the swap file's I/O lock, long before it is scarce.
    pub(super) fn lock_and_allocate(&self) -> Result<(), Errno> {
        let member = self.member()?;
        let (fs, ino) = (self.fs()?, self.ino()?);
        self.run_tasks(Step::LockAndAllocate, || {
            let (tasks, crowd) = (Rc::clone(&member.tasks), Rc::clone(&member.crowd));
            let body = move || allocate_locked(&tasks, &fs, ino);
            member.tasks.spawn("reader", Role::Worker, body)?;
            Ok(crowd)
        })
    }

    pub(super) fn member(&self) -> Result<Member<U, Tripwire<D>>, Errno> {
        let pressure = Rc::clone(self.parts.pressure.as_ref().ok_or(OUT_OF_PLACE)?);
        let (tasks, crowd) = (Rc::clone(&self.tasks), Rc::new(Crowd::default()));
        Ok(Member { pressure, tasks, crowd, is_paged_out: false })
    }

    /// Runs what `spawn` has made until all of it is through; the step counts the pages that were right.
    ///
    /// # Errors
    /// `EDEADLK` if the tasks are stuck: they stay so, and nothing can follow. The step itself is none that
    /// fails: who waits for whom is in the trace.
    pub(super) fn run_tasks(
        &self,
        name: Step,
        spawn: impl FnOnce() -> Result<Rc<Crowd>, NoStack>,
    ) -> Result<(), Errno> {
        let pressure = self.parts.pressure.as_ref().ok_or(OUT_OF_PLACE)?;
        self.tasks.set_memory(Some(pressure.as_memory()));
        self.tell_filesystem(TaskHandle::new(Rc::clone(&self.tasks)));
        let is_stuck = step(&self.tracer, name, || {
            let crowd = spawn().map_err(|NoStack| Errno::ENOMEM)?;
            let is_stuck = self.tasks.run().is_err();
            crowd.refused.get().map_or(Ok((is_stuck, crowd.right.get())), Err)
        });
        self.tasks.set_memory(None);
        if is_stuck? {
            return Err(Errno::EDEADLK);
        }
        self.tell_filesystem(TaskHandle::default());
        Ok(())
    }

    /// Says who waits from now on, if the drive has a filesystem.
    fn tell_filesystem(&self, tasks: TaskHandle) {
        if let Some(fs) = &self.parts.fs {
            fs.set_tasks(tasks);
        }
    }
}
