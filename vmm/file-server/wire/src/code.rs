//! Little-endian fields in a slice that is not trusted.

use core::fmt;

/// The bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// It ends before its last field, or its size field says something else than its length.
    Length,
    /// No message of the protocol that this crate knows has this type.
    Type(u8),
    /// A string is not UTF-8.
    Text,
    /// A walk of more than one name.
    Names(u16),
    /// It does not fit into the room that there is for it.
    Room,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length => f.write_str("message of the wrong length"),
            Self::Type(number) => write!(f, "unknown message type {number}"),
            Self::Text => f.write_str("a name that is not UTF-8"),
            Self::Names(count) => write!(f, "a walk of {count} names, at most 1 is possible"),
            Self::Room => f.write_str("message without room"),
        }
    }
}

impl core::error::Error for Malformed {}

/// Takes fields from the front.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The fields of a whole message: its type, its tag, and the rest. `size_bytes` is what its size field
    /// must say: longer than `bytes` if data follows elsewhere.
    pub(crate) fn message(
        bytes: &'a [u8],
        size_bytes: usize,
    ) -> Result<(u8, u16, Self), Malformed> {
        let mut reader = Self(bytes);
        let size = reader.u32()?;
        let (kind, tag) = (reader.u8()?, reader.u16()?);
        if usize::try_from(size) != Ok(size_bytes) {
            return Err(Malformed::Length);
        }
        Ok((kind, tag, reader))
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (front, rest) = self.0.split_first_chunk().ok_or(Malformed::Length)?;
        self.0 = rest;
        Ok(*front)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        self.take().map(u8::from_le_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Malformed> {
        self.take().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        self.take().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Malformed> {
        self.take().map(u64::from_le_bytes)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, Malformed> {
        let length = usize::from(self.u16()?);
        let (front, rest) = self.0.split_at_checked(length).ok_or(Malformed::Length)?;
        self.0 = rest;
        core::str::from_utf8(front).map_err(|_| Malformed::Text)
    }

    pub(crate) fn qid(&mut self) -> Result<crate::Qid, Malformed> {
        Ok(crate::Qid { kind: self.u8()?, version: self.u32()?, path: self.u64()? })
    }

    /// Nothing may be left.
    pub(crate) fn end(self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed::Length) }
    }
}

/// Puts fields one after the other; what does not fit is noticed at the end.
pub(crate) struct Writer<'a> {
    room: &'a mut [u8],
    at: usize,
    is_full: bool,
}

impl<'a> Writer<'a> {
    /// Begins a message; its size is filled in at the end.
    pub(crate) fn message(room: &'a mut [u8], kind: u8, tag: u16) -> Self {
        let mut writer = Self { room, at: 0, is_full: false };
        writer.u32(0).u8(kind).u16(tag);
        writer
    }

    fn put(&mut self, bytes: &[u8]) -> &mut Self {
        match self.room.get_mut(self.at..).and_then(|room| room.get_mut(..bytes.len())) {
            Some(room) => room.copy_from_slice(bytes),
            None => self.is_full = true,
        }
        self.at = self.at.saturating_add(bytes.len());
        self
    }

    pub(crate) fn u8(&mut self, value: u8) -> &mut Self {
        self.put(&[value])
    }

    pub(crate) fn u16(&mut self, value: u16) -> &mut Self {
        self.put(&value.to_le_bytes())
    }

    pub(crate) fn u32(&mut self, value: u32) -> &mut Self {
        self.put(&value.to_le_bytes())
    }

    pub(crate) fn u64(&mut self, value: u64) -> &mut Self {
        self.put(&value.to_le_bytes())
    }

    pub(crate) fn text(&mut self, value: &str) -> &mut Self {
        match u16::try_from(value.len()) {
            Ok(length) => self.u16(length).put(value.as_bytes()),
            Err(_) => {
                self.is_full = true;
                self
            }
        }
    }

    pub(crate) fn qid(&mut self, qid: &crate::Qid) -> &mut Self {
        self.u8(qid.kind).u32(qid.version).u64(qid.path)
    }

    /// Fills the size in; `data_bytes` follow elsewhere. Returns the bytes that are here.
    pub(crate) fn finish(self, data_bytes: u32) -> Result<usize, Malformed> {
        let size = u32::try_from(self.at).ok().and_then(|size| size.checked_add(data_bytes));
        let (Some(size), false) = (size, self.is_full) else { return Err(Malformed::Room) };
        let room = self.room.first_chunk_mut().ok_or(Malformed::Room)?;
        *room = size.to_le_bytes();
        Ok(self.at)
    }
}
