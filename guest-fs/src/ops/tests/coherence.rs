//! The page cache and direct I/O, truncation, holes: one file.

use iomap::{Context, Direction, Errno, IocbFlags, Kiocb, SwapHost, Transfer, swapfile_activate};

use super::{content, mount_small, pattern};
use crate::tests::rig::{PAGE, Rig, fill_of};
use crate::{AllocateMode, OpenFlags};

#[test]
fn direct_io_sees_pages_and_pages_see_direct_io() {
    let rig = Rig::new(512);
    let fs = rig.mount();
    let ino = fs.create("a").unwrap();
    fs.write(ino, 0, &[1; 8 * 4096]).unwrap();
    assert_eq!(rig.read(&fs, ino, 0, 8), Ok(vec![1; 8]));
    rig.write(&fs, ino, 2, &[2; 2]).unwrap();
    let mut expected = vec![1; 8 * 4096];
    expected[2 * 4096..4 * 4096].fill(2);
    assert_eq!(content(&fs, ino), expected);
    fs.write(ino, 3 * PAGE, &[3; 4096]).unwrap();
    rig.write(&fs, ino, 3, &[4]).unwrap();
    expected[3 * 4096..4 * 4096].fill(4);
    assert_eq!(content(&fs, ino), expected, "the later write wins");
    fs.write(ino, 9 * PAGE, &[5; 4096]).unwrap();
    rig.write(&fs, ino, 12, &[6]).unwrap();
    assert_eq!(rig.read(&fs, ino, 8, 5), Ok(vec![0, 5, 0, 0, 6]));
    fs.unmount().unwrap();
    rig.assert_clean();
}

#[test]
fn direct_io_with_nowait_does_not_write_pages_back() {
    let rig = Rig::new(512);
    let fs = rig.mount();
    let ino = fs.create("a").unwrap();
    rig.write(&fs, ino, 0, &[1; 4]).unwrap();
    fs.write(ino, 0, &[2; 10]).unwrap();
    let iocb = Kiocb { flags: IocbFlags::NOWAIT, context: Context::User };
    let write = || fs.dio_write_iocb(ino, &mut rig.transfer(0, &[3]), iocb).map_err(|f| f.errno);
    let read = || fs.dio_read_iocb(ino, &mut rig.transfer(0, &[3]), iocb).map_err(|f| f.errno);
    assert_eq!((write(), read()), (Err(Errno::EAGAIN), Err(Errno::EAGAIN)));
    fs.fsync(ino).unwrap();
    assert_eq!(
        (write(), read()),
        (Err(Errno::EAGAIN), Ok(PAGE)),
        "a clean page is in the way of a write"
    );
    rig.write(&fs, ino, 0, &[4]).unwrap();
    assert_eq!(write(), Ok(PAGE));
}

#[test]
fn many_direct_ios_are_under_way_and_a_truncation_waits_for_them() {
    let rig = Rig::new(512);
    let fs = rig.mount();
    let ino = fs.create("a").unwrap();
    rig.write(&fs, ino, 0, &[1; 32]).unwrap();
    rig.disk.set_deferred(true);
    let submit = |page: u64, fill: u8| {
        fs.dio_submit(ino, rig.transfer(page, &[fill]), Kiocb::DIRECT).unwrap()
    };
    let tickets: Vec<_> = (0..32).map(|page| submit(page, page as u8 + 10)).collect();
    assert!(fs.dio_poll(tickets[3]).is_none());
    rig.disk.complete_all();
    let (back, result) = fs.dio_poll(tickets[3]).unwrap();
    assert_eq!((fill_of(&back.pages[0]), result), (13, Ok(PAGE)));
    let beyond = submit(40, 77);
    fs.truncate(ino, 4 * PAGE).unwrap();
    assert_eq!(fs.dio_wait(beyond).1, Ok(PAGE));
    assert_eq!(fs.dio_wait(beyond).1.unwrap_err().errno, Errno::EINVAL, "taken back before");
    for (at, ticket) in tickets.into_iter().enumerate().filter(|(at, _)| *at != 3) {
        assert_eq!(fs.dio_wait(ticket).1, Ok(PAGE), "{at}");
    }
    assert_eq!(fs.stat(ino).unwrap().size_bytes, 4 * PAGE);
    rig.disk.set_deferred(false);
    assert_eq!(rig.read(&fs, ino, 0, 9), Ok(vec![10, 11, 12, 13]));
    let short = Transfer { direction: Direction::Read, ..rig.transfer(3, &[0; 4]) };
    let ticket = fs.dio_submit(ino, short, Kiocb::DIRECT).unwrap();
    let (back, result) = fs.dio_wait(ticket);
    assert_eq!((back.pages.len(), result), (4, Ok(PAGE)));
    fs.unmount().unwrap();
    rig.assert_clean();
}

