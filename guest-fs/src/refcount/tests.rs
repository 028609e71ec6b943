//! Owners of blocks against a table of numbers.

use proptest::prelude::*;

use super::*;
use crate::meta::testing::Table;

const BASE: u64 = 40 * crate::format::superblock::GROUP_BLOCKS + 100;

fn run(start: u64, blocks: u64) -> Run {
    Run { start: BASE + start, blocks }
}

#[test]
fn a_record_has_this_wire_form() {
    let value = Owners { run: run(0, 0x1234), owners: 7 }.value();
    assert_eq!(value, [0x34, 0x12, 0, 0, 7, 0, 0, 0]);
}

#[test]
fn the_last_owner_but_one_leaves_no_record_behind() {
    let mut table = Table::with_refcounts();
    assert_eq!(increase(&mut table, run(0, 8)), Ok(run(0, 8)));
    let left = decrease(&mut table, run(2, 3)).unwrap();
    assert_eq!(left, Owners { run: run(2, 3), owners: 1 });
    assert_eq!(first_alike(&table, run(0, 8)), Ok(Owners { run: run(0, 2), owners: 2 }));
    let gone = decrease(&mut table, run(2, 6)).unwrap();
    assert_eq!(gone, Owners { run: run(2, 3), owners: 0 });
}

#[test]
fn staging_runs_are_apart_from_shared_ones() {
    let mut table = Table::with_refcounts();
    stage(&mut table, run(4, 2)).unwrap();
    assert_eq!(first_alike(&table, run(4, 2)), Ok(Owners { run: run(4, 2), owners: 1 }));
    assert_eq!(first_staged(&table), Ok(Some(run(4, 2))));
    assert_eq!(unstage(&mut table, BASE + 4), Ok(true));
    assert_eq!((first_staged(&table), unstage(&mut table, BASE + 4)), (Ok(None), Ok(false)));
}

proptest! {
    /// Up and down in any ranges: every block has the owners that a table says, and runs that are alike
    /// are one record.
    #[test]
    fn a_random_history_agrees_with_a_table(
        steps in prop::collection::vec((0..60_u64, 1..20_u64, any::<bool>()), 1..120),
    ) {
        let mut table = Table::with_refcounts();
        let mut model = vec![1_u32; 80];
        for (start, blocks, is_up) in steps {
            let mut at = start;
            let end = start + blocks;
            while at < end {
                let here = run(at, end - at);
                let done = if is_up {
                    increase(&mut table, here).unwrap()
                } else {
                    decrease(&mut table, here).unwrap().run
                };
                for block in at..at + done.blocks {
                    let owners = &mut model[block as usize];
                    *owners = if is_up { *owners + 1 } else { (*owners - 1).max(1) };
                }
                at += done.blocks;
            }
        }
        for (block, owners) in model.iter().enumerate() {
            let found = first_alike(&table, run(block as u64, 1)).unwrap();
            prop_assert_eq!(found.owners, *owners);
        }
        let mut records: Vec<Owners> = Vec::new();
        Tree::refcounts(table.layout()).scan(&table, 0, |key, value| {
            assert!(is_record(table.layout(), key, value));
            records.push(Owners::from_record(key, value));
            Ok(true)
        }).unwrap();
        let is_split = |pair: &[Owners]| pair[0].run.end() == pair[1].run.start && pair[0].owners == pair[1].owners;
        prop_assert!(!records.windows(2).any(is_split));
    }
}
