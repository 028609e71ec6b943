//! What an operation does.

use std::collections::BTreeMap;

use guest_fs::AllocateMode;
use iomap::Errno;

use super::{File, Id, Model, Node, Page, ROOT, names};
use crate::op::{Op, PAGE_SECTORS};

impl Model {
    /// Does it, with `fill` as what is written. Gives the things that an fsync would have to make durable.
    ///
    /// # Errors
    /// What the filesystem must answer; nothing has changed then.
    pub fn apply(&mut self, op: &Op, fill: u8) -> Result<Vec<Id>, Errno> {
        let before = match op {
            Op::Truncate(path, _)
            | Op::Allocate(path, ..)
            | Op::Write(path, ..)
            | Op::Append(path, _)
            | Op::Clone(_, path) => self.file(path).ok().map(|(id, file)| (id, file.clone())),
            _ => None,
        };
        let mut touched = match op {
            Op::Create(path) => self.make(path, Node::File(File::default())),
            Op::Mkdir(path) => self.make(path, Node::Directory(BTreeMap::new())),
            Op::Symlink(target, path) => self.make(path, Node::Symlink(target.clone())),
            Op::Link(from, to) => self.link(from, to),
            Op::Unlink(path) => self.remove(path, false),
            Op::Rmdir(path) => self.remove(path, true),
            Op::Rename(from, to) => self.rename(from, to),
            Op::Truncate(path, size) => self.truncate(path, *size),
            Op::Allocate(path, mode, first, count) => self.allocate(path, *mode, *first, *count),
            Op::Write(path, first, pages) => self.write(path, *first, *pages, fill),
            Op::Append(path, pages) => {
                let size = self.file(path)?.1.size;
                if !size.is_multiple_of(PAGE_SECTORS) {
                    return Err(Errno::EINVAL);
                }
                self.write(path, size / PAGE_SECTORS, *pages, fill)
            }
            Op::Clone(from, to) => self.clone_file(from, to),
            Op::Fsync(path) => self.find(path).map(|_| Vec::new()),
            Op::Sync => Ok(Vec::new()),
        }?;
        self.collect();
        if let Some((id, before)) = before {
            // Content that is written in place is no change of metadata: it is promised apart from them.
            touched.retain(|other| *other != id || !self.file_mut(id).has_shape_of(&before));
        }
        Ok(touched)
    }

    fn make(&mut self, path: &str, node: Node) -> Result<Vec<Id>, Errno> {
        let (parent, name) = self.place(path)?;
        if self.directory(parent)?.contains_key(name) {
            return Err(Errno::EEXIST);
        }
        let id = self.add(node);
        self.entries(parent).insert(name.to_owned(), id);
        Ok(vec![id, parent])
    }

    fn link(&mut self, from: &str, to: &str) -> Result<Vec<Id>, Errno> {
        let id = self.find(from)?;
        let (parent, name) = self.place(to)?;
        let is_there = self.directory(parent)?.contains_key(name);
        match self.nodes.get(&id) {
            Some(Node::Directory(_)) => Err(Errno::EPERM),
            _ if is_there => Err(Errno::EEXIST),
            _ => {
                self.entries(parent).insert(name.to_owned(), id);
                Ok(vec![id, parent])
            }
        }
    }

    fn check_removable(&self, id: Id, is_rmdir: bool) -> Result<(), Errno> {
        match (self.nodes.get(&id), is_rmdir) {
            (Some(Node::Directory(_)), false) => Err(Errno::EISDIR),
            (Some(Node::Directory(entries)), true) if !entries.is_empty() => Err(Errno::ENOTEMPTY),
            (Some(Node::Directory(_)), true) | (_, false) => Ok(()),
            (_, true) => Err(Errno::ENOTDIR),
        }
    }

