//! What an operation does: content, size and map of files.

use guest_fs::AllocateMode;
use iomap::Errno;

use super::{File, Id, Model, Page};
use crate::op::{Op, PAGE_SECTORS, Span};

impl Model {
    /// The operations that change a file. Gives what an fsync would have to make durable.
    pub(super) fn apply_to_content(&mut self, op: &Op, fill: u8) -> Result<Vec<Id>, Errno> {
        let id = match op {
            Op::HeldWrite(..) => self.held.ok_or(Errno::EINVAL)?.id,
            op => self.file(op.subject())?.0,
        };
        match op {
            Op::Truncate(_, size) => self.truncate(id, *size),
            Op::Allocate(_, mode, first, count) => self.allocate(id, *mode, *first, *count),
            Op::Write(_, first, pages) | Op::Burst(_, first, pages) => {
                self.write(id, *first, *pages, fill);
            }
            Op::Append(_, pages) => {
                let size = self.file_of(id).size;
                if !size.is_multiple_of(PAGE_SECTORS) {
                    return Err(Errno::EINVAL);
                }
                self.write(id, size / PAGE_SECTORS, *pages, fill);
            }
            Op::Clone(from, _) => self.clone_file(self.file(from)?.0, id),
            Op::CloneRange(span) => {
                let (source, count) = self.range(span, id, false)?;
                self.share(source, id, span, count);
            }
            Op::Dedupe(span) => {
                let (source, count) = self.range(span, id, true)?;
                if self.is_same(source, id, span, count) {
                    self.share(source, id, span, count);
                }
            }
            Op::Buffered(_, first, count) => self.buffered(id, *first, *count, fill),
            Op::BufferedAppend(_, count) => {
                let size = self.file_of(id).size;
                self.buffered(id, size, *count, fill);
            }
            Op::HeldWrite(first, count) => {
                let is_append = self.held.is_some_and(|held| held.is_append);
                let first = if is_append { self.file_of(id).size } else { *first };
                self.buffered(id, first, *count, fill);
            }
            // The same content elsewhere, at once or not at all.
            Op::Relocate(_) | Op::Defragment(_) => self.file_mut(id).is_cached = true,
            op => unreachable!("{op} changes no file"),
        }
        Ok(vec![id])
    }

    fn truncate(&mut self, id: Id, size: u64) {
        if size < self.file_mut(id).size {
            let pages = size.div_ceil(PAGE_SECTORS);
            self.file_mut(id).pages.retain(|page, _| *page < pages);
            self.zero(id, size, pages * PAGE_SECTORS, false);
        }
        self.zero_tail(id, size);
        let file = self.file_mut(id);
        file.size = size;
        file.is_vague &= size > 0;
    }

    /// The file is about to have content at `pos`: the rest of its last page is written then, with zeros.
    fn zero_tail(&mut self, id: Id, pos: u64) {
        let size = self.file_of(id).size;
        if pos > size {
            self.zero(id, size, size.next_multiple_of(PAGE_SECTORS), false);
        }
    }

    /// Zeroes a part of a page, if it holds anything.
    fn zero(&mut self, id: Id, from: u64, to: u64, is_cached: bool) {
        let index = from / PAGE_SECTORS;
        if from >= to || self.file_mut(id).written_block(from).is_none() {
            return;
        }
        let page = self.writable(id, index);
        let inside = (from % PAGE_SECTORS) as usize..(to - index * PAGE_SECTORS) as usize;
        page.sectors[inside].fill(0);
        self.file_mut(id).is_cached |= is_cached;
    }

    /// A page that is about to be written: shared blocks are replaced, holes get blocks.
    fn writable(&mut self, id: Id, index: u64) -> &mut Page {
        let old = self.file_mut(id).pages.get(&index).copied();
        let block = match old {
            Some(page) if self.owners(page.block) < 2 => page.block,
            _ => self.new_block(),
        };
        let sectors =
            old.filter(|page| page.is_written).map_or_else(Default::default, |p| p.sectors);
        let page = Page { block, is_written: true, sectors };
        let pages = &mut self.file_mut(id).pages;
        pages.insert(index, page);
        pages.entry(index).or_insert(page)
    }

    fn write(&mut self, id: Id, first: u64, count: u64, fill: u8) {
        self.zero_tail(id, first * PAGE_SECTORS);
        for index in first..first + count {
            self.writable(id, index).sectors = [fill; PAGE_SECTORS as usize];
        }
        let file = self.file_mut(id);
        file.size = file.size.max((first + count) * PAGE_SECTORS);
    }

