//! A tree that was seen and one of the model's.

use std::collections::{BTreeMap, BTreeSet};

use guest_fs::FileKind;

use crate::model::{File, Id, Model, Node};
use crate::observe::{Seen, Tree};
use crate::op::SECTOR;

/// Compares names, kinds and targets, and the content of files with `compare`.
pub(super) fn compare_trees(
    model: &Model,
    tree: &Tree,
    compare: impl Fn(Id, &File, &Seen) -> Result<(), String>,
) -> Result<(), String> {
    let paths = model.paths();
    if let Some(path) = paths.keys().find(|path| !tree.contains_key(*path)) {
        return Err(format!("{path} is missing"));
    }
    if let Some(path) = tree.keys().find(|path| !paths.contains_key(*path)) {
        return Err(format!("{path} should not be there"));
    }
    let mut names: BTreeMap<Id, usize> = BTreeMap::new();
    paths.values().for_each(|id| *names.entry(*id).or_default() += 1);
    let mut inodes: BTreeMap<Id, u64> = BTreeMap::new();
    for (path, seen) in tree {
        let id = paths[path];
        let ino = *inodes.entry(id).or_insert(seen.ino);
        if ino != seen.ino {
            return Err(format!("{path} is another file than its other name"));
        }
        let wrong = |what| Err(format!("{path}: {what}"));
        match &model.nodes[&id] {
            Node::File(file) => {
                compare_names(names[&id], seen)
                    .and_then(|()| compare(id, file, seen))
                    .or_else(wrong)?;
            }
            Node::Directory(entries) if seen.kind == FileKind::Directory => {
                if seen.size_bytes != entries.len() as u64 {
                    return wrong(format!("{} entries", seen.size_bytes));
                }
            }
            Node::Symlink(target) if seen.kind == FileKind::Symlink => {
                if seen.target != target.as_bytes() {
                    return wrong(String::from("another target"));
                }
            }
            _ => return wrong(format!("a {:?}", seen.kind)),
        }
    }
    let distinct: BTreeSet<&u64> = inodes.values().collect();
    if distinct.len() == inodes.len() { Ok(()) } else { Err("two files are one".into()) }
}

fn compare_names(names: usize, seen: &Seen) -> Result<(), String> {
    if seen.kind != FileKind::File {
        return Err(format!("a {:?}", seen.kind));
    }
    if seen.nlink as usize != names {
        return Err(format!("{} names, not {names}", seen.nlink));
    }
    Ok(())
}

pub(super) fn compare_size(file: &File, seen: &Seen) -> Result<(), String> {
    if seen.size_bytes != file.size * SECTOR {
        return Err(format!("{} bytes, not {}", seen.size_bytes, file.size * SECTOR));
    }
    Ok(())
}
