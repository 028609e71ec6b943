//! Random histories of everything against a model in memory: names, links, sizes, holes, clones.

use std::collections::BTreeMap;

use iomap::Errno;
use proptest::prelude::*;

use super::rig::{Fs, PAGE, Rig};
use crate::{AllocateMode, RenameFlags};

/// Where a thing can be: two directories, one of them two deep, and the root.
const PLACES: [&str; 4] = ["", "d/", "e/", "e/f/"];

/// A path: a place and a name.
type Path = (usize, u8);

#[derive(Clone, Debug)]
enum Step {
    Create(Path),
    Link(Path, Path),
    Unlink(Path),
    Rename(Path, Path),
    Write(Path, u64, Vec<u8>),
    Truncate(Path, u64),
    Punch(Path, u64, u64),
    Allocate(Path, u64, u64),
    Clone(Path, Path),
    Sync,
    Remount,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    let path = || (0..PLACES.len(), 0..4_u8);
    let pages = || (0..30_u64, 1..12_u64);
    prop_oneof![
        4 => path().prop_map(Step::Create),
        2 => (path(), path()).prop_map(|(a, b)| Step::Link(a, b)),
        2 => path().prop_map(Step::Unlink),
        3 => (path(), path()).prop_map(|(a, b)| Step::Rename(a, b)),
        6 => (path(), 0..30_u64, prop::collection::vec(1..255_u8, 1..9))
            .prop_map(|(p, first, fill)| Step::Write(p, first, fill)),
        2 => (path(), 0..30_u64).prop_map(|(p, pages)| Step::Truncate(p, pages)),
        2 => (path(), pages()).prop_map(|(p, (a, b))| Step::Punch(p, a, b)),
        1 => (path(), pages()).prop_map(|(p, (a, b))| Step::Allocate(p, a, b)),
        3 => (path(), path()).prop_map(|(a, b)| Step::Clone(a, b)),
        1 => Just(Step::Sync),
        1 => Just(Step::Remount),
        1 => Just(Step::Crash),
    ]
}

fn text((place, name): Path) -> String {
    format!("{}{name}{}", PLACES[place], "n".repeat(usize::from(name) * 60))
}

/// Names, and the content of what they stand for, page by page.
#[derive(Default)]
struct Model {
    names: BTreeMap<Path, usize>,
    files: Vec<Vec<u8>>,
}

impl Model {
    fn file(&mut self, path: Path) -> Option<&mut Vec<u8>> {
        let index = *self.names.get(&path)?;
        self.files.get_mut(index)
    }

    fn expect(&self, path: Path) -> Result<(), Errno> {
        if self.names.contains_key(&path) { Ok(()) } else { Err(Errno::ENOENT) }
    }

    fn expect_free(&self, path: Path) -> Result<(), Errno> {
        if self.names.contains_key(&path) { Err(Errno::EEXIST) } else { Ok(()) }
    }
}

struct Player {
    rig: Rig,
    fs: Fs,
    model: Model,
}

impl Player {
    fn new() -> Self {
        let rig = Rig::new(1400);
        let fs = rig.mount();
        PLACES.iter().skip(1).for_each(|place| _ = fs.mkdir(place).unwrap());
        fs.sync().unwrap();
        Self { rig, fs, model: Model::default() }
    }

    fn names(&mut self, step: &Step) {
        let Self { fs, model, .. } = self;
        match *step {
            Step::Create(path) => {
                assert_eq!(fs.create(text(path)).map(drop), model.expect_free(path));
                let next = model.files.len();
                model.names.entry(path).or_insert(next);
                model.files.push(Vec::new());
            }
            Step::Link(from, to) => {
                let expected = model.expect(from).and_then(|()| model.expect_free(to));
                assert_eq!(fs.link(text(from), text(to)), expected);
                if expected.is_ok() {
                    model.names.insert(to, model.names[&from]);
                }
            }
            Step::Unlink(path) => {
                assert_eq!(fs.unlink(text(path)), model.expect(path));
                model.names.remove(&path);
            }
            Step::Rename(from, to) => {
                let renamed = fs.rename(text(from), text(to), RenameFlags::empty());
                assert_eq!(renamed, model.expect(from));
                let is_one = model.names.get(&from) == model.names.get(&to);
                if renamed.is_ok() && !is_one {
                    let file = model.names.remove(&from).unwrap();
                    model.names.insert(to, file);
                }
            }
            _ => {}
        }
    }

