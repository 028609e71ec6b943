//! The server: a request in, a reply out. Knows no device and no time.

use p9_wire::{
    Attributes, IO_HEADER_BYTES, LockRequest, Qid, Reply, Request, StatFs, VERSION, lock_status,
};

use crate::errno::{EBADF, EISDIR, EMSGSIZE, ENOTDIR, EPROTO, Errno};
use crate::session::Session;
use crate::store::{BLOCK_BYTES, Export, Node};

/// The least message size that a session is worth having with.
const MSIZE_MIN: u32 = 4096 + IO_HEADER_BYTES;

/// What an answer does besides answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    None,
    /// A session has begun.
    Session {
        msize: u32,
    },
    /// A file's content has changed.
    Written {
        path: u64,
        offset: u64,
        bytes: u32,
    },
    /// The filesystem went down or came up.
    Down(bool),
}

/// A reply with a read's data.
pub(crate) struct Answer {
    pub(crate) reply: Reply,
    pub(crate) data: Vec<u8>,
    pub(crate) effect: Effect,
}

impl Answer {
    pub(crate) fn error(errno: Errno) -> Self {
        Self::plain(Reply::Error { errno })
    }

    fn plain(reply: Reply) -> Self {
        Self { reply, data: Vec::new(), effect: Effect::None }
    }
}

/// The export and the session that there is on it.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) export: Export,
    msize_max: u32,
    session: Option<Session>,
}

impl Server {
    pub(crate) fn new(export: Export, msize_max: u32) -> Self {
        Self { export, msize_max, session: None }
    }

    /// The client is gone: its fids and locks are, too.
    pub(crate) fn end_session(&mut self) {
        self.session = None;
    }

    /// The file of an open fid as it is named in events; 0 for none.
    pub(crate) fn path_of(&self, fid: u32) -> u64 {
        let node = self.session.as_ref().and_then(|session| session.node(fid).ok());
        node.map_or(0, Node::path)
    }

    /// The longest message that there can be now.
    pub(crate) fn msize(&self) -> u32 {
        self.session.as_ref().map_or(self.msize_max, Session::msize)
    }

    /// What a server does that confuses its files: the write goes to another one, which is made if need be.
    pub(crate) fn write_elsewhere(&mut self, offset: u64, data: &[u8]) -> Answer {
        let name = "elsewhere";
        let node = self.export.find(name).or_else(|_| self.export.create(name));
        let written = node.and_then(|node| write(node, &mut self.export, offset, data));
        written.unwrap_or_else(Answer::error)
    }

    /// Carries a request out. `data` is a write's.
    pub(crate) fn handle(&mut self, request: &Request<'_>, data: &[u8]) -> Answer {
        let answer = match *request {
            Request::Version { msize, version } => self.version(msize, version),
            _ => self.in_session(request, data),
        };
        answer.unwrap_or_else(Answer::error)
    }

    fn version(&mut self, msize: u32, version: &str) -> Result<Answer, Errno> {
        self.session = None;
        let msize = msize.min(self.msize_max);
        if version != VERSION {
            return Ok(Answer::plain(Reply::Version { msize, is_known: false }));
        }
        if msize < MSIZE_MIN {
            return Err(EMSGSIZE);
        }
        self.session = Some(Session::new(msize));
        let answer = Answer::plain(Reply::Version { msize, is_known: true });
        Ok(Answer { effect: Effect::Session { msize }, ..answer })
    }