    fn buffered(&mut self, id: Id, first: u64, count: u64, fill: u8) {
        self.zero_tail(id, first);
        for sector in first..first + count {
            let page = self.writable(id, sector / PAGE_SECTORS);
            page.sectors[(sector % PAGE_SECTORS) as usize] = fill;
        }
        let file = self.file_mut(id);
        file.size = file.size.max(first + count);
        file.is_cached = true;
    }

    fn allocate(&mut self, id: Id, mode: AllocateMode, first: u64, count: u64) {
        let end = first + count;
        if mode == AllocateMode::Unshare {
            return self.unshare(id, first, end);
        }
        if matches!(mode, AllocateMode::Punch | AllocateMode::Zero) {
            let whole = first.div_ceil(PAGE_SECTORS)..end / PAGE_SECTORS;
            // What lies beyond the size has nothing to be zeroed; the rest is zeroed in pages.
            let inside = end.min(self.file_mut(id).size);
            self.zero(id, first, inside.min(whole.start * PAGE_SECTORS), true);
            if whole.end >= whole.start {
                self.zero(id, first.max(whole.end * PAGE_SECTORS), inside, true);
            }
            self.file_mut(id).pages.retain(|page, _| !whole.contains(page));
        }
        if mode != AllocateMode::Punch {
            for index in first / PAGE_SECTORS..end.div_ceil(PAGE_SECTORS) {
                let block = self.new_block();
                let page = Page { block, is_written: false, sectors: Default::default() };
                self.file_mut(id).pages.entry(index).or_insert(page);
            }
        }
        if matches!(mode, AllocateMode::Allocate | AllocateMode::Zero) {
            self.zero_tail(id, end);
            let file = self.file_mut(id);
            file.size = file.size.max(end);
        }
    }

    /// Shared pages that hold something get blocks of their own, and are written through the page cache.
    fn unshare(&mut self, id: Id, first: u64, end: u64) {
        let end = end.min(self.file_mut(id).size);
        let pages = first / PAGE_SECTORS..end.div_ceil(PAGE_SECTORS);
        for index in pages.filter(|_| first < end) {
            let page = self.file_mut(id).pages.get(&index).filter(|page| page.is_written).copied();
            if page.is_some_and(|page| self.owners(page.block) > 1) {
                self.writable(id, index);
                self.file_mut(id).is_cached = true;
            }
        }
    }

    fn clone_file(&mut self, source_id: Id, id: Id) {
        let source = self.file_mut(source_id).clone();
        let pages = source.size.div_ceil(PAGE_SECTORS);
        let written = source.pages.iter().filter(|(page, p)| **page < pages && p.is_written);
        let pages = written.map(|(page, p)| (*page, *p)).collect();
        let file = File { least: 0, is_cached: false, pages, ..source };
        if source_id != id {
            *self.file_mut(id) = file;
        }
    }

    /// The source of a range that is to be shared, and the sectors in it: at most to the end of the source.
    fn range(&self, span: &Span, id: Id, is_dedupe: bool) -> Result<(Id, u64), Errno> {
        let (source, file) = self.file(&span.from)?;
        let target = self.file_of(id).size;
        let (first, at) = (span.first * PAGE_SECTORS, span.at * PAGE_SECTORS);
        let count = span.sectors(file.size);
        let overlaps = source == id && first < at + count && at < first + count;
        let is_inside = first + count <= file.size && (!is_dedupe || at + count <= target);
        let ends_well = count.is_multiple_of(PAGE_SECTORS) || at + count >= target;
        if overlaps || !is_inside || !ends_well {
            return Err(Errno::EINVAL);
        }
        Ok((source, count))
    }

    fn is_same(&self, source: Id, id: Id, span: &Span, count: u64) -> bool {
        let (from, to) = (self.file_of(source), self.file_of(id));
        let (first, at) = (span.first * PAGE_SECTORS, span.at * PAGE_SECTORS);
        (0..count).all(|sector| from.sector(first + sector) == to.sector(at + sector))
    }

    fn share(&mut self, source: Id, id: Id, span: &Span, count: u64) {
        self.zero_tail(id, span.at * PAGE_SECTORS);
        let source = self.file_of(source);
        let (from, is_vague) = (source.pages.clone(), source.is_vague);
        let file = self.file_mut(id);
        file.is_vague |= is_vague;
        for page in 0..count.div_ceil(PAGE_SECTORS) {
            file.pages.remove(&(span.at + page));
            let shared = from.get(&(span.first + page)).filter(|page| page.is_written);
            if let Some(shared) = shared {
                file.pages.insert(span.at + page, *shared);
            }
        }
        file.size = file.size.max(span.at * PAGE_SECTORS + count);
    }
}