    fn content(&mut self, step: &Step) {
        let Self { rig, fs, model } = self;
        match step {
            Step::Write(path, first, fill) => {
                let Some(pages) = model.file(*path) else { return };
                let ino = fs.open(text(*path)).unwrap();
                rig.write(fs, ino, *first, fill).unwrap();
                let range = *first as usize..*first as usize + fill.len();
                pages.resize(pages.len().max(range.end), 0);
                pages[range].copy_from_slice(fill);
            }
            Step::Truncate(path, count) => {
                let Some(pages) = model.file(*path) else { return };
                fs.truncate(fs.open(text(*path)).unwrap(), count * PAGE).unwrap();
                pages.resize(*count as usize, 0);
            }
            Step::Punch(path, first, count) | Step::Allocate(path, first, count) => {
                let Some(pages) = model.file(*path) else { return };
                let ino = fs.open(text(*path)).unwrap();
                let is_punch = matches!(step, Step::Punch(..));
                let mode = if is_punch { AllocateMode::Punch } else { AllocateMode::Allocate };
                fs.fallocate_mode(ino, mode, first * PAGE, count * PAGE).unwrap();
                let end = (first + count) as usize;
                if is_punch {
                    let range = (*first as usize).min(pages.len())..end.min(pages.len());
                    pages[range].fill(0);
                } else {
                    pages.resize(pages.len().max(end), 0);
                }
            }
            Step::Clone(from, to) => {
                let (Some(source), Some(_)) = (model.file(*from).cloned(), model.file(*to)) else {
                    return;
                };
                if model.names[from] != model.names[to] {
                    let ino = |path| fs.open(text(path)).unwrap();
                    fs.clone_file(ino(*from), ino(*to)).unwrap();
                    *model.file(*to).unwrap() = source;
                }
            }
            _ => {}
        }
    }

    fn play(mut self, steps: &[Step]) {
        for step in steps {
            self.names(step);
            self.content(step);
            match step {
                Step::Sync => self.fs.sync().unwrap(),
                Step::Remount => {
                    self.fs.unmount().unwrap();
                    self.rig.assert_clean();
                    self.fs = self.rig.mount();
                }
                Step::Crash => {
                    self.fs.sync().unwrap();
                    drop(self.fs);
                    self.rig.disk.crash(|index, _| index % 3 == 0);
                    self.fs = self.rig.mount();
                }
                _ => {}
            }
        }
        self.compare();
        self.fs.unmount().unwrap();
        self.rig.assert_clean();
    }

    /// Every name and every byte, and nothing else.
    fn compare(&self) {
        let mut files = 0;
        for place in PLACES {
            let directory = self.fs.open(format!("/{place}")).unwrap();
            let entries = self.fs.read_dir(directory, 0, usize::MAX).unwrap();
            files += entries.iter().filter(|e| e.kind == crate::FileKind::File).count();
        }
        assert_eq!(files, self.model.names.len());
        for (path, file) in &self.model.names {
            let ino = self.fs.open(text(*path)).unwrap();
            let names = self.model.names.values().filter(|other| *other == file).count();
            assert_eq!(self.fs.stat(ino).unwrap().nlink as usize, names);
            assert_eq!(self.rig.read(&self.fs, ino, 0, 50).unwrap(), self.model.files[*file]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn a_random_history_of_everything_agrees_with_the_model(
        steps in prop::collection::vec(step(), 1..150),
    ) {
        Player::new().play(&steps);
    }

    /// Whatever happens on a device that is full most of the time: errors, never a shutdown, and all
    /// space comes back.
    #[test]
    fn a_full_filesystem_refuses_and_recovers(steps in prop::collection::vec(step(), 100..250)) {
        let rig = Rig::new(345);
        let fs = rig.mount();
        PLACES.iter().skip(1).for_each(|place| _ = fs.mkdir(place).unwrap());
        fs.sync().unwrap();
        let free = fs.statfs().unwrap().blocks_free;
        for step in &steps {
            match step {
                Step::Create(path) => drop(fs.create(text(*path))),
                Step::Link(a, b) => drop(fs.link(text(*a), text(*b))),
                Step::Unlink(path) => drop(fs.unlink(text(*path))),
                Step::Rename(a, b) => drop(fs.rename(text(*a), text(*b), RenameFlags::empty())),
                Step::Clone(a, b) => {
                    if let (Ok(a), Ok(b)) = (fs.open(text(*a)), fs.open(text(*b))) {
                        let _ = fs.clone_file(a, b);
                    }
                }
                Step::Write(path, first, fill) => {
                    if let Ok(ino) = fs.open(text(*path)) {
                        let _ = rig.write(&fs, ino, *first, fill);
                    }
                }
                Step::Truncate(path, count) => {
                    if let Ok(ino) = fs.open(text(*path)) {
                        fs.truncate(ino, count * PAGE).unwrap();
                    }
                }
                Step::Punch(path, a, b) | Step::Allocate(path, a, b) => {
                    if let Ok(ino) = fs.open(text(*path)) {
                        let _ = fs.fallocate(ino, a * PAGE, b * PAGE);
                    }
                }
                Step::Sync | Step::Remount | Step::Crash => fs.sync().unwrap(),
            }
            prop_assert_eq!(fs.shutdown_reason(), None);
        }
        for place in PLACES {
            let directory = fs.open(format!("/{place}")).unwrap();
            for entry in fs.read_dir(directory, 0, usize::MAX).unwrap() {
                if entry.kind == crate::FileKind::File {
                    fs.unlink([place.as_bytes(), &entry.name].concat()).unwrap();
                }
            }
        }
        prop_assert_eq!(fs.statfs().unwrap().blocks_free, free);
        fs.unmount().unwrap();
        rig.assert_clean();
    }
}
