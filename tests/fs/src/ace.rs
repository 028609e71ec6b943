//! All short sequences over a few files, as CrashMonkey's ACE makes them.
//!
//! Names: `foo` (three written pages), `bar` (its clone), `A/foo` (two written pages, two unwritten ones, one
//! unwritten beyond the size), the empty directory `B`, and what operations make. What is not there: mmap,
//! extended attributes, the `mwrite` and `msync` of ACE.

use guest_fs::AllocateMode::{self, Allocate, KeepSize, Punch, Zero};

use crate::op::Op;

/// When an operation of a sequence is made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    /// Not at all.
    None,
    /// By an fsync of what it changed.
    Fsync,
    /// By an fdatasync of what it changed.
    Fdatasync,
    /// By a sync.
    Sync,
}

fn text(path: &str) -> String {
    path.to_owned()
}

fn allocate(path: &str, mode: AllocateMode, first: u64, count: u64) -> Op {
    Op::Allocate(text(path), mode, first, count)
}

/// What is there before a sequence. Metadata of everything are in the journal afterwards.
#[must_use]
pub fn setup() -> Vec<Op> {
    vec![
        Op::Create(text("foo")),
        Op::Write(text("foo"), 0, 3),
        Op::Create(text("bar")),
        Op::Clone(text("foo"), text("bar")),
        Op::Mkdir(text("A")),
        Op::Create(text("A/foo")),
        Op::Write(text("A/foo"), 0, 2),
        allocate("A/foo", Allocate, 16, 16),
        allocate("A/foo", KeepSize, 32, 8),
        Op::Mkdir(text("B")),
        Op::Link(text("A/foo"), text("A/own")),
    ]
}

/// Dirty pages in the file that has everything, beyond its size, too.
#[must_use]
pub fn dirty_pages() -> Op {
    Op::Buffered(text("A/foo"), 30, 20)
}

/// The operations.
#[must_use]
pub fn operations() -> Vec<Op> {
    let two = |make: fn(String, String) -> Op, from: &str, to: &str| make(text(from), text(to));
    let mut ops = vec![
        Op::Create(text("new")),
        Op::Create(text("A/new")),
        Op::Mkdir(text("A/C")),
        Op::Rmdir(text("B")),
        two(Op::Symlink, "A/foo", "sym"),
        two(Op::Link, "foo", "A/bar"),
        Op::Unlink(text("foo")),
        Op::Unlink(text("A/foo")),
        Op::Unlink(text("bar")),
        two(Op::Rename, "foo", "new"),
        two(Op::Rename, "foo", "bar"),
        two(Op::Rename, "bar", "A/foo"),
        two(Op::Rename, "A/foo", "A/own"),
        two(Op::Rename, "B", "A/C"),
        two(Op::Rename, "A", "B"),
        Op::Truncate(text("foo"), 0),
        Op::Truncate(text("foo"), 11),
        Op::Truncate(text("foo"), 44),
        Op::Truncate(text("A/foo"), 13),
        Op::Truncate(text("bar"), 11),
        allocate("foo", Allocate, 16, 24),
        allocate("foo", KeepSize, 24, 16),
        allocate("foo", Punch, 8, 8),
        allocate("A/foo", Punch, 4, 20),
        allocate("bar", Zero, 4, 16),
        Op::Write(text("foo"), 1, 1),
        Op::Write(text("foo"), 2, 3),
        Op::Write(text("foo"), 6, 2),
        Op::Write(text("A/foo"), 0, 1),
        Op::Write(text("A/foo"), 1, 2),
        Op::Write(text("A/foo"), 4, 1),
        Op::Write(text("bar"), 0, 2),
        Op::Append(text("foo"), 2),
        Op::Buffered(text("foo"), 5, 6),
        Op::Buffered(text("foo"), 40, 20),
        Op::Buffered(text("A/foo"), 9, 20),
        Op::Buffered(text("bar"), 3, 9),
        two(Op::Clone, "A/foo", "bar"),
        two(Op::Clone, "foo", "A/foo"),
    ];
    ops.extend([Op::Unlink(text("A/own")), Op::Rmdir(text("A"))]);
    ops
}

/// An operation and what makes it durable.
fn step(op: &Op, persistence: Persistence) -> Vec<Op> {
    let durable = match persistence {
        Persistence::None => None,
        Persistence::Fsync => Some(Op::Fsync(op.subject().to_owned())),
        Persistence::Fdatasync => Some(Op::Fdatasync(op.subject().to_owned())),
        Persistence::Sync => Some(Op::Sync),
    };
    [op.clone()].into_iter().chain(durable).collect()
}

/// A sequence: what to play, and the operation from which on cuts are new.
#[derive(Clone, Debug)]
pub struct Sequence {
    /// What to play.
    pub ops: Vec<Op>,
    /// Shorter sequences have the cuts before it.
    pub from: usize,
}

/// The sequence that `index` numbers among those of `length` operations; `None` behind the last. All but the
/// last operation may stay without persistence.
#[must_use]
pub fn sequence(length: u32, index: u64) -> Option<Sequence> {
    use Persistence::{Fdatasync, Fsync, None as No, Sync};
    let pool = operations();
    let mut rest = index;
    let mut draw = |choices: u64| {
        let drawn = rest % choices;
        rest /= choices;
        drawn as usize
    };
    let mut ops = Vec::new();
    let mut from = 0;
    for place in 0..length {
        let is_last = place + 1 == length;
        let persistence =
            if is_last { [Fsync, Fdatasync, Sync][draw(3)] } else { [No, Fsync, Sync][draw(3)] };
        let op = &pool[draw(pool.len() as u64)];
        from = ops.len();
        ops.extend(step(op, persistence));
    }
    (rest == 0).then_some(Sequence { ops, from })
}

/// How many sequences of `length` operations there are.
#[must_use]
pub fn count(length: u32) -> u64 {
    let pool = operations().len() as u64;
    (3 * pool) * (3 * pool).pow(length - 1)
}