    fn remove(&mut self, path: &str, is_rmdir: bool) -> Result<Vec<Id>, Errno> {
        let (parent, name) = self.place(path)?;
        let id = *self.directory(parent)?.get(name).ok_or(Errno::ENOENT)?;
        self.check_removable(id, is_rmdir)?;
        self.entries(parent).remove(name);
        Ok(vec![id, parent])
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<Vec<Id>, Errno> {
        let (from_parent, from_name) = self.place(from)?;
        let (to_parent, to_name) = self.place(to)?;
        self.directory(from_parent)?;
        let target = self.directory(to_parent)?.get(to_name).copied();
        let id = *self.directory(from_parent)?.get(from_name).ok_or(Errno::ENOENT)?;
        if target == Some(id) {
            return Ok(Vec::new());
        }
        let is_directory = matches!(self.nodes.get(&id), Some(Node::Directory(_)));
        if is_directory && self.is_below(to, id) {
            return Err(Errno::EINVAL);
        }
        if let Some(target) = target {
            self.check_removable(target, is_directory)?;
        }
        self.entries(from_parent).remove(from_name);
        self.entries(to_parent).insert(to_name.to_owned(), id);
        Ok([Some(id), target, Some(from_parent), Some(to_parent)].into_iter().flatten().collect())
    }

    /// Does the way to `path` lead through `id`?
    fn is_below(&self, path: &str, id: Id) -> bool {
        let mut at = ROOT;
        for name in names(path) {
            if at == id {
                return true;
            }
            match self.directory(at).ok().and_then(|entries| entries.get(name)) {
                Some(next) => at = *next,
                None => return false,
            }
        }
        false
    }

    fn truncate(&mut self, path: &str, size: u64) -> Result<Vec<Id>, Errno> {
        let (id, file) = self.file(path)?;
        if size < file.size {
            let pages = size.div_ceil(PAGE_SECTORS);
            self.file_mut(id).pages.retain(|page, _| *page < pages);
            self.zero(id, size, pages * PAGE_SECTORS, false);
        }
        self.file_mut(id).size = size;
        Ok(vec![id])
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
        page.is_cached |= is_cached;
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
        let is_cached = old.is_some_and(|page| page.is_cached);
        let page = Page { block, is_written: true, is_cached, sectors };
        let pages = &mut self.file_mut(id).pages;
        pages.insert(index, page);
        pages.entry(index).or_insert(page)
    }

    fn write(&mut self, path: &str, first: u64, count: u64, fill: u8) -> Result<Vec<Id>, Errno> {
        let (id, _) = self.file(path)?;
        for index in first..first + count {
            self.writable(id, index).sectors = [fill; PAGE_SECTORS as usize];
        }
        let file = self.file_mut(id);
        file.size = file.size.max((first + count) * PAGE_SECTORS);
        Ok(vec![id])
    }

    fn allocate(
        &mut self,
        path: &str,
        mode: AllocateMode,
        first: u64,
        count: u64,
    ) -> Result<Vec<Id>, Errno> {
        let (id, _) = self.file(path)?;
        let end = first + count;
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
                let page = Page {
                    block,
                    is_written: false,
                    is_cached: false,
                    sectors: Default::default(),
                };
                self.file_mut(id).pages.entry(index).or_insert(page);
            }
        }
        if matches!(mode, AllocateMode::Allocate | AllocateMode::Zero) {
            let file = self.file_mut(id);
            file.size = file.size.max(end);
        }
        Ok(vec![id])
    }

    fn clone_file(&mut self, from: &str, to: &str) -> Result<Vec<Id>, Errno> {
        let (source_id, source) = self.file(from)?;
        let (id, _) = self.file(to)?;
        let pages = source.size.div_ceil(PAGE_SECTORS);
        let written = source.pages.iter().filter(|(page, p)| **page < pages && p.is_written);
        let file =
            File { size: source.size, pages: written.map(|(page, p)| (*page, *p)).collect() };
        if source_id != id {
            *self.file_mut(id) = file;
        }
        Ok(vec![id])
    }
}
