//! Power cuts between names: after every request of a workload of links, renames, truncations, clones.

use block::BlockError;
use block::ram::{Fault, OpKind};
use iomap::Errno;

use super::rig::{Fs, PAGE, Rig};
use crate::{AllocateMode, FileSystem, RenameFlags};

/// What was there and durable before the cuts begin.
fn prepared() -> (Rig, Fs) {
    let rig = Rig::new(700);
    let fs = rig.mount();
    fs.mkdir("d").unwrap();
    fs.mkdir("e").unwrap();
    for (name, fill) in [("moved", 1), ("d/replaced", 2), ("linked", 3), ("long", 4), ("origin", 5)]
    {
        let ino = fs.create(name).unwrap();
        rig.write(&fs, ino, 0, &[fill; 8]).unwrap();
    }
    fs.create("clone").unwrap();
    fs.sync().unwrap();
    (rig, fs)
}

fn run(rig: &Rig, fs: &Fs) -> Result<(), Errno> {
    let plain = RenameFlags::empty();
    fs.rename("moved", "d/replaced", plain)?;
    fs.sync()?;
    fs.link("linked", "d/link")?;
    fs.unlink("linked")?;
    fs.sync()?;
    fs.rename("d", "e/d", plain)?;
    fs.sync()?;
    fs.truncate(fs.open("long")?, 3 * PAGE + 9)?;
    fs.sync()?;
    let (origin, clone) = (fs.open("origin")?, fs.open("clone")?);
    fs.clone_file(origin, clone)?;
    fs.sync()?;
    rig.write(fs, clone, 2, &[6; 3])?;
    fs.fsync(clone)?;
    fs.fallocate_mode(origin, AllocateMode::Punch, 4 * PAGE, 2 * PAGE)?;
    fs.hold(origin)?;
    fs.unlink("origin")?;
    fs.sync()?;
    for n in 0..40 {
        fs.create(format!("e/{n:0>200}"))?;
        fs.sync()?;
    }
    fs.release(origin)?;
    fs.sync()
}

/// What must be so whenever the power went.
fn check(rig: &Rig, fs: &Fs, what: &str) {
    let fill = |path: &str| {
        let ino = fs.open(path).ok()?;
        rig.read(fs, ino, 0, 20).ok()
    };
    let below = if fs.open("e/d").is_ok() { "e/d" } else { "d" };
    assert_ne!(fs.open("d").is_ok(), fs.open("e/d").is_ok(), "{what}: one place only");
    let (moved, replaced) = (fill("moved"), fill(&format!("{below}/replaced")));
    match (moved, replaced) {
        (Some(moved), Some(replaced)) => assert_eq!((moved[0], replaced[0]), (1, 2), "{what}"),
        (None, Some(replaced)) => assert_eq!(replaced, [1; 8], "{what}"),
        other => panic!("{what}: {other:?}"),
    }
    let linked = fill("linked").or_else(|| fill(&format!("{below}/link")));
    assert_eq!(linked, Some(vec![3; 8]), "{what}: a name at any time");
    let long = fs.open("long").unwrap();
    let size = fs.stat(long).unwrap().size_bytes;
    assert!(size == 8 * PAGE || size == 3 * PAGE + 9, "{what}: {size}");
    fs.truncate(long, 8 * PAGE).unwrap();
    let mut pages = rig.transfer(0, &[0; 8]);
    fs.dio_read(long, &mut pages).unwrap();
    let mut page = [0; 4096];
    hal::DmaBuf::read(&pages.pages[3], 0, &mut page);
    if size < 8 * PAGE {
        assert!(page[..9].iter().all(|b| *b == 4) && page[9..].iter().all(|b| *b == 0), "{what}");
    }
    let clone = fill("clone").unwrap();
    let is_known = |(at, byte): (usize, &u8)| *byte == 5 || (2..5).contains(&at) && *byte == 6;
    assert!(clone.iter().enumerate().all(is_known), "{what}: {clone:?}");
    if let Some(origin) = fill("origin") {
        let is_known = |(at, byte): (usize, &u8)| *byte == 5 || (4..6).contains(&at) && *byte == 0;
        assert!(origin.iter().enumerate().all(is_known), "{what}: {origin:?}");
    }
}

#[test]
fn a_cut_at_every_request_leaves_every_name_in_one_place() {
    let keeps: [fn(usize, u64) -> bool; 3] = [
        |_, _| false,
        |index, _| index % 2 == 1,
        |index, block| (index as u64 + block).is_multiple_of(3),
    ];
    for (policy, keep) in keeps.into_iter().enumerate() {
        let mut requests = 0;
        loop {
            let (rig, fs) = prepared();
            let error = BlockError::Gone;
            let op = OpKind::Any;
            rig.disk.add_fault(Fault { op, blocks: None, skip: requests, times: u64::MAX, error });
            let is_cut = run(&rig, &fs).is_err();
            drop(fs);
            rig.disk.crash(keep);
            let what = format!("policy {policy}, cut at {requests}");
            let report = FileSystem::fsck(&*rig.disk).unwrap();
            let is_damage =
                |f: &&crate::Finding| !matches!(f, crate::Finding::JournalNotEmpty { .. });
            assert_eq!(report.findings.iter().find(is_damage), None, "{what}");
            let fs = rig.mount();
            check(&rig, &fs, &what);
            fs.unmount().unwrap();
            rig.assert_clean();
            if !is_cut {
                break;
            }
            requests += 1;
        }
        assert!(requests > 120, "the workload has become too short: {requests} requests");
    }
}

#[test]
fn a_log_that_is_cut_short_by_damage_does_not_go_back_over_newer_metadata() {
    let (rig, fs) = prepared();
    fs.create("first").unwrap();
    fs.sync().unwrap();
    let head = fs.core.state().log.head;
    fs.create("second").unwrap();
    fs.sync().unwrap();
    let layout = fs.core.layout;
    drop(fs);
    // The second batch is in place already, and then its descriptor is damaged.
    let descriptor = layout.ring_block(head);
    let content = rig.disk.peek(descriptor);
    let word = |at: usize| u64::from_le_bytes(content[at..at + 8].try_into().unwrap());
    let count = word(48) & 0xffff_ffff;
    assert!(count > 1);
    for image in 0..count {
        let target = word(64 + 8 * image as usize);
        let image = rig.disk.peek(layout.ring_block(head + 1 + image));
        rig.disk.poke(target, &image);
    }
    rig.disk.poke(descriptor, &[0; 4096]);
    let fs = rig.mount();
    assert!(fs.open("first").is_ok() && fs.open("second").is_ok());
    fs.unmount().unwrap();
    rig.assert_clean();
}
