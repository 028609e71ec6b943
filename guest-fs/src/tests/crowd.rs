//! Tasks that use one filesystem at once, in any order that the seed chooses. They give way at every request and at
//! every piece of memory: in the middle of transactions, too.

use alloc::rc::Rc;
use core::cell::RefCell;
use core::time::Duration;

use block::ram::{Hook, Hooked};
use block::{BlockDevice, Op};
use hal::testing::PoolDma;
use hal::{DmaBuf, Instant, OutOfMemory, Tracer, Wake};
use iomap::{Direction, Errno, Kiocb, Transfer};
use stacks::HostStacks;
use tasks::{Gfp, Idle, Memory, Resource, Role, TaskHandle, Tasks};

use super::rig::{PAGE, Rig};
use crate::{AllocateMode, FileSystem, Ino, MountOptions};

/// Whoever asks the disk gives way to others at every request.
struct Slow(Rc<Tasks>);

impl Hook for Slow {
    fn at_submit(&self, _: Op) {
        self.0.yield_now();
    }

    fn at_wait(&self) {
        self.0.yield_now();
    }
}

/// Memory without end whose caller gives way to others.
struct Patient(Rc<Tasks>);

impl Memory for Patient {
    fn alloc(&self, _: usize, _: Gfp) -> Result<(), OutOfMemory> {
        self.0.yield_now();
        Ok(())
    }

    fn free(&self, _: usize) {}
}

/// Nothing comes from outside: somebody is always ready, or nobody ever will be.
struct Nothing;

impl Idle for Nothing {
    fn now(&self) -> Instant {
        Instant::from_nanos(0)
    }

    fn wait(&self, _: Resource, _: Instant) -> Wake {
        unreachable!("nobody waits for a device")
    }
}

type Fs = FileSystem<Hooked<Slow>>;

/// A machine with tasks, and a filesystem with a small cache.
struct Crowd {
    rig: Rig,
    tasks: Rc<Tasks>,
    fs: Fs,
    /// Where the tasks run; dropped last.
    _stacks: Rc<HostStacks>,
}

impl Crowd {
    fn new(blocks: u64, cache_pages_max: usize, seed: u64) -> Self {
        let (rig, stacks) = (Rig::new(blocks), Rc::new(HostStacks::new()));
        let (tracer, bound) = (Tracer::none(), Duration::from_secs(1));
        let tasks = Tasks::new(Rc::clone(&stacks) as _, Rc::new(Nothing), tracer, seed, bound);
        let slow = Rc::new(Hooked { disk: Rc::clone(&rig.disk), hook: Slow(Rc::clone(&tasks)) });
        let options = MountOptions { cache_pages_max, ..MountOptions::default() };
        let fs = FileSystem::mount(slow, options).unwrap();
        tasks.set_memory(Some(Rc::new(Patient(Rc::clone(&tasks)))));
        fs.set_tasks(TaskHandle::new(Rc::clone(&tasks)));
        Self { rig, tasks, fs, _stacks: stacks }
    }

    fn spawn(&self, body: impl FnOnce(&Fs) + 'static) {
        let fs = self.fs.clone();
        self.tasks.spawn("user", Role::Worker, move || body(&fs)).unwrap();
    }

    /// Runs everybody to the end, and checks the filesystem.
    #[track_caller]
    fn run(self) -> Rig {
        self.tasks.run().unwrap();
        self.tasks.set_memory(None);
        let Self { rig, fs, .. } = self;
        assert_eq!(fs.shutdown_reason(), None);
        fs.unmount().unwrap();
        rig.assert_clean();
        rig
    }
}

fn transfer(fs: &Fs, direction: Direction, page: u64, fills: &[u8]) -> Transfer<PoolDma> {
    let make = |fill: &u8| {
        let page = fs.core.device.alloc_page().unwrap();
        page.write(0, &[*fill; PAGE as usize]);
        page
    };
    Transfer { direction, pos: page * PAGE, pages: fills.iter().map(make).collect() }
}

/// A file that one task changes in every way, and what must be in it.
struct Own {
    ino: Ino,
    copy: Ino,
    model: Vec<u8>,
    state: u64,
    /// What was done.
    trail: Vec<String>,
}

impl Own {
    fn below(&mut self, below: u64) -> u64 {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.state >> 33) % below
    }

    fn put(&mut self, pos: usize, bytes: &[u8]) {
        let end = pos + bytes.len();
        self.model.resize(self.model.len().max(end), 0);
        self.model[pos..end].copy_from_slice(bytes);
    }

    fn change(&mut self, fs: &Fs) {
        let (pos, length) = (self.below(40_000), self.below(9000) + 1);
        let fill = self.below(250) as u8 + 1;
        let page = pos / PAGE;
        let kind = self.below(9);
        self.trail.push(format!("{kind}: {pos}+{length} {fill}"));
        match kind {
            0 | 1 => {
                let bytes = vec![fill; length as usize];
                assert_eq!(fs.write(self.ino, pos, &bytes), Ok(length));
                self.put(pos as usize, &bytes);
            }
            2 => {
                fs.truncate(self.ino, pos).unwrap();
                self.model.resize(pos as usize, 0);
            }
            3 => fs.fallocate_mode(self.ino, AllocateMode::KeepSize, pos, length).unwrap(),
            4 => {
                fs.fallocate_mode(self.ino, AllocateMode::Punch, pos, length).unwrap();
                let end = self.model.len().min((pos + length) as usize);
                self.model.get_mut(pos as usize..end).unwrap_or_default().fill(0);
            }
            5 | 6 => {
                let mut out = transfer(fs, Direction::Write, page, &[fill; 3]);
                fs.dio_write(self.ino, &mut out).unwrap();
                self.put((page * PAGE) as usize, &[fill; 3 * PAGE as usize]);
            }
            7 => fs.clone_file(self.ino, self.copy).unwrap(),
            _ => fs.fsync(self.ino).unwrap(),
        }
    }

    #[track_caller]
    fn check(&self, fs: &Fs) {
        let mut seen = vec![0; self.model.len() + 10];
        assert_eq!(fs.read(self.ino, 0, &mut seen), Ok(self.model.len() as u64));
        let wrong = self.model.iter().zip(&seen).position(|(own, seen)| own != seen);
        assert_eq!(wrong, None, "{}", self.trail.join("\n"));
    }
}

