//! Names in a directory.

use std::collections::BTreeMap;

use super::*;
use crate::meta::testing::Table;

const DIR: u64 = 5000;
const INO: u64 = 6000;

fn table() -> Table {
    Table::new(&[Tree::directory(DIR)])
}

fn names(table: &Table) -> Vec<Vec<u8>> {
    let mut names = Vec::new();
    Tree::directory(DIR)
        .scan(table, 0, |key, value| {
            assert!(is_record(table.layout(), value));
            names.push(decode(key, value).unwrap().1.to_vec());
            Ok(true)
        })
        .unwrap();
    names
}

#[test]
fn the_hash_is_part_of_the_format() {
    assert_eq!(hash(&[0; 16], b"swapfile"), hash(&[0; 16], b"swapfile"));
    assert_ne!(hash(&[0; 16], b"swapfile"), hash(&[1; 16], b"swapfile"));
    assert_eq!(hash(&[7; 16], b"swapfile"), HASH_OF_SWAPFILE);
}

/// Computed once; a change of it is a change of the format.
const HASH_OF_SWAPFILE: u64 = 0xcacba7c45b44a616;

#[test]
fn a_record_has_this_wire_form() {
    let value = value(0x1122, FileKind::Directory, b"lost+found");
    assert_eq!(value, *b"\x22\x11\0\0\0\0\0\0\x02lost+found");
    let (entry, name) = decode(77, &value).unwrap();
    let expected = Entry { cookie: 77, ino: 0x1122, kind: FileKind::Directory };
    assert_eq!((entry, name), (expected, &b"lost+found"[..]));
}

#[test]
fn names_that_no_path_could_hold_are_refused() {
    for name in [&b""[..], b".", b"..", b"a/b", b"a\0b", &[b'a'; 256]] {
        assert!(!is_name(name), "{name:?}");
    }
    assert!(is_name(&[b'a'; 255]) && is_name(b"..."));
}

#[test]
fn a_directory_of_a_hundred_thousand_names_finds_each_in_a_few_nodes() {
    let mut table = table();
    let name = |n: u32| format!("a file that is called {n}").into_bytes();
    for n in 0..100_000 {
        add(&mut table, DIR, &name(n), INO, FileKind::File).unwrap();
    }
    for n in (0..100_000).step_by(997) {
        table.reads.set(0);
        assert!(find(&table, DIR, &name(n)).unwrap().is_some());
        assert!(table.reads.get() <= 5, "{} reads", table.reads.get());
        assert!(find(&table, DIR, &name(n + 100_000)).unwrap().is_none());
    }
    assert_eq!(names(&table).len(), 100_000);
    for n in 0..100_000 {
        let entry = find(&table, DIR, &name(n)).unwrap().unwrap();
        assert!(remove(&mut table, DIR, entry.cookie).unwrap());
    }
    assert_eq!(table.blocks.len(), 1);
}

#[test]
fn names_of_one_hash_are_told_apart() {
    let mut table = table();
    // No two real names collide in 48 bits; so they are put where a collision would put them.
    let first = first_key(&table.layout().uuid, b"wanted");
    let tree = Tree::directory(DIR);
    tree.insert(&mut table, first, &value(INO, FileKind::File, b"other")).unwrap();
    tree.insert(&mut table, first + 1, &value(INO + 1, FileKind::File, b"another")).unwrap();
    assert_eq!(find(&table, DIR, b"wanted"), Ok(None));
    add(&mut table, DIR, b"wanted", INO + 2, FileKind::File).unwrap();
    assert_eq!(find(&table, DIR, b"wanted").unwrap().unwrap().cookie, first + 2);
    remove(&mut table, DIR, first + 1).unwrap();
    assert_eq!(find(&table, DIR, b"wanted").unwrap().unwrap().ino, INO + 2);
    add(&mut table, DIR, b"wanted too", INO + 3, FileKind::File).unwrap();
    assert_eq!(names(&table).len(), 3);
}

#[test]
fn reading_in_pieces_sees_every_name_that_stays_once() {
    let mut table = table();
    let name = |n: u32| n.to_string().into_bytes();
    (0..2000).for_each(|n| add(&mut table, DIR, &name(n), INO, FileKind::File).unwrap());
    let mut seen: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
    let (mut cookie, mut round) = (0, 0);
    loop {
        let mut piece = Vec::new();
        let scanned = Tree::directory(DIR).scan(&table, cookie, |key, value| {
            piece.push((key, decode(key, value).unwrap().1.to_vec()));
            Ok(piece.len() < 7)
        });
        scanned.unwrap();
        let Some((last, _)) = piece.last() else { break };
        cookie = last + 1;
        piece.into_iter().for_each(|(_, name)| *seen.entry(name).or_default() += 1);
        // Between the pieces others come and go: odd names go, new ones come.
        let gone = name(2 * round + 1);
        if let Some(entry) = find(&table, DIR, &gone).unwrap() {
            remove(&mut table, DIR, entry.cookie).unwrap();
        }
        add(&mut table, DIR, &name(10_000 + round), INO, FileKind::File).unwrap();
        round += 1;
    }
    assert!((0..2000).step_by(2).all(|n| seen.get(&name(n)) == Some(&1)));
}
