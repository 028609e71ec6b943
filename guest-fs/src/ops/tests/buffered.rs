//! Buffered reads and writes, delayed allocation, ioends.

use block::Op;
use iomap::{Context, Errno, IocbFlags, Kiocb, MapKind};

use super::{content, mount_small, pattern};
use crate::OpenFlags;
use crate::events::Event;
use crate::tests::rig::{PAGE, Rig};

#[test]
fn bytes_at_any_place_are_read_back_before_and_after_writeback_and_a_remount() {
    let rig = Rig::new(512);
    let fs = rig.mount();
    let ino = fs.create("a").unwrap();
    let mut model = vec![0; 30_000];
    for (seed, (pos, length)) in
        [(10, 20), (4090, 12), (0, 4096), (8192, 9000), (29_999, 1), (20_000, 5000)]
            .into_iter()
            .enumerate()
    {
        let data = pattern(seed as u64, length);
        assert_eq!(fs.write(ino, pos as u64, &data), Ok(length as u64));
        model[pos..pos + length].copy_from_slice(&data);
    }
    assert_eq!(content(&fs, ino), model);
    fs.fsync(ino).unwrap();
    assert_eq!(content(&fs, ino), model);
    fs.unmount().unwrap();
    rig.assert_clean();
    let fs = rig.mount();
    assert_eq!(content(&fs, fs.open("a").unwrap()), model);
}

#[test]
fn a_write_chooses_no_blocks_and_runs_no_transaction_until_writeback() {
    let rig = Rig::new(512);
    let fs = rig.mount();
    let ino = fs.create("a").unwrap();
    let free = fs.statfs().unwrap().blocks_free;
    rig.events();
    fs.write(ino, 0, &pattern(1, 10 * 4096)).unwrap();
    let events = rig.events();
    assert!(!events.iter().any(|e| matches!(e, Event::TxnBegin { .. } | Event::Alloc { .. })));
    assert_eq!(fs.map(ino).unwrap().len(), 0);
    assert_eq!(fs.statfs().unwrap().blocks_free, free - 11, "ten blocks and a node are promised");
    assert_eq!(fs.stat(ino).unwrap().blocks, 10);
    assert_eq!(fs.stat(ino).unwrap().size_bytes, 10 * PAGE);
    fs.fsync(ino).unwrap();
    let extents = fs.map(ino).unwrap();
    assert_eq!((extents.len(), extents[0].length), (1, 10 * PAGE), "one piece");
    assert_eq!(extents[0].kind, MapKind::Mapped);
    assert_eq!(fs.statfs().unwrap().blocks_free, free - 10);
    let contexts: Vec<_> = rig
        .events()
        .into_iter()
        .filter_map(|e| if let Event::Alloc { context, .. } = e { Some(context) } else { None })
        .collect();
    assert_eq!(contexts, [Context::Writeback]);
}

#[test]
fn data_is_on_the_device_before_the_transaction_that_shows_it() {
    let rig = Rig::new(512);
    let fs = rig.mount();
    let ino = fs.create("a").unwrap();
    fs.fallocate(ino, 0, 4 * PAGE).unwrap();
    fs.sync().unwrap();
    fs.write(ino, 0, &pattern(1, 6 * 4096)).unwrap();
    rig.disk.take_requests();
    rig.events();
    fs.fsync(ino).unwrap();
    let blocks: Vec<_> = fs.map(ino).unwrap().iter().map(|e| (e.block, e.length / PAGE)).collect();
    let requests = rig.disk.take_requests();
    let is_data = |block: u64| blocks.iter().any(|(first, n)| (*first..first + n).contains(&block));
    let last_data = requests.iter().rposition(|r| is_data(r.block)).unwrap();
    let first_log = requests.iter().position(|r| !is_data(r.block)).unwrap();
    assert!(last_data < first_log);
    assert_eq!(requests.iter().filter(|r| r.op == Op::Flush).count(), 1);
    let converts = rig.events().into_iter().filter(|e| matches!(e, Event::Convert { .. }));
    assert!(converts.count() >= 1);
    assert_eq!(content(&fs, ino), pattern(1, 6 * 4096));
}

#[test]
fn no_space_is_said_at_the_write_and_writeback_always_has_its_blocks() {
    let rig = Rig::new(330);
    let fs = rig.mount();
    let ino = fs.create("a").unwrap();
    let free = fs.statfs().unwrap().blocks_free;
    let page = pattern(3, 4096);
    let mut pages = 0;
    // Every second page: as many extents as pages.
    while fs.write(ino, pages * 2 * PAGE, &page) == Ok(PAGE) {
        pages += 1;
    }
    assert_eq!(fs.write(ino, pages * 2 * PAGE, &page), Err(Errno::ENOSPC));
    assert!(pages > free - 5, "{pages} of {free}");
    fs.fsync(ino).unwrap();
    let file = content(&fs, ino);
    for at in 0..pages as usize {
        assert_eq!(file[at * 8192..at * 8192 + 4096], page);
    }
    fs.unlink("a").unwrap();
    assert_eq!(fs.statfs().unwrap().blocks_free, free + 1);
    fs.unmount().unwrap();
    rig.assert_clean();
}

