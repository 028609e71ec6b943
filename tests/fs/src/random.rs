//! Long random histories: everything users do, on a drive that is often full, with requests that fail, power
//! cuts and remounts in between.

use guest_fs::AllocateMode::{Allocate, KeepSize, Punch, Zero};
use guest_fs::planted::Planted;

use crate::Failure;
use crate::dice::Dice;
use crate::disk::{Disk, IoFault, Victim, poisoned};
use crate::op::Op;
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
        let turned = turn(&mut session, &mut dice, plan.faults);
        turned.map_err(|failure| (number, failure.after(session.trail())))?;
    }
    session.remount().map_err(|failure| (plan.ops, failure))?;
    Ok(session.tally)
}

fn turn(session: &mut Session, dice: &mut Dice, faults: u64) -> Result<(), Failure> {
    match dice.below(1000) {
        0..3 => return session.remount(),
        3..10 => return session.cut(dice.roll()),
        chance if chance < 10 + faults => arm(session.disk(), dice),
        _ => {}
    }
    session.step(&operation(dice)).map(drop)
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

fn directory(dice: &mut Dice) -> String {
    dice.pick(&["d", "e", "d/f", "e/g"]).to_string()
}

fn operation(dice: &mut Dice) -> Op {
    let pages = |dice: &mut Dice| dice.below(6) + 1;
    let sectors = |dice: &mut Dice| {
        let aligned = dice.below(PAGES_MAX) * 8;
        if dice.below(3) == 0 { aligned + dice.below(8) } else { aligned }
    };
    match dice.below(100) {
        0..12 => Op::Create(file(dice)),
        12..17 => Op::Mkdir(directory(dice)),
        17..19 => Op::Symlink(file(dice), format!("{}s{}", dice.pick(&PLACES), dice.below(2))),
        19..23 => Op::Link(file(dice), file(dice)),
        23..29 => Op::Unlink(file(dice)),
        29..31 => Op::Unlink(format!("{}s{}", dice.pick(&PLACES), dice.below(2))),
        31..33 => Op::Rmdir(directory(dice)),
        33..39 => Op::Rename(file(dice), file(dice)),
        39..41 => Op::Rename(directory(dice), directory(dice)),
        41..48 => Op::Truncate(file(dice), sectors(dice)),
        48..56 => {
            let mode = *dice.pick(&[Allocate, KeepSize, Punch, Zero]);
            Op::Allocate(file(dice), mode, sectors(dice), dice.below(48) + 1)
        }
        56..80 => Op::Write(file(dice), dice.below(PAGES_MAX), pages(dice)),
        80..85 => Op::Append(file(dice), pages(dice)),
        85..91 => Op::Clone(file(dice), file(dice)),
        91..97 => Op::Fsync(file(dice)),
        _ => Op::Sync,
    }
}
