//! Random operations against a model in memory.

use std::collections::BTreeMap;

use block::ram::RamDisk;
use iomap::Errno;
use proptest::prelude::*;

use super::rig::{PAGE, Rig};
use crate::FileSystem;

#[derive(Clone, Debug)]
enum Step {
    Create(u8),
    Unlink(u8),
    Write(u8, u64, Vec<u8>),
    Allocate(u8, u64, u64),
    Read(u8, u64, u64),
    Fsync(u8),
    Remount,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    let name = 0..6_u8;
    prop_oneof![
        2 => name.clone().prop_map(Step::Create),
        1 => name.clone().prop_map(Step::Unlink),
        6 => (name.clone(), 0..40_u64, prop::collection::vec(1..255_u8, 1..12))
            .prop_map(|(n, first, fill)| Step::Write(n, first, fill)),
        2 => (name.clone(), 0..40_u64, 1..20_u64).prop_map(|(n, a, b)| Step::Allocate(n, a, b)),
        3 => (name.clone(), 0..50_u64, 1..20_u64).prop_map(|(n, a, b)| Step::Read(n, a, b)),
        2 => name.prop_map(Step::Fsync),
        1 => Just(Step::Remount),
        1 => Just(Step::Crash),
    ]
}

fn name(n: u8) -> String {
    format!("{n}{}", "x".repeat(usize::from(n) * 40))
}

fn put(pages: &mut Vec<u8>, first: u64, fill: &[u8]) {
    let end = first as usize + fill.len();
    pages.resize(pages.len().max(end), 0);
    pages[first as usize..end].copy_from_slice(fill);
}

fn play(steps: Vec<Step>) {
    let rig = Rig::new(700);
    let mut fs = rig.mount();
    let mut model: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for step in steps {
        let known = |n: u8| model.contains_key(&name(n));
        match step {
            Step::Create(n) => {
                let expected = if known(n) { Err(Errno::EEXIST) } else { Ok(()) };
                assert_eq!(fs.create(name(n)).map(|_| ()), expected);
                model.entry(name(n)).or_default();
            }
            Step::Unlink(n) => {
                let expected = if known(n) { Ok(()) } else { Err(Errno::ENOENT) };
                assert_eq!(fs.unlink(name(n)), expected);
                model.remove(&name(n));
            }
            Step::Write(n, first, fill) => {
                let Some(pages) = model.get_mut(&name(n)) else {
                    continue;
                };
                let ino = fs.open(name(n)).unwrap();
                rig.write(&fs, ino, first, &fill).unwrap();
                put(pages, first, &fill);
            }
            Step::Allocate(n, first, count) => {
                let Some(pages) = model.get_mut(&name(n)) else {
                    continue;
                };
                let ino = fs.open(name(n)).unwrap();
                fs.fallocate(ino, first * PAGE, count * PAGE).unwrap();
                let end = (first + count) as usize;
                pages.resize(pages.len().max(end), 0);
            }
            Step::Read(n, first, count) => {
                let Some(pages) = model.get(&name(n)) else {
                    continue;
                };
                let ino = fs.open(name(n)).unwrap();
                let end = pages.len().min((first + count) as usize);
                let expected = pages.get(first as usize..end).unwrap_or(&[]);
                assert_eq!(rig.read(&fs, ino, first, count).unwrap(), expected);
            }
            Step::Fsync(n) => {
                if let Ok(ino) = fs.open(name(n)) {
                    fs.fsync(ino).unwrap();
                }
            }
            Step::Remount => {
                fs.unmount().unwrap();
                rig.assert_clean();
                fs = rig.mount();
            }
            Step::Crash => {
                fs.sync().unwrap();
                drop(fs);
                rig.disk.crash(|_, _| false);
                fs = rig.mount();
            }
        }
    }
    compare(&rig, &fs, &model);
    fs.unmount().unwrap();
    rig.assert_clean();
}

/// Every name and every byte, and nothing else.
fn compare(rig: &Rig, fs: &FileSystem<RamDisk>, model: &BTreeMap<String, Vec<u8>>) {
    let mut names: Vec<_> = fs.names().unwrap();
    names.sort();
    assert_eq!(names, model.keys().map(|name| name.clone().into_bytes()).collect::<Vec<_>>());
    for (name, pages) in model {
        let ino = fs.open(name).unwrap();
        assert_eq!(&rig.read(fs, ino, 0, 100).unwrap(), pages);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_random_history_agrees_with_the_model(steps in prop::collection::vec(step(), 1..120)) {
        play(steps);
    }
}