/// Four tasks with files of their own and one that all of them cut, write and read.
fn history(seed: u64, blocks: u64) {
    let crowd = Crowd::new(blocks, 12, seed);
    let common = crowd.fs.create("common").unwrap();
    let all = Rc::new(RefCell::new(Vec::new()));
    for number in 0..4 {
        let all = Rc::clone(&all);
        crowd.spawn(move |fs| {
            let ino = fs.create(format!("own{number}")).unwrap();
            let copy = fs.create(format!("copy{number}")).unwrap();
            let mut own =
                Own { ino, copy, model: Vec::new(), state: seed * 8 + number, trail: Vec::new() };
            for step in 0..40 {
                own.change(fs);
                if step % 5 == 4 {
                    own.check(fs);
                }
                match own.below(6) {
                    0 => fs.truncate(common, own.below(30_000)).unwrap(),
                    1 => {
                        let bytes = own.below(20_000);
                        fs.write(common, bytes, &[number as u8; 5000]).unwrap();
                    }
                    2 => {
                        fs.read(common, 0, &mut [0; 30_000]).unwrap();
                    }
                    3 => fs.sync().unwrap(),
                    4 => {
                        let name = format!("gone{number}");
                        let gone = fs.create(&name).unwrap();
                        fs.write(gone, 0, &[1; 9000]).unwrap();
                        fs.unlink(&name).unwrap();
                    }
                    _ => {}
                }
            }
            fs.fsync(ino).unwrap();
            all.borrow_mut().push((number, own.model));
        });
    }
    let rig = crowd.run();
    let fs = rig.mount();
    for (number, model) in all.take() {
        let ino = fs.open(format!("own{number}")).unwrap();
        let mut seen = vec![0; model.len() + 10];
        assert_eq!(fs.read(ino, 0, &mut seen), Ok(model.len() as u64), "seed {seed}");
        assert!(seen.starts_with(&model), "seed {seed}, file {number}");
    }
}

#[test]
fn tasks_that_use_everything_at_once_find_their_files_as_if_they_were_alone() {
    for seed in 0..60 {
        history(seed, 1200);
    }
}

#[test]
fn two_tasks_wait_for_one_page_that_a_third_brings_to_the_drive() {
    for seed in 0..30 {
        let crowd = Crowd::new(600, 3, seed);
        let [a, b] = ["a", "b"].map(|name| crowd.fs.create(name).unwrap());
        crowd.fs.write(a, 0, &[1; 3 * PAGE as usize]).unwrap();
        // No room in the cache: pages of the first file go to the drive.
        crowd.spawn(move |fs| assert_eq!(fs.write(b, 0, &[2; 20_000]), Ok(20_000)));
        for _ in 0..2 {
            crowd.spawn(move |fs| {
                let mut seen = [0; 3 * PAGE as usize];
                assert_eq!(fs.read(a, 0, &mut seen), Ok(3 * PAGE));
                assert_eq!(seen, [1; 3 * PAGE as usize]);
            });
        }
        crowd.spawn(move |fs| assert_eq!(fs.fsync(a), Ok(())));
        crowd.run();
    }
}

#[test]
fn a_truncation_waits_for_direct_io_that_another_task_is_finishing() {
    let mut finished_first = 0;
    for seed in 0..30 {
        let crowd = Crowd::new(600, 8, seed);
        let ino = crowd.fs.create("a").unwrap();
        let under_way = Rc::new(RefCell::new(0));
        let seen = Rc::clone(&under_way);
        crowd.spawn(move |fs| {
            let out = transfer(fs, Direction::Write, 0, &[3; 8]);
            let ticket = fs.dio_submit(ino, out, Kiocb::DIRECT).unwrap();
            *seen.borrow_mut() += 1;
            let (back, result) = fs.dio_wait(ticket);
            assert_eq!((back.pages.len(), result), (8, Ok(8 * PAGE)));
            assert_eq!(fs.dio_wait(ticket).1.unwrap_err().errno, Errno::EINVAL);
        });
        let was_under_way = Rc::new(RefCell::new(false));
        let noted = Rc::clone(&was_under_way);
        crowd.spawn(move |fs| {
            *noted.borrow_mut() = *under_way.borrow() > 0;
            fs.truncate(ino, PAGE).unwrap();
        });
        let rig = crowd.run();
        let fs = rig.mount();
        let size = fs.stat(fs.open("a").unwrap()).unwrap().size_bytes;
        // Cut after the write if it was under way, whoever finished it.
        assert!(size == PAGE || !was_under_way.take(), "seed {seed}: {size}");
        finished_first += u64::from(size == PAGE);
    }
    assert!(finished_first > 0, "no truncation came second");
}
