//! Space that is promised to pages, with a drive that is nearly full.

use iomap::{Context, Errno};

use super::rig::{PAGE, Rig};
use crate::txn::Transaction;

#[test]
fn what_an_open_transaction_has_allocated_is_not_promised_to_pages() {
    let rig = Rig::new(420);
    let fs = rig.mount();
    let ino = fs.create("a").unwrap();
    fs.sync().unwrap();
    let unclaimed = fs.core.state().unclaimed();
    let mut txn = Transaction::begin(&fs.core, 20, Context::User).unwrap();
    let run = txn.alloc(ino.0, None, unclaimed - 10).unwrap();
    assert_eq!(run.blocks, unclaimed - 10);
    assert_eq!(fs.write(ino, 0, &vec![1; 20 * PAGE as usize]), Err(Errno::ENOSPC));
    assert_eq!(fs.write(ino, 0, &[1; 5 * PAGE as usize]), Ok(5 * PAGE));
    drop(txn);
    assert_eq!(fs.write(ino, 0, &vec![1; 20 * PAGE as usize]), Ok(20 * PAGE));
    fs.fsync(ino).unwrap();
    fs.unmount().unwrap();
    rig.assert_clean();
}

#[test]
fn an_allocation_takes_nothing_of_what_pages_were_promised() {
    let rig = Rig::new(420);
    let fs = rig.mount();
    let (pages, blocks) = (fs.create("pages").unwrap(), fs.create("blocks").unwrap());
    let unclaimed = fs.core.state().unclaimed();
    let half = vec![7; (unclaimed / 2 * PAGE) as usize];
    fs.write(pages, 0, &half).unwrap();
    assert_eq!(fs.fallocate(blocks, 0, unclaimed * PAGE), Err(Errno::ENOSPC));
    assert_eq!(fs.core.state().unclaimed(), 0, "all that was left, and no more");
    fs.fsync(pages).unwrap();
    fs.unmount().unwrap();
    rig.assert_clean();
}
