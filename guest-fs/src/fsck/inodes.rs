//! One inode: its blocks, its map, its fields.

use block::BlockDevice;

use super::{Check, Finding};
use crate::btree::Tree;
use crate::extent::Extent;
use crate::format::Structure;
use crate::format::inode::{self, Fields, FileKind};
use crate::meta::MetaRead;
use crate::space::Run;

impl<D: BlockDevice> Check<'_, D> {
    /// Claims an inode that is no directory, and all its blocks.
    pub(super) fn inode(&mut self, ino: u64, said: &Fields) {
        if !self.claim(ino, Run::one(ino)) {
            return;
        }
        match said.kind {
            FileKind::File => self.file(ino, said),
            FileKind::Symlink => {
                if said.size == 0 {
                    self.found(Finding::EmptySymlink { ino });
                }
                self.compare_fields(ino, said, &Fields { blocks: 0, ..*said });
            }
            // An orphan: it was empty when it lost its name.
            FileKind::Directory => {
                self.tree(Tree::directory(ino), |check, _, _| {
                    check.found(Finding::NotAnOrphan { ino });
                });
            }
        }
        self.report.files = self.report.files.saturating_add(1);
    }

    fn file(&mut self, ino: u64, said: &Fields) {
        let (mut blocks, mut end) = (0_u64, 0);
        let is_reflink = said.is_reflink();
        let nodes = self.tree(Tree::extents(ino), |check, key, value| {
            let extent = Extent::from_record(key, value);
            if extent.file_block < end {
                check.found(Finding::ExtentsOverlap { ino, file_block: extent.file_block });
            }
            end = extent.file_end();
            blocks = blocks.saturating_add(extent.blocks);
            let run = Run { start: extent.block, blocks: extent.blocks };
            if is_reflink {
                check.shared.add(run);
            } else {
                check.claim(ino, run);
            }
        });
        let expected = Fields { blocks: blocks.saturating_add(nodes), ..*said };
        self.compare_fields(ino, said, &expected);
    }

    pub(super) fn compare_fields(&mut self, ino: u64, said: &Fields, expected: &Fields) {
        if said.nlink != expected.nlink {
            let (found, expected) = (said.nlink, expected.nlink);
            self.found(Finding::BadNlink { ino, found, expected });
        }
        if said.size != expected.size {
            self.found(Finding::BadSize { ino, found: said.size, expected: expected.size });
        }
        if said.blocks != expected.blocks {
            let (found, expected) = (said.blocks, expected.blocks);
            self.found(Finding::BadBlocks { ino, found, expected });
        }
        if said != expected {
            self.fix_fields(ino, expected);
        }
    }

    pub(super) fn fix_fields(&mut self, ino: u64, fields: &Fields) {
        if let Ok(image) = self.read(Structure::Inode, ino, ino) {
            let mut image = (*image).clone();
            inode::store(&mut image, fields);
            self.fixes.insert(ino, image);
        }
    }
}