    fn in_session(&mut self, request: &Request<'_>, data: &[u8]) -> Result<Answer, Errno> {
        let session = self.session.as_mut().ok_or(EPROTO)?;
        let export = &mut self.export;
        Ok(Answer::plain(match *request {
            Request::Version { .. } => return Err(EPROTO),
            Request::Attach { fid, .. } => {
                session.add(fid, Node::Root, false)?;
                Reply::Attach { qid: qid(export, Node::Root)? }
            }
            Request::Walk { fid, new_fid, name } => walk(session, export, fid, new_fid, name)?,
            Request::Lopen { fid, .. } => {
                let node = session.open(fid)?;
                Reply::Lopen { qid: qid(export, node)?, iounit: 0 }
            }
            Request::Lcreate { fid, name, .. } => {
                if session.node(fid)? != Node::Root {
                    return Err(ENOTDIR);
                }
                let node = export.create(name)?;
                session.remove(fid)?;
                session.add(fid, node, true)?;
                Reply::Lcreate { qid: qid(export, node)?, iounit: 0 }
            }
            Request::Getattr { fid, .. } => {
                let node = session.node(fid)?;
                let (size_bytes, blocks, _) = export.attributes(node)?;
                let blocks = blocks * (BLOCK_BYTES / 512);
                Reply::Getattr(Attributes { qid: qid(export, node)?, size_bytes, blocks })
            }
            Request::Read { fid, offset, count } => {
                return read(session, export, fid, offset, count);
            }
            Request::Write { fid, offset, .. } => {
                return write(session.open_node(fid)?, export, offset, data);
            }
            Request::Fsync { fid, .. } => {
                session.open_node(fid)?;
                export.check_up()?;
                Reply::Fsync
            }
            Request::Lock(LockRequest { fid, kind, .. }) => {
                export.check_up()?;
                let is_done = session.lock(fid, kind)?;
                let status = if is_done { lock_status::SUCCESS } else { lock_status::BLOCKED };
                Reply::Lock { status }
            }
            Request::Statfs { fid } => {
                session.node(fid)?;
                let (blocks, blocks_free) = export.space()?;
                let block_bytes = BLOCK_BYTES as u32;
                Reply::Statfs(StatFs { block_bytes, blocks, blocks_free })
            }
            Request::Clunk { fid } => {
                session.remove(fid)?;
                Reply::Clunk
            }
        }))
    }
}

fn qid(export: &Export, node: Node) -> Result<Qid, Errno> {
    let kind = if node == Node::Root { Qid::DIRECTORY } else { 0 };
    let (_, _, version) = export.attributes(node)?;
    Ok(Qid { kind, version, path: node.path() })
}

fn walk(
    session: &mut Session,
    export: &Export,
    fid: u32,
    new_fid: u32,
    name: Option<&str>,
) -> Result<Reply, Errno> {
    let from = session.node(fid)?;
    if !session.is_free(new_fid) {
        return Err(EBADF);
    }
    let node = match name {
        None => from,
        Some(_) if from != Node::Root => return Err(ENOTDIR),
        Some(name) => export.find(name)?,
    };
    let qid = name.map(|_| qid(export, node)).transpose()?;
    session.add(new_fid, node, false)?;
    Ok(Reply::Walk { qid })
}

fn read(
    session: &Session,
    export: &Export,
    fid: u32,
    offset: u64,
    count: u32,
) -> Result<Answer, Errno> {
    let count = count.min(session.msize().saturating_sub(IO_HEADER_BYTES));
    let data = match session.open_node(fid)? {
        Node::Root => return Err(EISDIR),
        Node::Control => Vec::new(),
        Node::File(path) => export.read(path, offset, count)?,
    };
    let count = u32::try_from(data.len()).unwrap_or(u32::MAX);
    Ok(Answer { data, ..Answer::plain(Reply::Read { count }) })
}

fn write(node: Node, export: &mut Export, offset: u64, data: &[u8]) -> Result<Answer, Errno> {
    let count = u32::try_from(data.len()).map_err(|_| EMSGSIZE)?;
    let effect = match node {
        Node::Root => return Err(EISDIR),
        Node::Control => {
            let is_down = match data.trim_ascii() {
                b"goingdown" => true,
                b"remount" => false,
                _ => return Err(crate::errno::EINVAL),
            };
            export.set_down(is_down);
            Effect::Down(is_down)
        }
        Node::File(path) => {
            export.write(path, offset, data)?;
            Effect::Written { path, offset, bytes: count }
        }
    };
    Ok(Answer { effect, ..Answer::plain(Reply::Write { count }) })
}
