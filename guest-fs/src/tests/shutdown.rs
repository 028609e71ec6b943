//! Shutdown: what is refused, what is written, what a remount finds.

use block::Op;
use iomap::Errno;

use super::rig::{Fs, PAGE, Rig};
use crate::events::Event;
use crate::{Ino, ShutdownKind, ShutdownReason};

const KINDS: [ShutdownKind; 3] =
    [ShutdownKind::Default, ShutdownKind::LogFlush, ShutdownKind::NoLogFlush];

/// "old" was fsynced; "new" was created and written, but nothing forced it to the log.
fn prepared() -> (Rig, Fs, Ino, Ino) {
    let rig = Rig::new(512);
    let fs = rig.mount();
    let old = fs.create("old").unwrap();
    rig.write(&fs, old, 0, &[1; 4]).unwrap();
    fs.fsync(old).unwrap();
    let new = fs.create("new").unwrap();
    rig.write(&fs, new, 0, &[2; 4]).unwrap();
    (rig, fs, old, new)
}

#[test]
fn everything_gives_eio_after_a_shutdown() {
    for kind in KINDS {
        let (rig, fs, old, _) = prepared();
        fs.shutdown(kind).unwrap();
        assert_eq!(fs.shutdown_reason(), Some(ShutdownReason::User(kind)));
        let eio = Errno::EIO;
        assert_eq!(fs.create("x"), Err(eio));
        assert_eq!(fs.open("old"), Err(eio));
        assert_eq!(fs.unlink("old"), Err(eio));
        assert_eq!(rig.read(&fs, old, 0, 1), Err(eio));
        assert_eq!(rig.write(&fs, old, 0, &[9]), Err(eio));
        assert_eq!(fs.fallocate(old, 0, PAGE), Err(eio));
        assert_eq!(fs.fsync(old), Err(eio));
        assert_eq!(fs.sync(), Err(eio));
        assert_eq!(fs.stat(old).unwrap_err(), eio);
        assert_eq!(fs.statfs().unwrap_err(), eio);
        assert_eq!(fs.names().unwrap_err(), eio);
        assert_eq!(fs.map(old).unwrap_err(), eio);
        assert_eq!(fs.shutdown(kind), Err(eio));
    }
}

#[test]
fn the_device_is_not_written_after_a_shutdown() {
    for kind in KINDS {
        let (rig, fs, old, _) = prepared();
        fs.shutdown(kind).unwrap();
        rig.disk.take_requests();
        let _ = fs.create("x");
        let _ = rig.write(&fs, old, 0, &[9]);
        let _ = fs.sync();
        fs.unmount().unwrap();
        let requests = rig.disk.take_requests();
        assert!(requests.iter().all(|request| request.op == Op::Read), "{requests:?}");
    }
}

#[test]
fn a_shutdown_without_log_flush_loses_what_was_not_forced_and_nothing_else() {
    let expected = [
        (ShutdownKind::Default, true, 0),
        (ShutdownKind::LogFlush, true, 1),
        (ShutdownKind::NoLogFlush, false, 1),
    ];
    for (kind, is_new_there, recoveries) in expected {
        let (rig, fs, ..) = prepared();
        rig.disk.take_requests();
        fs.shutdown(kind).unwrap();
        if kind == ShutdownKind::NoLogFlush {
            assert_eq!(rig.disk.take_requests(), [], "it writes nothing at all");
        }
        fs.unmount().unwrap();
        rig.disk.crash(|_, _| false);
        rig.events();
        let fs = rig.mount();
        let is_recovery = |event: &Event| matches!(event, Event::Recovery { .. });
        assert_eq!(rig.events().iter().filter(|e| is_recovery(e)).count(), recoveries, "{kind:?}");
        let old = fs.open("old").unwrap();
        assert_eq!(rig.read(&fs, old, 0, 4), Ok(vec![1; 4]));
        assert_eq!(fs.open("new").is_ok(), is_new_there, "{kind:?}");
        if let Ok(new) = fs.open("new") {
            assert_eq!(rig.read(&fs, new, 0, 4), Ok(vec![2; 4]), "{kind:?}");
        }
        fs.unmount().unwrap();
        rig.assert_clean();
    }
}

#[test]
fn fsck_sees_that_a_journal_waits_for_recovery_and_nothing_else() {
    let (rig, fs, ..) = prepared();
    fs.shutdown(ShutdownKind::LogFlush).unwrap();
    fs.unmount().unwrap();
    let report = Fs::fsck(&*rig.disk).unwrap();
    assert_eq!(report.findings, [crate::Finding::JournalNotEmpty { batches: 2 }]);
    rig.assert_recovers();
}

#[test]
fn an_unmounted_filesystem_is_gone_for_its_other_handles() {
    let (rig, fs, old, _) = prepared();
    let other = fs.clone();
    fs.unmount().unwrap();
    assert_eq!(other.open("old"), Err(Errno::ENODEV));
    assert_eq!(rig.read(&other, old, 0, 1), Err(Errno::ENODEV));
    let (_, errno) = other.unmount().unwrap_err();
    assert_eq!(errno, Errno::ENODEV);
}

#[test]
fn a_corrupt_inode_shuts_the_filesystem_down() {
    let (rig, fs, old, _) = prepared();
    fs.unmount().unwrap();
    let mut content = rig.disk.peek(old.0);
    content[100] ^= 1;
    rig.disk.poke(old.0, &content);
    let fs = rig.mount();
    assert_eq!(fs.open("old"), Err(Errno::EUCLEAN));
    let reason = fs.shutdown_reason().unwrap();
    let text = format!("corrupt metadata, block {}: expected inode with a right checksum", old.0);
    assert_eq!(reason.to_string(), text);
    assert_eq!(fs.open("new"), Err(Errno::EIO));
}