#[test]
fn what_is_promised_to_pages_is_not_given_to_others() {
    let rig = Rig::new(400);
    let fs = rig.mount();
    let (a, b) = (fs.create("a").unwrap(), fs.create("b").unwrap());
    let free = fs.statfs().unwrap().blocks_free;
    let data = pattern(6, free as usize / 2 * 4096);
    fs.write(a, 0, &data).unwrap();
    let left = fs.statfs().unwrap().blocks_free;
    assert!(left < free / 2 + 1);
    rig.write(&fs, b, 0, &vec![1; left as usize]).unwrap();
    assert_eq!(rig.write(&fs, b, left, &[1]), Err(Errno::ENOSPC));
    assert_eq!(fs.create("c"), Err(Errno::ENOSPC));
    fs.sync().unwrap();
    assert!(content(&fs, a) == data);
    fs.unmount().unwrap();
    rig.assert_clean();
}

#[test]
fn a_cache_of_few_pages_writes_and_reads_a_file_of_many() {
    let rig = Rig::new(700);
    let fs = mount_small(&rig, 8);
    let (a, b) = (fs.create("a").unwrap(), fs.create("b").unwrap());
    let data = pattern(5, 300_000);
    for at in (0..300_000).step_by(10_000) {
        fs.write(a, at as u64, &data[at..at + 10_000]).unwrap();
        fs.write(b, at as u64, &data[at..at + 5000]).unwrap();
        assert!(fs.core.pages.pages() <= 8);
    }
    assert!(content(&fs, a) == data);
    fs.unmount().unwrap();
    rig.assert_clean();
    let fs = mount_small(&rig, 8);
    assert!(content(&fs, fs.open("a").unwrap()) == data);
    assert!(fs.core.pages.pages() <= 8);
}

#[test]
fn reclaim_gets_every_clean_page_and_no_dirty_one() {
    let rig = Rig::new(512);
    let fs = rig.mount();
    let ino = fs.create("a").unwrap();
    fs.write(ino, 0, &pattern(1, 10 * 4096)).unwrap();
    assert_eq!((fs.reclaim_pages(), fs.cached_pages()), (0, (10, 10)));
    fs.fsync(ino).unwrap();
    fs.write(ino, 0, b"dirty").unwrap();
    assert_eq!((fs.reclaim_pages(), fs.cached_pages()), (9, (1, 1)));
    let mut expected = pattern(1, 10 * 4096);
    expected[..5].copy_from_slice(b"dirty");
    assert_eq!(content(&fs, ino), expected);
}

#[test]
fn an_ioend_is_one_piece_of_one_kind() {
    let rig = Rig::new(512);
    let fs = rig.mount();
    let ino = fs.create("a").unwrap();
    rig.write(&fs, ino, 0, &[1; 4]).unwrap();
    fs.fallocate(ino, 4 * PAGE, 4 * PAGE).unwrap();
    fs.sync().unwrap();
    fs.write(ino, 0, &pattern(1, 10 * 4096)).unwrap();
    rig.sink.take();
    fs.fsync(ino).unwrap();
    let sent: Vec<_> = rig
        .sink
        .take()
        .iter()
        .filter_map(iomap::events::Event::decode)
        .filter_map(|event| match event {
            iomap::events::Event::IoendSubmit { kind, pos, bytes, .. } => {
                Some((kind, pos / PAGE, bytes / PAGE))
            }
            _ => None,
        })
        .collect();
    use iomap::IoendKind::{Overwrite, Unwritten};
    assert_eq!(sent, [(Overwrite, 0, 4), (Unwritten, 4, 6)]);
    assert_eq!(content(&fs, ino), pattern(1, 10 * 4096));
}

