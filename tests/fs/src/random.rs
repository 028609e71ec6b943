//! Long random histories: everything users do, on a drive that is often full, with requests that fail, power
//! cuts and remounts in between.

use guest_fs::AllocateMode::{Allocate, KeepSize, Punch, Unshare, Zero};
use guest_fs::ShutdownKind;
use guest_fs::planted::Planted;

use crate::Failure;
use crate::dice::Dice;
use crate::disk::{Disk, IoFault, Victim, poisoned};
use crate::op::{Op, Span};
use crate::player::mkfs;
use crate::session::{Session, Tally};

/// Where files are.
const PLACES: [&str; 4] = ["", "d/", "e/", "d/f/"];

/// The most pages of a file.
const PAGES_MAX: u64 = 24;

/// A history.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Decides about everything.
    pub seed: u64,
    /// How many operations.
    pub ops: u64,
    /// Pages of the drive, at least 345.
    pub disk_blocks: u64,
    /// Of a thousand operations, so many meet a request or an allocation of memory that fails.
    pub faults: u64,
    /// Of a thousand operations, so many are shutdowns.
    pub shutdowns: u64,
    /// Whether files are written through the page cache, too.
    pub is_cached: bool,
}

/// Plays a history on a filesystem with this bug, or without any.
///
/// # Errors
/// The first failure, with the number of the operation.
pub fn run(plan: &Plan, bug: Option<Planted>) -> Result<Tally, (u64, Failure)> {
    let pool = Disk::pool();
    let mut dice = Dice::new(plan.seed);
    let block_bytes = if dice.below(2) == 0 { 4096 } else { 512 };
    let disk = Disk::new(poisoned(plan.disk_blocks, block_bytes), &pool);
    let made = mkfs(&disk).and_then(|()| Session::new(disk.media(), &pool, bug));
    drop(disk);
    let mut session = made.map_err(|failure| (0, failure))?;
    for number in 0..plan.ops {
        let turned = turn(&mut session, &mut dice, plan);
        turned.map_err(|failure| (number, failure.after(session.trail())))?;
    }
    session.remount().map_err(|failure| (plan.ops, failure))?;
    Ok(session.tally)
}

fn turn(session: &mut Session, dice: &mut Dice, plan: &Plan) -> Result<(), Failure> {
    match dice.below(1000) {
        0..3 => return session.remount(),
        3..10 => return session.cut(dice.roll()),
        chance if chance < 10 + plan.faults => arm(session.disk(), dice),
        chance if chance >= 1000 - plan.shutdowns => {
            let kinds = [ShutdownKind::Default, ShutdownKind::LogFlush, ShutdownKind::NoLogFlush];
            return session.step(&Op::Shutdown(*dice.pick(&kinds))).map(drop);
        }
        _ => {}
    }
    session.step(&operation(dice, plan.is_cached)).map(drop)
}

/// Something will fail soon: an armed fault waits for its request.
fn arm(disk: &Disk, dice: &mut Dice) {
    if dice.below(5) == 0 {
        return disk.set_pages_left(Some(dice.below(4)));
    }
    let victim = *dice.pick(&[Victim::Read, Victim::Write, Victim::Flush, Victim::Any]);
    let times = *dice.pick(&[1, u64::MAX]);
    let lands = dice.below(2) == 0;
    disk.set_fault(Some(IoFault { victim, skip: dice.below(6), times, lands }));
}

fn file(dice: &mut Dice) -> String {
    format!("{}f{}", dice.pick(&PLACES), dice.below(4))
}

fn link(dice: &mut Dice) -> String {
    format!("{}s{}", dice.pick(&PLACES), dice.below(2))
}

fn directory(dice: &mut Dice) -> String {
    dice.pick(&["d", "e", "d/f", "e/g"]).to_string()
}

fn pages(dice: &mut Dice) -> u64 {
    dice.below(6) + 1
}

fn sector(dice: &mut Dice) -> u64 {
    let aligned = dice.below(PAGES_MAX) * 8;
    if dice.below(3) == 0 { aligned + dice.below(8) } else { aligned }
}

fn sectors(dice: &mut Dice) -> u64 {
    dice.below(40) + 1
}

fn span(dice: &mut Dice) -> Span {
    let (from, to) = (file(dice), file(dice));
    // Equal places more often than chance would have it: what is there is then often the same.
    let first = dice.below(PAGES_MAX);
    let at = if dice.below(2) == 0 { first } else { dice.below(PAGES_MAX) };
    Span { from, first, to, at, pages: pages(dice) }
}

fn operation(dice: &mut Dice, is_cached: bool) -> Op {
    if is_cached && dice.below(3) == 0 {
        return through_pages(dice);
    }
    match dice.below(100) {
        0..40 => of_names(dice),
        40..92 => of_content(dice),
        92..97 => Op::Fsync(file(dice)),
        97 => Op::Freeze,
        _ => Op::Sync,
    }
}

fn through_pages(dice: &mut Dice) -> Op {
    match dice.below(20) {
        0..7 => Op::Buffered(file(dice), sector(dice), sectors(dice)),
        7..9 => Op::BufferedAppend(file(dice), sectors(dice)),
        9..11 => Op::Read(file(dice), sector(dice), sectors(dice)),
        11..13 => Op::DirectRead(file(dice), dice.below(PAGES_MAX), pages(dice)),
        13 => Op::Hold(file(dice), dice.below(2) == 0),
        14..16 => Op::HeldWrite(sector(dice), sectors(dice)),
        16 => Op::HeldRead(sector(dice), sectors(dice)),
        17 => Op::LetGo,
        _ => Op::Fdatasync(file(dice)),
    }
}

fn of_names(dice: &mut Dice) -> Op {
    match dice.below(40) {
        0..12 => Op::Create(file(dice)),
        12..17 => Op::Mkdir(directory(dice)),
        17..19 => Op::Symlink(file(dice), link(dice)),
        19..23 => Op::Link(file(dice), file(dice)),
        23..28 => Op::Unlink(file(dice)),
        28..30 => Op::Unlink(link(dice)),
        30..32 => Op::Rmdir(directory(dice)),
        32..36 => Op::Rename(file(dice), file(dice)),
        36..38 => Op::RenameNew(file(dice), file(dice)),
        _ => Op::Rename(directory(dice), directory(dice)),
    }
}

fn of_content(dice: &mut Dice) -> Op {
    match dice.below(52) {
        0..7 => Op::Truncate(file(dice), sector(dice)),
        7..16 => {
            let mode = *dice.pick(&[Allocate, KeepSize, Punch, Zero, Unshare]);
            Op::Allocate(file(dice), mode, sector(dice), dice.below(48) + 1)
        }
        16..30 => Op::Write(file(dice), dice.below(PAGES_MAX), pages(dice)),
        30..36 => Op::Burst(file(dice), dice.below(PAGES_MAX), pages(dice)),
        36..40 => Op::Append(file(dice), pages(dice)),
        40..44 => Op::Clone(file(dice), file(dice)),
        44..47 => Op::CloneRange(span(dice)),
        47..50 => Op::Dedupe(span(dice)),
        50 => Op::Relocate(file(dice)),
        _ => Op::Defragment(file(dice)),
    }
}
