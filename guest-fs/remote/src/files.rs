//! Files that are open, and how they are opened again in another connection.

use alloc::rc::Rc;

use hal::{Instant, Platform};
use iomap::Errno;
use p9_wire::{LockRequest, Reply, Request, lock_kind, lock_status};

use crate::Client;
use crate::connect::ROOT_FID;
use crate::events::BreakCause;

/// Linux's `O_RDWR`.
const OPEN_FLAGS: u32 = 2;
/// Read and write for the owner.
const MODE: u32 = 0o600;
/// What the client calls itself in locks.
const CLIENT_ID: &str = "swaplab";

/// A file that was opened. Its fid is one more than its place in the table.
#[derive(Debug)]
pub(crate) struct File {
    /// Shared, so that opening it again needs no memory.
    pub(crate) name: Rc<str>,
    /// The server's name for it.
    pub(crate) path: u64,
    /// The connection that it is open in.
    session: u64,
    pub(crate) is_swap: bool,
}

const fn fid_of(file: usize) -> u32 {
    file as u32 + 1
}

impl<P: Platform> Client<P> {
    /// The file's place in the table, if its name is known.
    pub(crate) fn known(&self, name: &str) -> Option<usize> {
        self.state.borrow().files.iter().position(|file| *file.name == *name)
    }

    /// Opens or makes a file; its place in the table.
    pub(crate) fn open_file(&self, name: &str, is_new: bool) -> Result<usize, Errno> {
        if let (Some(file), false) = (self.known(name), is_new) {
            return Ok(file);
        }
        let kind = Request::Lopen { fid: 0, flags: 0 }.kind();
        let fid = fid_of(self.state.borrow().files.len());
        let path = self.retried(kind, self.budget(), |deadline| {
            if is_new {
                self.create(fid, name, deadline)
            } else {
                self.walk_and_open(fid, name, deadline)
            }
        })?;
        let mut state = self.state.borrow_mut();
        let session = state.session;
        let name = Rc::from(name);
        state.files.push(File { name, path, session, is_swap: false });
        Ok(state.files.len() - 1)
    }

    fn create(
        &self,
        fid: u32,
        name: &str,
        deadline: Instant,
    ) -> Result<Result<u64, Errno>, BreakCause> {
        let walk = Request::Walk { fid: ROOT_FID, new_fid: fid, name: None };
        if let Err(errno) = self.exchange(&walk, deadline)? {
            return Ok(Err(errno));
        }
        let create = Request::Lcreate { fid, name, flags: OPEN_FLAGS, mode: MODE, gid: 0 };
        let answer = self.exchange(&create, deadline)?;
        if answer.is_err() {
            // The fid still is the directory's.
            let _ = self.exchange(&Request::Clunk { fid }, deadline)?;
        }
        Ok(answer.and_then(|reply| match reply {
            Reply::Lcreate { qid, .. } => Ok(qid.path),
            _ => Err(Errno::EIO),
        }))
    }

    fn walk_and_open(
        &self,
        fid: u32,
        name: &str,
        deadline: Instant,
    ) -> Result<Result<u64, Errno>, BreakCause> {
        let walk = Request::Walk { fid: ROOT_FID, new_fid: fid, name: Some(name) };
        if let Err(errno) = self.exchange(&walk, deadline)? {
            return Ok(Err(errno));
        }
        let answer = self.exchange(&Request::Lopen { fid, flags: OPEN_FLAGS }, deadline)?;
        if answer.is_err() {
            let _ = self.exchange(&Request::Clunk { fid }, deadline)?;
        }
        Ok(answer.and_then(|reply| match reply {
            Reply::Lopen { qid, .. } => Ok(qid.path),
            _ => Err(Errno::EIO),
        }))
    }

    /// The fid of a file that is open in the connection that there is.
    pub(crate) fn ready_fid(&self, file: usize) -> Option<u32> {
        let state = self.state.borrow();
        let is_open = state.files.get(file).is_some_and(|file| file.session == state.session);
        (state.is_connected && is_open).then(|| fid_of(file))
    }

    /// The file's fid in this connection: opened, and locked if it is a swap file, unless it is already.
    pub(crate) fn open_again(
        &self,
        file: usize,
        deadline: Instant,
    ) -> Result<Result<u32, Errno>, BreakCause> {
        if let Some(fid) = self.ready_fid(file) {
            return Ok(Ok(fid));
        }
        let session = self.state.borrow().session;
        let opened = self.in_turn(deadline, || {
            if self.state.borrow().session != session {
                return Err(BreakCause::Elsewhere);
            }
            self.open_in_turn(file, deadline)
        });
        opened.unwrap_or(Err(BreakCause::Elsewhere))
    }

    fn open_in_turn(
        &self,
        file: usize,
        deadline: Instant,
    ) -> Result<Result<u32, Errno>, BreakCause> {
        // Somebody else may have opened it meanwhile.
        if let Some(fid) = self.ready_fid(file) {
            return Ok(Ok(fid));
        }
        let fid = fid_of(file);
        let known =
            self.state.borrow().files.get(file).map(|f| (Rc::clone(&f.name), f.path, f.is_swap));
        let Some((name, path, is_swap)) = known else { return Ok(Err(Errno::EIO)) };
        match self.walk_and_open(fid, &name, deadline)? {
            Ok(found) if found == path => {}
            // Another file has the name now.
            Ok(_) => return Ok(Err(Errno::EIO)),
            Err(errno) => return Ok(Err(errno)),
        }
        if is_swap && let Err(errno) = self.lock(fid, lock_kind::WRITE, deadline)? {
            return Ok(Err(errno));
        }
        let mut state = self.state.borrow_mut();
        let session = state.session;
        if let Some(file) = state.files.get_mut(file) {
            file.session = session;
        }
        Ok(Ok(fid))
    }

    /// Takes or gives back the lock on a file.
    pub(crate) fn lock(
        &self,
        fid: u32,
        kind: u8,
        deadline: Instant,
    ) -> Result<Result<(), Errno>, BreakCause> {
        let lock = LockRequest {
            fid,
            kind,
            flags: 0,
            start: 0,
            length: 0,
            proc_id: 1,
            client_id: CLIENT_ID,
        };
        Ok(self.exchange(&Request::Lock(lock), deadline)?.and_then(|reply| match reply {
            Reply::Lock { status: lock_status::SUCCESS } => Ok(()),
            _ => Err(Errno::EBUSY),
        }))
    }
}