#[test]
fn appends_go_to_the_end_whatever_the_position() {
    let rig = Rig::new(512);
    let fs = rig.mount();
    let ino = fs.create("a").unwrap();
    let file = fs.open_file(ino, OpenFlags::APPEND).unwrap();
    let other = fs.open_file(ino, OpenFlags::empty()).unwrap();
    fs.write_file(&file, 77, b"one").unwrap();
    fs.write_file(&other, 10, b"two").unwrap();
    fs.write_file(&file, 0, b"three").unwrap();
    fs.append(ino, b"!").unwrap();
    assert_eq!(content(&fs, ino), b"one\0\0\0\0\0\0\0twothree!");
    let mut bytes = [0; 3];
    assert_eq!(fs.read_file(&other, 10, &mut bytes), Ok(3));
    assert_eq!(fs.read_file(&other, 100, &mut bytes), Ok(0), "the end of the file");
    fs.close_file(file).unwrap();
    fs.unlink("a").unwrap();
    assert_eq!(fs.read_file(&other, 0, &mut bytes), Ok(3), "open, it lives without a name");
    fs.close_file(other).unwrap();
    assert_eq!(fs.stat(ino), Err(Errno::ENOENT));
    fs.unmount().unwrap();
    rig.assert_clean();
}

#[test]
fn nowait_neither_reads_nor_waits_for_a_write() {
    let rig = Rig::new(512);
    let fs = rig.mount();
    let ino = fs.create("a").unwrap();
    rig.write(&fs, ino, 0, &[1; 4]).unwrap();
    let iocb = Kiocb { flags: IocbFlags::NOWAIT, context: Context::User };
    assert_eq!(
        fs.write_iocb(ino, Some(5), b"x", iocb),
        Err(Errno::EAGAIN),
        "an old page is needed"
    );
    assert_eq!(fs.write_iocb(ino, Some(0), &[2; 4096], iocb), Ok(PAGE), "a whole page is not");
    assert_eq!(fs.write_iocb(ino, Some(5), b"x", iocb), Ok(1), "the page is here");
    let file = fs.open_file(ino, OpenFlags::NOWAIT).unwrap();
    assert_eq!(fs.read_file(&file, 4096, &mut [0; 9]), Err(Errno::EAGAIN));
    fs.read(ino, 4096, &mut [0; 9]).unwrap();
    assert_eq!(fs.read_file(&file, 4096, &mut [0; 9]), Ok(9));
    fs.close_file(file).unwrap();
}

#[test]
fn a_shared_block_is_copied_when_its_page_is_written_back() {
    let rig = Rig::new(512);
    let fs = rig.mount();
    let (a, b) = (fs.create("a").unwrap(), fs.create("b").unwrap());
    let old = pattern(1, 8 * 4096);
    fs.write(a, 0, &old).unwrap();
    fs.clone_file(a, b).unwrap();
    assert_eq!(content(&fs, b), old, "the clone was made of what only pages held");
    fs.write(b, 5000, b"changed").unwrap();
    fs.fsync(b).unwrap();
    let mut new = old.clone();
    new[5000..5007].copy_from_slice(b"changed");
    assert!(content(&fs, a) == old && content(&fs, b) == new);
    fs.unmount().unwrap();
    rig.assert_clean();
    let fs = rig.mount();
    assert!(content(&fs, fs.open("a").unwrap()) == old);
    assert!(content(&fs, fs.open("b").unwrap()) == new);
}

#[test]
fn copies_on_write_find_space_or_the_write_says_so() {
    let rig = Rig::new(330);
    let fs = rig.mount();
    let (a, b) = (fs.create("a").unwrap(), fs.create("b").unwrap());
    let free = fs.statfs().unwrap().blocks_free;
    let pages = free * 2 / 3;
    rig.write(&fs, a, 0, &vec![1; pages as usize]).unwrap();
    fs.clone_file(a, b).unwrap();
    let mut written = 0;
    while fs.write(b, written * PAGE, &[2; 100]) == Ok(100) {
        written += 1;
    }
    assert_eq!(fs.write(b, written * PAGE, &[2; 100]), Err(Errno::ENOSPC));
    assert!(written > free - pages - 10, "{written}");
    fs.fsync(b).unwrap();
    fs.unmount().unwrap();
    rig.assert_clean();
}

#[test]
fn without_memory_for_a_page_a_clean_one_goes_or_the_write_fails() {
    let rig = Rig::new(512);
    let fs = rig.mount();
    let ino = fs.create("a").unwrap();
    // All memory that devices can reach, but for what is needed to write at all.
    let mut hoard = Vec::new();
    while let Ok(page) = block::BlockDevice::alloc_page(&*rig.disk) {
        hoard.push(page);
    }
    assert_eq!(fs.write(ino, 0, b"x"), Err(Errno::ENOMEM));
    hoard.truncate(hoard.len() - 2);
    let data = pattern(4, 40_000);
    assert_eq!(fs.write(ino, 0, &data), Ok(40_000), "two pages, again and again");
    assert!(content(&fs, ino) == data);
    drop(hoard);
    fs.unmount().unwrap();
    rig.assert_clean();
}
