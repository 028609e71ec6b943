//! What an operation does: names.

use std::collections::BTreeMap;

use iomap::Errno;

use super::{File, Held, Id, Model, Node, ROOT, names};
use crate::op::Op;

/// Nothing that an fsync would have to make durable.
fn none<T>(_: T) -> Vec<Id> {
    Vec::new()
}

impl Model {
    /// Does it, with `fill` as what is written. Gives the things that an fsync would have to make durable.
    ///
    /// # Errors
    /// What the filesystem must answer; nothing has changed then.
    pub fn apply(&mut self, op: &Op, fill: u8) -> Result<Vec<Id>, Errno> {
        self.forget_least_sizes();
        let before = self.changed_by(op).map(|id| (id, self.file_mut(id).clone()));
        let mut touched = match op {
            Op::Create(path) => self.make(path, Node::File(File::default())),
            Op::Mkdir(path) => self.make(path, Node::Directory(BTreeMap::new())),
            Op::Symlink(target, path) => self.make(path, Node::Symlink(target.clone())),
            Op::Link(from, to) => self.link(from, to),
            Op::Unlink(path) => self.remove(path, false),
            Op::Rmdir(path) => self.remove(path, true),
            Op::Rename(from, to) => self.rename(from, to, false),
            Op::RenameNew(from, to) => self.rename(from, to, true),
            Op::Hold(path, is_append) => self.hold(path, *is_append).map(none),
            Op::LetGo => self.held.take().ok_or(Errno::EINVAL).map(none),
            Op::HeldRead(..) => self.held.ok_or(Errno::EINVAL).map(none),
            Op::Read(path, ..) | Op::DirectRead(path, ..) => self.file(path).map(none),
            Op::Fsync(path) | Op::Fdatasync(path) => self.find(path).map(none),
            Op::Sync | Op::Freeze | Op::Shutdown(_) => Ok(Vec::new()),
            _ => self.apply_to_content(op, fill),
        }?;
        self.collect();
        if let Some((id, before)) = before {
            // Content that is written in place is no change of metadata: it is promised apart from them.
            touched.retain(|other| *other != id || !self.file_mut(id).may_have_shape_of(&before));
        }
        Ok(touched)
    }

    /// The file whose content, size or map an operation changes.
    #[must_use]
    pub fn changed_by(&self, op: &Op) -> Option<Id> {
        match op {
            Op::HeldWrite(..) => self.held.map(|held| held.id),
            op if op.is_of_data() => self.file(op.subject()).ok().map(|(id, _)| id),
            _ => None,
        }
    }

    fn hold(&mut self, path: &str, is_append: bool) -> Result<(), Errno> {
        let (id, _) = self.file(path)?;
        self.held = Some(Held { id, is_append });
        Ok(())
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

    fn rename(&mut self, from: &str, to: &str, is_new: bool) -> Result<Vec<Id>, Errno> {
        let (from_parent, from_name) = self.place(from)?;
        let (to_parent, to_name) = self.place(to)?;
        self.directory(from_parent)?;
        let target = self.directory(to_parent)?.get(to_name).copied();
        let id = *self.directory(from_parent)?.get(from_name).ok_or(Errno::ENOENT)?;
        if is_new && target.is_some() {
            return Err(Errno::EEXIST);
        }
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
}
