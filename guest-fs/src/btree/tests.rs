//! The tree against a plain map, whatever the order; and trees that lie.

use std::collections::BTreeMap;
use std::rc::Rc;

use proptest::prelude::*;

use super::node::record_bytes;
use super::*;
use crate::format::Expected;
use crate::meta::testing::Table;

const TREE: Tree = Tree::directory(5000);

fn table() -> Table {
    Table::new(&[TREE])
}

/// Every record in order, after a check of every node.
fn records(table: &Table, tree: Tree) -> Vec<(u64, Vec<u8>)> {
    let mut walker = Walker::new(tree);
    let (mut records, mut nodes) = (Vec::new(), 0);
    while let Some(step) = walker.step(table) {
        match step {
            Step::Record(key, value) => records.push((key, value)),
            Step::Bad(fault) => panic!("{fault:?}"),
            Step::Node(block) => {
                nodes += 1;
                let node = tree.load(table, block).unwrap();
                node.node().check(LEVELS_MAX, |_, _| true).unwrap();
            }
        }
    }
    assert_eq!(nodes + 1, table.blocks.len(), "every block belongs to the tree");
    records
}

fn assert_same(table: &Table, model: &BTreeMap<u64, Vec<u8>>) {
    let expected: Vec<_> = model.iter().map(|(key, value)| (*key, value.clone())).collect();
    assert_eq!(records(table, TREE), expected);
    let mut scanned = Vec::new();
    TREE.scan(table, 0, |key, value| {
        scanned.push((key, value.to_vec()));
        Ok(true)
    })
    .unwrap();
    assert_eq!(scanned, expected);
}

fn found(record: Option<Record>) -> Option<(u64, Vec<u8>)> {
    record.map(|record| (record.key, record.value().to_vec()))
}

