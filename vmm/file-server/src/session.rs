//! What belongs to one session and ends with it: fids and locks.

use std::collections::BTreeMap;

use p9_wire::lock_kind;

use crate::errno::{EBADF, EINVAL, ENFILE, Errno};
use crate::store::Node;

/// The most fids: a guest may ask for any number.
const FIDS_MAX: usize = 64;

/// A file that the client has a name for.
#[derive(Clone, Copy, Debug)]
struct Fid {
    node: Node,
    is_open: bool,
    has_lock: bool,
}

/// A session.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    msize: u32,
    fids: BTreeMap<u32, Fid>,
}

impl Session {
    pub(crate) fn new(msize: u32) -> Self {
        Self { msize, fids: BTreeMap::new() }
    }

    /// The longest message.
    pub(crate) fn msize(&self) -> u32 {
        self.msize
    }

    /// Gives a file a new fid.
    pub(crate) fn add(&mut self, fid: u32, node: Node, is_open: bool) -> Result<(), Errno> {
        if self.fids.contains_key(&fid) {
            return Err(EBADF);
        }
        if self.fids.len() >= FIDS_MAX {
            return Err(ENFILE);
        }
        self.fids.insert(fid, Fid { node, is_open, has_lock: false });
        Ok(())
    }

    /// Whether the fid can be given to something.
    pub(crate) fn is_free(&self, fid: u32) -> bool {
        !self.fids.contains_key(&fid)
    }

    pub(crate) fn remove(&mut self, fid: u32) -> Result<(), Errno> {
        self.fids.remove(&fid).map(|_| ()).ok_or(EBADF)
    }

    /// The file of a fid.
    pub(crate) fn node(&self, fid: u32) -> Result<Node, Errno> {
        self.fids.get(&fid).map(|fid| fid.node).ok_or(EBADF)
    }

    /// The file of a fid that is open.
    pub(crate) fn open_node(&self, fid: u32) -> Result<Node, Errno> {
        self.fids.get(&fid).filter(|fid| fid.is_open).map(|fid| fid.node).ok_or(EBADF)
    }

    pub(crate) fn open(&mut self, fid: u32) -> Result<Node, Errno> {
        let fid = self.fids.get_mut(&fid).ok_or(EBADF)?;
        fid.is_open = true;
        Ok(fid.node)
    }

    /// Takes or gives back the lock on the file of an open fid; false if another fid has it. The range is
    /// not looked at: whoever locks a swap file wants all of it.
    pub(crate) fn lock(&mut self, fid: u32, kind: u8) -> Result<bool, Errno> {
        let node = self.open_node(fid)?;
        let wants = match kind {
            lock_kind::WRITE => true,
            lock_kind::UNLOCK => false,
            _ => return Err(EINVAL),
        };
        let is_taken = self
            .fids
            .iter()
            .any(|(other, held)| *other != fid && held.node == node && held.has_lock);
        if wants && is_taken {
            return Ok(false);
        }
        if let Some(fid) = self.fids.get_mut(&fid) {
            fid.has_lock = wants;
        }
        Ok(true)
    }
}
