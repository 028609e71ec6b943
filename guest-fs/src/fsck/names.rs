//! From the root down: every directory, every name, and how many names an inode has.

use alloc::vec::Vec;

use block::BlockDevice;

use super::{Check, Finding};
use crate::btree::Tree;
use crate::dir;
use crate::format::Structure;
use crate::format::inode::{Fields, FileKind};
use crate::inode::fields;
use crate::space::Run;

impl<D: BlockDevice> Check<'_, D> {
    /// Looks into every directory that can be reached.
    pub(super) fn names(&mut self) {
        let root = self.layout.root;
        self.directories.push_back(root);
        // A directory is queued when its block is claimed, so at most once.
        while let Some(directory) = self.directories.pop_front() {
            match fields(self, directory) {
                Ok(found) if found.kind == FileKind::Directory => self.directory(directory, &found),
                Ok(_) => {
                    let identity = self.layout.identity(Structure::Inode, directory, directory);
                    self.failed(identity.field("the kind directory, being the root").into());
                }
                Err(fault) => self.failed(fault),
            }
        }
    }

    fn directory(&mut self, ino: u64, said: &Fields) {
        let (mut names, mut below) = (0_u64, 0_u32);
        let mut same_hash: Vec<Vec<u8>> = Vec::new();
        let mut last_hash = None;
        let uuid = self.layout.uuid;
        let nodes = self.tree(Tree::directory(ino), |check, key, value| {
            let Some((entry, name)) = dir::decode(key, value) else { return };
            names = names.saturating_add(1);
            below = below.saturating_add(u32::from(entry.kind == FileKind::Directory));
            let hash = dir::first_key(&uuid, name);
            if hash != key & !0xffff {
                check.found(Finding::WrongHash { directory: ino, name: name.to_vec() });
            }
            if last_hash != Some(hash) {
                same_hash.clear();
                last_hash = Some(hash);
            }
            if same_hash.iter().any(|other| other == name) {
                check.found(Finding::DuplicateName { name: name.to_vec() });
            }
            same_hash.push(name.to_vec());
            check.entry(ino, entry);
        });
        let expected =
            Fields { nlink: below.saturating_add(2), size: names, blocks: nodes, ..*said };
        self.compare_fields(ino, said, &expected);
    }

    fn entry(&mut self, directory: u64, entry: dir::Entry) {
        let found = match fields(self, entry.ino) {
            Ok(found) => found,
            Err(fault) => return self.failed(fault),
        };
        if found.kind != entry.kind {
            self.found(Finding::WrongKind { directory, ino: entry.ino });
        }
        if found.kind == FileKind::Directory {
            if found.parent != directory {
                self.found(Finding::WrongParent { ino: entry.ino, found: found.parent });
            }
            if self.claim(entry.ino, Run::one(entry.ino)) {
                self.report.directories = self.report.directories.saturating_add(1);
                self.directories.push_back(entry.ino);
            }
            return;
        }
        if found.nlink != 1 {
            let (seen, _) = self.links.entry(entry.ino).or_insert((0, found.nlink));
            *seen = seen.saturating_add(1);
            if *seen > 1 {
                return;
            }
        }
        self.inode(entry.ino, &found);
    }

    /// Inodes with several names must say how many.
    pub(super) fn link_counts(&mut self) {
        let links = core::mem::take(&mut self.links);
        for (ino, (seen, said)) in links {
            if seen != said {
                self.found(Finding::BadNlink { ino, found: said, expected: seen });
                if let Ok(said) = fields(self, ino) {
                    self.fix_fields(ino, &Fields { nlink: seen, ..said });
                }
            }
        }
    }

    /// Inodes that recovery is to finish: without a name, or cut short.
    pub(super) fn orphans(&mut self) {
        let layout = self.layout;
        self.tree(Tree::orphans(&layout), |check, ino, _| match fields(check, ino) {
            Err(fault) => check.failed(fault),
            Ok(found) if found.nlink > 0 => {
                if found.kind != FileKind::File {
                    check.found(Finding::NotAnOrphan { ino });
                }
            }
            Ok(found) => {
                check.report.orphans = check.report.orphans.saturating_add(1);
                check.inode(ino, &found);
            }
        });
    }
}
