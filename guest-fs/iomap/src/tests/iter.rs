//! The walk over a range: how far and how are two things.

use std::cell::RefCell;

use hal::Tracer;

use super::rig::{PAGE, Table};
use crate::MapKind::Mapped;
use crate::{Context, Errno, FailureKind, Intent, IoFailure, Iomap, IomapOps, Iter};

/// A table that remembers what `iomap_end` was told.
struct Ended {
    table: Table,
    ends: RefCell<Vec<(u64, u64)>>,
}

impl IomapOps for Ended {
    type Inode = ();

    fn iomap_begin(
        &self,
        (): (),
        pos: u64,
        length: u64,
        intent: Intent,
        context: Context,
    ) -> Result<Iomap, Errno> {
        self.table.iomap_begin((), pos, length, intent, context)
    }

    fn iomap_end(
        &self,
        (): (),
        _: &Iomap,
        pos: u64,
        written: u64,
        _: Intent,
        _: Context,
    ) -> Result<(), Errno> {
        self.ends.borrow_mut().push((pos / PAGE, written / PAGE));
        Ok(())
    }

    fn iomap_valid(&self, (): (), _: &Iomap) -> bool {
        true
    }
}

fn ops() -> Ended {
    Ended { table: Table::new(&[(0, 4, Mapped, 10), (4, 4, Mapped, 90)]), ends: RefCell::default() }
}

fn iter(pages: u64) -> Iter<()> {
    Iter::new((), 0, pages * PAGE, Intent::WRITE, Context::User)
}

#[test]
fn a_walk_ends_with_its_range_and_tells_every_mapping_how_much_was_used() {
    let (ops, tracer) = (ops(), Tracer::none());
    let mut iter = iter(6);
    let mut pieces = Vec::new();
    while let Some(map) = iter.next(&ops, &tracer, Ok(())).unwrap() {
        pieces.push((map.block, iter.piece_left() / PAGE));
        iter.advance(u64::MAX);
    }
    assert_eq!(pieces, [(Some(10), 4), (Some(90), 2)]);
    assert_eq!(*ops.ends.borrow(), [(0, 4), (4, 2)]);
    assert_eq!(iter.pos(), 6 * PAGE);
}

#[test]
fn a_step_that_did_nothing_ends_the_walk_unless_its_mapping_was_stale() {
    let (ops, tracer) = (ops(), Tracer::none());
    let mut iter = iter(6);
    assert!(iter.next(&ops, &tracer, Ok(())).unwrap().is_some());
    iter.advance(PAGE);
    assert!(iter.next(&ops, &tracer, Ok(())).unwrap().is_some(), "a part of a mapping is progress");
    iter.mark_stale();
    assert!(iter.next(&ops, &tracer, Ok(())).unwrap().is_some(), "asked again");
    assert!(iter.next(&ops, &tracer, Ok(())).unwrap().is_none());
    assert_eq!(*ops.ends.borrow(), [(0, 1), (1, 0), (1, 0)]);
}

#[test]
fn a_status_that_is_bad_ends_the_walk_after_the_mapping_was_told() {
    let (ops, tracer) = (ops(), Tracer::none());
    let mut iter = iter(6);
    iter.next(&ops, &tracer, Ok(())).unwrap();
    iter.advance(2 * PAGE);
    let failure = IoFailure::library(Errno::ENOMEM, 2 * PAGE, FailureKind::Submission);
    assert_eq!(iter.next(&ops, &tracer, Err(failure)), Err(failure));
    assert_eq!(*ops.ends.borrow(), [(0, 2)]);
}
