//! Whatever the server does wrong (but for corrupt data), a page reads as what was last stored in it, or as what a
//! failed store may have left, or its reader is told.

use std::collections::BTreeSet;

use hal::PAGE_BYTES;
use iomap::SwapFile;
use proptest::prelude::*;
use proptest::sample::select;

use super::rig::{Page, Rig, numbers, read, write};

const PAGES: u64 = 12;

const EFFECTS: &[&str] = &[
    "delay=70s",
    "delay=normal(1s,300ms)",
    "error=EIO",
    "drop-request",
    "drop-reply",
    "disconnect",
    "disconnect=20s",
    "short=300",
    "short=5000",
    "wrong-tag",
];

/// A fault of the server: of one of these operations, once `after` was said.
pub(super) fn rule(
    ops: &'static [&'static str],
    after: &'static str,
) -> impl Strategy<Value = String> {
    let when = select(&["every=3", "every=7", "chance=0.2", "nth=5"][..]);
    (select(ops), when, select(EFFECTS))
        .prop_map(move |(op, when, what)| format!("{op} after={after} {when} => {what}"))
}

/// Stores and loads, against the set of what each page may hold.
fn play(rules: &[String], steps: &[(bool, u64, u8)]) {
    // The file is made before anything goes wrong.
    let mut lines = vec!["fsync nth=1 name=begin => delay=1us"];
    lines.extend(rules.iter().map(String::as_str));
    let rig = Rig::new(&lines);
    let mut swap: Box<dyn SwapFile<Page>> = {
        let file = rig.file(PAGES);
        rig.fs().swap_file(file).expect("not in use")
    };
    if swap.activate().is_err() {
        return;
    }
    let mut may_hold: Vec<BTreeSet<u8>> = vec![BTreeSet::from([0]); PAGES as usize];
    for (number, (is_store, first, count)) in (1_u8..).zip(steps) {
        let first = first % PAGES;
        let count = (*count).min((PAGES - first) as u8).max(1);
        let pos = first * PAGE_BYTES as u64;
        let range = first as usize..first as usize + usize::from(count);
        if *is_store {
            let mut pages: Vec<Page> = (0..count).flat_map(|_| rig.pages(1, number)).collect();
            let stored = write(&mut *swap, pos, &mut pages).is_ok();
            for held in &mut may_hold[range] {
                if stored {
                    held.clear();
                }
                held.insert(number);
            }
        } else {
            let mut pages = rig.pages(count, 0xee);
            if read(&mut *swap, pos, &mut pages).is_ok() {
                for (found, held) in numbers(&pages).into_iter().zip(&may_hold[range]) {
                    // A page that only a part of a failed store has reached may be mixed.
                    let is_known = found.is_some_and(|found| held.contains(&found));
                    assert!(is_known || held.len() > 1, "{found:?} is none of {held:?}");
                }
            }
        }
    }
    swap.deactivate();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_fault_of_the_server_is_silent(
        rules in prop::collection::vec(rule(&["read", "write", "io", "any"], "begin"), 0..4),
        steps in prop::collection::vec((any::<bool>(), 0_u64..PAGES, 1_u8..9), 1..30),
    ) {
        play(&rules, &steps);
    }
}
