//! Bitmaps and the group table, against what the walk from the roots has seen.

use alloc::vec::Vec;

use block::BlockDevice;

use super::{Check, Finding};
use crate::format::Structure;
use crate::format::group::{self, GroupInfo, Words, encode_bitmap, encode_table};
use crate::format::superblock::Layout;
use crate::meta::{Fault, MetaRead};
use crate::space::{bits, fresh_info};

impl<D: BlockDevice> Check<'_, D> {
    /// Compares every group.
    pub(super) fn groups(&mut self) {
        let layout = self.layout;
        for index in 0..layout.table_blocks {
            let block = layout.table_start.saturating_add(index);
            let infos = self.read(Structure::GroupTable, block, 0);
            let infos = infos.and_then(|image| {
                Ok(group::infos(&layout, index, &image)?.collect::<Vec<GroupInfo>>())
            });
            let first = index.saturating_mul(group::ENTRIES_PER_BLOCK as u64);
            match infos {
                Ok(infos) => self.table(index, first, &infos),
                Err(fault) => {
                    self.failed(fault);
                    let groups = first..layout.groups();
                    let groups = groups.take(group::ENTRIES_PER_BLOCK);
                    self.fix_groups(index, groups.map(|group| (group, None)).collect());
                }
            }
        }
    }

    fn table(&mut self, index: u64, first: u64, infos: &[GroupInfo]) {
        let mut groups = Vec::new();
        let mut is_wrong = false;
        for (group, info) in (first..).zip(infos) {
            let is_right = self.group(group, *info);
            is_wrong |= !is_right;
            groups.push((group, is_right.then_some(*info)));
        }
        if is_wrong {
            self.fix_groups(index, groups);
        }
    }

    /// True if bitmap and table say what was seen.
    fn group(&mut self, group: u64, info: GroupInfo) -> bool {
        if !info.has_bitmap {
            let layout = self.layout;
            if self.claims.is_used(group) {
                let block = Layout::group_start(group);
                self.found(Finding::NotMarked { block });
                return false;
            }
            let is_right = info == fresh_info(&layout, group);
            if !is_right {
                self.found(Finding::BadGroup { group });
            }
            return is_right;
        }
        let image = match self.read(Structure::Bitmap, Layout::bitmap_at(group), 0) {
            Ok(image) => image,
            Err(fault) => {
                let was_incomplete = self.is_incomplete;
                self.failed(fault);
                // The bitmap can be made again from what was seen.
                self.is_incomplete = was_incomplete && !matches!(fault, Fault::Corrupt(_));
                return false;
            }
        };
        let marked = group::words(&image);
        let is_marked_right = self.compare(group, &marked);
        let (free, longest) = bits::summary(&marked);
        let is_info_right = (info.free, info.longest) == (free, longest);
        if !is_info_right {
            self.found(Finding::BadGroup { group });
        }
        is_marked_right && is_info_right
    }

    fn compare(&mut self, group: u64, marked: &Words) -> bool {
        let claimed = self.claims.words(group);
        let start = Layout::group_start(group);
        let mut is_right = true;
        for (index, (marked, claimed)) in (0_u64..).zip(marked.iter().zip(&claimed)) {
            for bit in (0..64_u64).filter(|bit| (marked ^ claimed) >> bit & 1 != 0) {
                let block = start.saturating_add(index.saturating_mul(64)).saturating_add(bit);
                if claimed >> bit & 1 != 0 {
                    is_right = false;
                    self.found(Finding::NotMarked { block });
                } else if !self.is_incomplete {
                    is_right = false;
                    self.found(Finding::Leaked { block });
                }
            }
        }
        is_right
    }

    /// Notes how a block of the table and the bitmaps of its wrong groups should be.
    fn fix_groups(&mut self, index: u64, groups: Vec<(u64, Option<GroupInfo>)>) {
        let layout = self.layout;
        let mut infos = Vec::new();
        for (group, right) in groups {
            let info = right.unwrap_or_else(|| {
                let words = self.claims.words(group);
                let (free, longest) = bits::summary(&words);
                self.fixes.insert(Layout::bitmap_at(group), encode_bitmap(&layout, group, &words));
                GroupInfo { free, longest, has_bitmap: true }
            });
            infos.push(info);
        }
        let table = encode_table(&layout, index, infos.into_iter());
        self.fixes.insert(layout.table_start.saturating_add(index), table);
    }
}
