//! Source range entries of Copy.
//!
//! Formats 0 and 2 are for 16-bit guards, 1 and 3 for the others; 2 and 3 name a source namespace.
// Spec: NVM-CS-1.0c 3.2.2 "Copy command"

/// Which of the four formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyFormat(u8);

impl CopyFormat {
    /// How many there are.
    pub const COUNT: u8 = 4;

    /// The format with this number, if there is one.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if number < Self::COUNT { Some(Self(number)) } else { None }
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Whether tags have 80 bits, not 32.
    #[must_use]
    pub const fn has_long_tags(self) -> bool {
        self.0 & 1 != 0
    }

    /// Whether an entry names its namespace.
    #[must_use]
    pub const fn has_namespace(self) -> bool {
        self.0 & 2 != 0
    }

    /// Bytes of an entry.
    #[must_use]
    pub const fn entry_bytes(self) -> usize {
        if self.has_long_tags() { 40 } else { 32 }
    }
}

/// One source range. Its length is zero-based, unlike that of Dataset Management.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CopyRange {
    /// The source namespace; only in formats 2 and 3.
    pub nsid: u32,
    /// The first block.
    pub slba: u64,
    /// Blocks, zero-based.
    pub nlb_z: u16,
    /// Expected storage and reference tag of the first block.
    pub tags: u128,
    /// Expected application tag.
    pub application: u16,
    /// Which bits of it count.
    pub application_mask: u16,
}

fn number(bytes: &[u8], at: usize, length: usize) -> u128 {
    let bytes = bytes.iter().skip(at).take(length);
    bytes.rev().fold(0, |number, byte| number << 8 | u128::from(*byte))
}

fn low16(number: u128) -> u16 {
    (number & 0xffff) as u16
}

impl CopyRange {
    /// The entry in these bytes; fields beyond their end are 0.
    #[must_use]
    pub fn decode(format: CopyFormat, bytes: &[u8]) -> Self {
        let tail = format.entry_bytes().saturating_sub(4);
        let tags = if format.has_long_tags() {
            // The long form alone is big-endian, as the tags are in protection information.
            bytes.iter().skip(26).take(10).fold(0, |tags, byte| tags << 8 | u128::from(*byte))
        } else {
            number(bytes, 24, 4)
        };
        let nsid = if format.has_namespace() { number(bytes, 0, 4) } else { 0 };
        Self {
            nsid: (nsid & 0xffff_ffff) as u32,
            slba: (number(bytes, 8, 8) & u128::from(u64::MAX)) as u64,
            nlb_z: low16(number(bytes, 16, 2)),
            tags,
            application: low16(number(bytes, tail, 2)),
            application_mask: low16(number(bytes, tail.saturating_add(2), 2)),
        }
    }

    /// The bytes of the entry: as many as the format has, in the first of these.
    #[must_use]
    pub fn encode(&self, format: CopyFormat) -> [u8; 40] {
        let mut bytes = [0; 40];
        let mut put = |at: usize, from: &[u8]| {
            for (to, from) in bytes.iter_mut().skip(at).zip(from) {
                *to = *from;
            }
        };
        let tail = format.entry_bytes().saturating_sub(4);
        if format.has_namespace() {
            put(0, &self.nsid.to_le_bytes());
        }
        put(8, &self.slba.to_le_bytes());
        put(16, &self.nlb_z.to_le_bytes());
        if format.has_long_tags() {
            put(20, &self.tags.to_be_bytes());
            // What 80 bits do not hold went over reserved bytes.
            put(20, &[0; 6]);
        } else {
            put(24, &((self.tags & 0xffff_ffff) as u32).to_le_bytes());
        }
        put(tail, &self.application.to_le_bytes());
        put(tail.saturating_add(2), &self.application_mask.to_le_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANGE: CopyRange = CopyRange {
        nsid: 0x0102,
        slba: 0x0304_0506,
        nlb_z: 0x0708,
        tags: 0x090a_0b0c,
        application: 0x0d0e,
        application_mask: 0x0f10,
    };

    #[test]
    fn each_format_has_its_bytes_and_reads_them_back() {
        for number in 0..CopyFormat::COUNT {
            let format = CopyFormat::new(number).expect("a format");
            let bytes = RANGE.encode(format);
            let nsid = if number < 2 { 0 } else { RANGE.nsid };
            assert_eq!(CopyRange::decode(format, &bytes), CopyRange { nsid, ..RANGE });
            assert_eq!(bytes[8..18], [6, 5, 4, 3, 0, 0, 0, 0, 8, 7]);
            let tail = if number & 1 == 0 {
                assert_eq!(bytes[24..28], [0x0c, 0x0b, 0x0a, 0x09]);
                28
            } else {
                assert_eq!(bytes[26..36], [0, 0, 0, 0, 0, 0, 9, 0x0a, 0x0b, 0x0c]);
                36
            };
            assert_eq!(bytes[tail..tail + 4], [0x0e, 0x0d, 0x10, 0x0f]);
        }
        assert_eq!(CopyFormat::new(4), None);
    }
}
