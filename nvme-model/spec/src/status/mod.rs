//! The status field of a completion.
// Spec: NVMe-Base-2.0c 3.3.3.2.1 "Status Field Definition"

mod codes;

use core::fmt;

pub use codes::*;

/// Status code type and status code: what went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatusCode {
    /// Status code type (3 bits).
    pub sct: u8,
    /// Status code.
    pub sc: u8,
}

impl StatusCode {
    /// The code from type and number; bits of `sct` that do not fit are dropped.
    #[must_use]
    pub const fn new(sct: u8, sc: u8) -> Self {
        Self { sct: sct & 7, sc }
    }

    /// The name, such as `media/unrecovered-read`, if the code has one here.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        NAMED.iter().find(|(code, _)| *code == self).map(|(_, name)| *name)
    }

    /// The code with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        NAMED.iter().find(|(_, text)| *text == name).map(|(code, _)| *code)
    }
}

impl fmt::Display for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "{:x}/{:02x}", self.sct, self.sc),
        }
    }
}

/// A whole status field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Status {
    /// What went wrong.
    pub code: StatusCode,
    /// Command Retry Delay: 0 = at once, 1 to 3 = after CRDT1 to CRDT3.
    pub crd: u8,
    /// More information is in the error log.
    pub more: bool,
    /// Do Not Retry: the same command would fail again.
    pub dnr: bool,
}

impl Status {
    /// All went well.
    pub const SUCCESS: Self = Self { code: SUCCESS, crd: 0, more: false, dnr: false };

    /// The same status with Do Not Retry as given.
    #[must_use]
    pub const fn with_dnr(self, dnr: bool) -> Self {
        Self { dnr, ..self }
    }

    /// The same status with More as given.
    #[must_use]
    pub const fn with_more(self, more: bool) -> Self {
        Self { more, ..self }
    }

    /// The same status with this Command Retry Delay (2 bits).
    #[must_use]
    pub const fn with_crd(self, crd: u8) -> Self {
        Self { crd: crd & 3, ..self }
    }

    /// Whether the command succeeded.
    #[must_use]
    pub fn is_success(self) -> bool {
        self.code == SUCCESS
    }

    /// The 15 bits of the status field, without the phase tag.
    #[must_use]
    pub const fn to_raw(self) -> u16 {
        self.code.sc as u16
            | (self.code.sct as u16 & 7) << 8
            | (self.crd as u16 & 3) << 11
            | (self.more as u16) << 13
            | (self.dnr as u16) << 14
    }

    /// The status in these 15 bits.
    #[must_use]
    pub const fn from_raw(raw: u16) -> Self {
        Self {
            code: StatusCode::new((raw >> 8 & 7) as u8, (raw & 0xff) as u8),
            crd: (raw >> 11 & 3) as u8,
            more: raw >> 13 & 1 != 0,
            dnr: raw >> 14 & 1 != 0,
        }
    }
}

impl From<StatusCode> for Status {
    fn from(code: StatusCode) -> Self {
        Self { code, ..Self::SUCCESS }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.code.fmt(f)?;
        if self.crd != 0 {
            write!(f, " crd={}", self.crd)?;
        }
        if self.more {
            f.write_str(" more")?;
        }
        if self.dnr {
            f.write_str(" dnr")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_raw_status_survives_the_round_trip() {
        for raw in 0..1 << 15 {
            assert_eq!(Status::from_raw(raw).to_raw(), raw);
        }
    }

    #[test]
    fn the_fields_are_where_the_standard_puts_them() {
        let status = Status::from(UNRECOVERED_READ).with_dnr(true).with_more(true).with_crd(2);
        assert_eq!(status.to_raw(), 0x7281);
        assert_eq!(Status::from(INVALID_OPCODE).to_raw(), 0x0001);
        assert_eq!(Status::from(INVALID_QUEUE_IDENTIFIER).to_raw(), 0x0101);
    }

    #[test]
    fn names_are_unique_and_found_again() {
        for (code, name) in NAMED {
            assert_eq!(StatusCode::from_name(name), Some(*code), "{name}");
            assert_eq!(code.name(), Some(*name));
        }
    }

    #[test]
    fn a_status_reads_like_the_rule_that_makes_it() {
        let status = Status::from(UNRECOVERED_READ).with_dnr(true).with_crd(1);
        assert_eq!(status.to_string(), "media/unrecovered-read crd=1 dnr");
        assert_eq!(Status::from(StatusCode::new(7, 0xc1)).to_string(), "7/c1");
    }
}