#[test]
fn overwrite_only_refuses_what_needs_blocks() {
    let rig = Rig::new(512);
    let fs = rig.mount();
    let ino = fs.create("a").unwrap();
    let iocb = Kiocb { flags: IocbFlags::OVERWRITE_ONLY, context: Context::User };
    let write = || fs.dio_write_iocb(ino, &mut rig.transfer(0, &[3]), iocb).map_err(|f| f.errno);
    assert_eq!(write(), Err(Errno::EAGAIN));
    rig.write(&fs, ino, 0, &[1]).unwrap();
    assert_eq!(write(), Ok(PAGE));
}

#[test]
fn what_is_cut_off_reads_as_zeros_when_the_file_grows_again() {
    let rig = Rig::new(512);
    for is_synced in [false, true] {
        let fs = rig.mount();
        let ino = fs.create(format!("{is_synced}")).unwrap();
        let mut model = pattern(1, 20_000);
        fs.write(ino, 0, &model).unwrap();
        if is_synced {
            fs.fsync(ino).unwrap();
        }
        fs.truncate(ino, 9001).unwrap();
        fs.truncate(ino, 15_000).unwrap();
        model[9001..].fill(0);
        model.truncate(15_000);
        assert_eq!(content(&fs, ino), model);
        fs.write(ino, 17_000, b"end").unwrap();
        model.resize(17_000, 0);
        model.extend(b"end");
        assert_eq!(content(&fs, ino), model);
        fs.unmount().unwrap();
        rig.assert_clean();
        let fs = rig.mount();
        let ino = fs.open(format!("{is_synced}")).unwrap();
        assert_eq!(content(&fs, ino), model);
        fs.unmount().unwrap();
    }
}

#[test]
fn a_punch_zeroes_parts_of_pages_and_gives_claims_back() {
    let rig = Rig::new(512);
    let fs = rig.mount();
    for is_synced in [false, true] {
        let ino = fs.create(format!("{is_synced}")).unwrap();
        let mut model = pattern(2, 40_000);
        fs.write(ino, 0, &model).unwrap();
        if is_synced {
            fs.fsync(ino).unwrap();
        }
        for (mode, pos, length) in [
            (AllocateMode::Punch, 100, 50),
            (AllocateMode::Punch, 5000, 13_000),
            (AllocateMode::Zero, 20_000, 9000),
            (AllocateMode::Zero, 39_000, 5000),
        ] {
            fs.fallocate_mode(ino, mode, pos, length).unwrap();
            let (pos, end) = (pos as usize, (pos + length) as usize);
            model.resize(model.len().max(if mode == AllocateMode::Zero { end } else { 0 }), 0);
            let end = end.min(model.len());
            model[pos..end].fill(0);
            assert_eq!(content(&fs, ino), model, "{mode:?} at {pos}");
        }
        fs.fsync(ino).unwrap();
        let mut pages = rig.transfer(0, &[0; 11]);
        fs.dio_read(ino, &mut pages).unwrap();
        let mut direct = vec![0; 11 * 4096];
        for (page, bytes) in pages.pages.iter().zip(direct.chunks_mut(4096)) {
            hal::DmaBuf::read(page, 0, bytes);
        }
        assert!(direct[..model.len()] == model);
    }
    assert_eq!(fs.core.state().promised, 0);
    fs.unmount().unwrap();
    rig.assert_clean();
}

#[test]
fn random_histories_of_one_file_agree_with_a_model() {
    for seed in 0..24 {
        random_history(seed);
    }
}

