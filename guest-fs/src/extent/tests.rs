//! The map of a file against a table of blocks.

use proptest::prelude::*;

use super::*;
use crate::meta::testing::Table;

const INO: u64 = 5000;

/// Runs of data: inside one group, off its head.
const BASE: u64 = 40 * crate::format::superblock::GROUP_BLOCKS + 100;

fn extent(file_block: u64, block: u64, blocks: u64, is_unwritten: bool) -> Extent {
    Extent { file_block, block, blocks, is_unwritten }
}

fn all(table: &Table) -> Vec<Extent> {
    let mut extents = Vec::new();
    Tree::extents(INO)
        .scan(table, 0, |key, value| {
            assert!(is_record(table.layout(), key, value));
            extents.push(Extent::from_record(key, value));
            Ok(true)
        })
        .unwrap();
    extents
}

fn convert(table: &mut Table, start: u64, blocks: u64) {
    let gone = cut(table, INO, start, start + blocks).unwrap().unwrap();
    add(table, INO, Extent { is_unwritten: false, ..gone }).unwrap();
}

#[test]
fn an_extent_has_this_wire_form() {
    let value = extent(9, 0x1122, 0x33, true).value();
    assert_eq!(value, [0x22, 0x11, 0, 0, 0, 0, 0, 0, 0x33, 0, 0, 0, 1, 0, 0, 0]);
    assert_eq!(Extent::from_record(9, &value), extent(9, 0x1122, 0x33, true));
}

#[test]
fn neighbours_that_continue_each_other_are_one_extent() {
    let mut table = Table::new(&[Tree::extents(INO)]);
    for (file_block, block) in [(0, BASE), (4, BASE + 4), (2, BASE + 2)] {
        add(&mut table, INO, extent(file_block, block, 2, true)).unwrap();
    }
    assert_eq!(all(&table), [extent(0, BASE, 6, true)]);
    convert(&mut table, 2, 2);
    let parts =
        [extent(0, BASE, 2, true), extent(2, BASE + 2, 2, false), extent(4, BASE + 4, 2, true)];
    assert_eq!(all(&table), parts);
    convert(&mut table, 0, 2);
    convert(&mut table, 4, 2);
    assert_eq!(all(&table), [extent(0, BASE, 6, false)]);
}

#[test]
fn a_map_of_a_million_extents_is_looked_up_in_a_few_nodes() {
    let mut table = Table::new(&[Tree::extents(INO)]);
    let count = 1_000_000_u64;
    for n in 0..count {
        add(&mut table, INO, extent(2 * n, BASE + 2 * n, 1, false)).unwrap();
    }
    assert_eq!(Tree::extents(INO).height(&table).unwrap(), 2);
    for n in (0..count).step_by(9973) {
        table.reads.set(0);
        let there = lookup(&table, INO, 2 * n).unwrap();
        assert_eq!(there, Lookup::Extent(extent(2 * n, BASE + 2 * n, 1, false)));
        assert_eq!(table.reads.get(), 3, "one read a level");
        let hole = lookup(&table, INO, 2 * n + 1).unwrap();
        let next = if n + 1 < count { 2 * n + 2 } else { u64::MAX };
        assert_eq!(hole, Lookup::HoleUpTo(next));
    }
    let leaves = table.blocks.len() as u64;
    assert!(leaves < count / 140, "front to back fills the leaves: {leaves}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Add to holes, cut, convert: block by block the map says what a table says, and extents that
    /// continue each other are never two.
    #[test]
    fn a_random_history_agrees_with_a_table(
        steps in prop::collection::vec((0..120_u64, 1..9_u64, 0..3_u8, 0..400_u64), 1..200),
    ) {
        let mut table = Table::new(&[Tree::extents(INO)]);
        let mut model = vec![None; 140];
        for (start, blocks, action, place) in steps {
            let range = start as usize..(start + blocks) as usize;
            match action {
                0 if model[range.clone()].iter().all(Option::is_none) => {
                    let block = BASE + place;
                    add(&mut table, INO, extent(start, block, blocks, true)).unwrap();
                    for (offset, slot) in model[range].iter_mut().enumerate() {
                        *slot = Some((block + offset as u64, true));
                    }
                }
                0 => {}
                _ => {
                    let mut at = start;
                    while let Some(gone) = cut(&mut table, INO, at, start + blocks).unwrap() {
                        for block in 0..gone.blocks {
                            let slot = &mut model[(gone.file_block + block) as usize];
                            prop_assert_eq!(*slot, Some((gone.block + block, gone.is_unwritten)));
                            *slot = (action == 1).then_some((gone.block + block, false));
                        }
                        if action == 1 {
                            add(&mut table, INO, Extent { is_unwritten: false, ..gone }).unwrap();
                        }
                        at = gone.file_end();
                    }
                }
            }
        }
        for (file_block, expected) in model.iter().enumerate() {
            let found = match lookup(&table, INO, file_block as u64).unwrap() {
                Lookup::Extent(e) => {
                    Some((e.block + (file_block as u64 - e.file_block), e.is_unwritten))
                }
                Lookup::HoleUpTo(_) => None,
            };
            prop_assert_eq!(found, *expected);
        }
        let extents = all(&table);
        prop_assert!(extents.windows(2).all(|pair| !pair[0].continues_with(&pair[1])));
    }
}