fn known(entry: Option<(&u64, &Vec<u8>)>) -> Option<(u64, Vec<u8>)> {
    entry.map(|(key, value)| (*key, value.clone()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Records of all sizes go in and out in any order; lookups agree at every key around.
    #[test]
    fn a_random_history_agrees_with_a_map(
        steps in prop::collection::vec((0..900_u64, 0..VALUE_BYTES_MAX + 1, 0..10_u8), 1..1500),
        is_small in any::<bool>(),
    ) {
        let mut table = table();
        let mut model = BTreeMap::new();
        for (key, length, action) in steps {
            let length = if is_small { length % 9 } else { length };
            let value = vec![key as u8; length];
            if action < 6 {
                if model.contains_key(&key) {
                    TREE.remove(&mut table, key).unwrap();
                }
                TREE.insert(&mut table, key, &value).unwrap();
                model.insert(key, value);
            } else if action < 9 {
                let was_there = model.remove(&key).is_some();
                prop_assert_eq!(TREE.remove(&mut table, key).unwrap(), was_there);
            } else if let Some(old) = model.get_mut(&key) {
                old.fill(0x5a);
                TREE.replace(&mut table, key, old).unwrap();
            }
        }
        assert_same(&table, &model);
        for key in (0..910).step_by(7) {
            prop_assert_eq!(found(TREE.get(&table, key).unwrap()), known(model.get_key_value(&key)));
            prop_assert_eq!(found(TREE.floor(&table, key).unwrap()), known(model.range(..=key).next_back()));
            prop_assert_eq!(found(TREE.ceiling(&table, key).unwrap()), known(model.range(key..).next()));
        }
        for key in model.keys().copied().collect::<Vec<_>>() {
            prop_assert!(TREE.remove(&mut table, key).unwrap());
        }
        assert_same(&table, &BTreeMap::new());
        prop_assert_eq!(TREE.height(&table).unwrap(), 0, "an empty tree is only its root");
    }
}

#[test]
fn every_order_of_filling_and_emptying_gives_all_nodes_back() {
    let count = 20_000_u64;
    let scattered = |n: u64| n.wrapping_mul(7919) % count;
    let orders: [fn(u64, u64, u64) -> u64; 3] =
        [|n, _, _| n, |n, count, _| count - 1 - n, |_, _, scattered| scattered];
    for fill in orders {
        for empty in orders {
            let mut table = table();
            for n in 0..count {
                TREE.insert(&mut table, fill(n, count, scattered(n)), &[9; 40]).unwrap();
            }
            assert_eq!(records(&table, TREE).len() as u64, count);
            assert!(TREE.height(&table).unwrap() >= 2);
            for n in 0..count {
                assert!(TREE.remove(&mut table, empty(n, count, scattered(n))).unwrap());
            }
            assert_eq!(table.blocks.len(), 1);
        }
    }
}

#[test]
fn records_that_are_added_in_order_fill_their_leaves() {
    let mut table = table();
    let count = 50_000_u64;
    (0..count).for_each(|n| TREE.insert(&mut table, n, &[1; 16]).unwrap());
    let per_leaf = (BLOCK_BYTES - NODE_AT - 8) / record_bytes(16);
    let leaves = count.div_ceil(per_leaf as u64);
    assert!((table.blocks.len() as u64) < leaves + leaves / 50, "{}", table.blocks.len());
}

const BLOCK_BYTES: usize = crate::format::BLOCK;

/// A tree of two levels, to be damaged.
fn damaged(damage: impl FnOnce(&mut Table, u64)) -> Expected {
    let mut table = table();
    (0..2000).for_each(|n| TREE.insert(&mut table, n, &[1; 16]).unwrap());
    let root = TREE.load(&table, TREE.root).unwrap();
    let child = root.node().child(0);
    damage(&mut table, child);
    match TREE.get(&table, 1) {
        Err(Fault::Corrupt(corruption)) => corruption.expected,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_tree_that_leads_back_to_itself_is_refused() {
    let to_root = damaged(|table, _| {
        let mut root = TREE.edit(table, TREE.root).unwrap();
        root.set_value(0, &TREE.root.to_le_bytes());
    });
    assert_eq!(to_root, Expected::Field("a root that is nobody's child"));
    let to_itself = damaged(|table, child| {
        let mut node = TREE.edit(table, child).unwrap();
        node.init(1);
        node.insert(0, 0, &child.to_le_bytes());
    });
    assert_eq!(to_itself, Expected::Field("a level one less than its parent's"));
}

#[test]
fn a_node_of_another_owner_or_an_empty_one_is_refused() {
    let foreign = damaged(|table, child| {
        let image = Rc::make_mut(table.blocks.get_mut(&child).unwrap());
        image[40] ^= 1;
    });
    assert_eq!(foreign, Expected::Owner);
    let empty = damaged(|table, child| TREE.edit(table, child).unwrap().init(0));
    assert_eq!(empty, Expected::Field("at least one record"));
}

#[test]
fn nodes_that_make_no_sense_are_refused() {
    let mut area = vec![0; 400];
    let fresh = |area: &mut Vec<u8>| {
        let mut node = NodeMut(area);
        node.init(0);
        node.insert(0, 1, b"one");
        node.insert(1, 5, b"five");
        Node(area).check(LEVELS_MAX, |_, _| true)
    };
    fresh(&mut area).unwrap();
    // Level, count, heap, zero, keys, places and lengths: every byte of head and slots matters.
    for at in (0..8).chain([16, 17, 18, 19, 28, 29, 30, 31]) {
        for flip in [1, 0x80, 0xff] {
            fresh(&mut area).unwrap();
            area[at] ^= flip;
            let result = Node(&area).check(LEVELS_MAX, |_, _| true);
            assert!(result.is_err(), "byte {at} ^ {flip:#x}");
        }
    }
    fresh(&mut area).unwrap();
    NodeMut(&mut area).set_key(1, 1);
    assert_eq!(Node(&area).check(LEVELS_MAX, |_, _| true), Err("keys in ascending order"));
}

proptest! {
    /// Whatever the bytes: reading and changing a node that passed its check, or not, does not panic.
    #[test]
    fn no_bytes_make_a_node_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), key in any::<u64>()) {
        let mut bytes = bytes;
        let node = Node(&bytes);
        let _ = node.check(LEVELS_MAX, |_, _| true);
        let _ = (node.position(key), node.floor(key), node.used(), node.child(3), node.value(9).len());
        let mut node = NodeMut(&mut bytes);
        node.remove(0);
        node.set_key(2, key);
    }
}