fn random_history(seed: u64) {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut random = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(0x1405_7b7e_f767_814f);
        (state >> 33) % below
    };
    let rig = Rig::new(900);
    let mut fs = mount_small(&rig, 4 + random(20) as usize);
    let mut ino = fs.create("a").unwrap();
    let other = fs.create("other").unwrap();
    let _ = other;
    let mut model: Vec<u8> = Vec::new();
    const MAX: u64 = 120_000;
    for step in 0..150 {
        let (pos, length) = (random(MAX), 1 + random(20_000));
        let (page, pages) = (random(MAX / PAGE), 1 + random(5));
        match random(11) {
            0..=2 => {
                let data = pattern(seed + step, length as usize);
                assert_eq!(fs.write(ino, pos, &data), Ok(length));
                model.resize(model.len().max((pos + length) as usize), 0);
                model[pos as usize..(pos + length) as usize].copy_from_slice(&data);
            }
            3 => {
                let fill = vec![step as u8; pages as usize];
                rig.write(&fs, ino, page, &fill).unwrap();
                let (from, to) = ((page * PAGE) as usize, ((page + pages) * PAGE) as usize);
                model.resize(model.len().max(to), 0);
                model[from..to].fill(step as u8);
            }
            4 => {
                fs.truncate(ino, pos).unwrap();
                model.resize(pos as usize, 0);
            }
            5 => {
                fs.fallocate_mode(ino, AllocateMode::Punch, pos, length).unwrap();
                let end = (pos + length).min(model.len() as u64) as usize;
                if (pos as usize) < end {
                    model[pos as usize..end].fill(0);
                }
            }
            6 => {
                fs.fallocate_mode(ino, AllocateMode::Zero, pos, length).unwrap();
                model.resize(model.len().max((pos + length) as usize), 0);
                model[pos as usize..(pos + length) as usize].fill(0);
            }
            7 => fs.fsync(ino).unwrap(),
            8 => {
                let other = fs.open("other").unwrap();
                fs.clone_file(ino, other).unwrap();
                assert!(content(&fs, other) == model, "seed {seed}, step {step}: clone");
            }
            9 => {
                fs.unmount().unwrap();
                rig.assert_clean();
                fs = mount_small(&rig, 4 + random(20) as usize);
                ino = fs.open("a").unwrap();
            }
            _ => {
                fs.fallocate_mode(ino, AllocateMode::Allocate, pos, length).unwrap();
                model.resize(model.len().max((pos + length) as usize), 0);
            }
        }
        assert!(content(&fs, ino) == model, "seed {seed}, step {step}");
    }
    fs.unmount().unwrap();
    rig.assert_clean();
}

#[test]
fn a_swap_file_written_through_pages_is_flushed_and_accepted() {
    let rig = Rig::new(512);
    let fs = rig.mount();
    let ino = fs.create("swapfile").unwrap();
    fs.write(ino, 0, &pattern(1, 16 * 4096)).unwrap();
    fs.claim_swapfile(ino).unwrap();
    let extents = swapfile_activate(&fs, ino).unwrap();
    assert_eq!(extents.iter().map(|e| e.nr_pages).sum::<u64>(), 16);
    assert_eq!(fs.write(ino, 0, b"x"), Err(Errno::ETXTBSY));
    let file = fs.open_file(ino, OpenFlags::empty()).unwrap();
    assert_eq!(fs.write_file(&file, 0, b"x"), Err(Errno::ETXTBSY));
    fs.close_file(file).unwrap();
    fs.release_swapfile(ino);
    fs.unmount().unwrap();
    rig.assert_clean();
}

#[test]
fn what_is_zeroed_beyond_the_size_spares_direct_writes_under_way() {
    for is_direct in [true, false] {
        let rig = Rig::new(512);
        let fs = rig.mount();
        let ino = fs.create("a").unwrap();
        rig.write(&fs, ino, 0, &[1; 2]).unwrap();
        fs.truncate(ino, PAGE + 512).unwrap();
        rig.disk.set_deferred(true);
        let submit = |page, fill| fs.dio_submit(ino, rig.transfer(page, &[fill]), Kiocb::DIRECT);
        // Goes beyond the size inside of its block; the size follows when it is done.
        let under_way = submit(1, 7).unwrap();
        rig.disk.set_deferred(false);
        if is_direct {
            let next = submit(2, 8).unwrap();
            assert_eq!(fs.dio_wait(next).1, Ok(PAGE));
        } else {
            fs.write(ino, 2 * PAGE, &[8; 4096]).unwrap();
        }
        assert_eq!(fs.dio_wait(under_way).1, Ok(PAGE));
        assert_eq!(rig.read(&fs, ino, 0, 3), Ok(vec![1, 7, 8]), "direct: {is_direct}");
        fs.unmount().unwrap();
        rig.assert_clean();
    }
}
