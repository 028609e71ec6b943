//! Protection information as bytes: guard, application tag, storage and reference tag.
// Spec: NVM-CS-1.0c 5.2.1 "Protection Information Formats"

use super::Guard;

/// Protection information of one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tuple {
    pub(super) guard: u64,
    pub(super) application: u16,
    /// Storage tag in the upper bits, reference tag in the lower ones.
    pub(super) tags: u128,
}

impl Tuple {
    /// The tuple in these bytes, all of whose fields are big-endian.
    pub(super) fn decode(kind: Guard, bytes: &[u8]) -> Self {
        let (guard, rest) = bytes.split_at_checked(kind.bytes()).unwrap_or((bytes, &[]));
        let (application, tags) = rest.split_at_checked(2).unwrap_or((rest, &[]));
        let number = |bytes: &[u8]| bytes.iter().fold(0, |n: u128, b| n << 8 | u128::from(*b));
        Self {
            guard: u64::try_from(number(guard)).unwrap_or(0),
            application: u16::try_from(number(application)).unwrap_or(0),
            tags: number(tags),
        }
    }

    /// Puts the tuple into as many bytes as it has.
    pub(super) fn encode(&self, kind: Guard, bytes: &mut [u8]) {
        let guard = self.guard.to_be_bytes();
        let tags = self.tags.to_be_bytes();
        let tail = |bytes: &'_ [u8], count: usize| bytes.len().saturating_sub(count);
        let guard = guard.iter().skip(tail(&guard, kind.bytes()));
        let tags = tags.iter().skip(tail(&tags, kind.tag_bytes()));
        let application = self.application.to_be_bytes();
        for (to, from) in bytes.iter_mut().zip(guard.chain(&application).chain(tags)) {
            *to = *from;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_has_its_bytes() {
        let tuple = Tuple { guard: 0xa1b2, application: 0x0304, tags: 0x0506_0708 };
        let cases: [(Guard, &[u8]); 3] = [
            (Guard::Crc16, &[0xa1, 0xb2, 3, 4, 5, 6, 7, 8]),
            (Guard::Crc32, &[0, 0, 0xa1, 0xb2, 3, 4, 0, 0, 0, 0, 0, 0, 5, 6, 7, 8]),
            (Guard::Crc64, &[0, 0, 0, 0, 0, 0, 0xa1, 0xb2, 3, 4, 0, 0, 5, 6, 7, 8]),
        ];
        for (kind, expected) in cases {
            let mut bytes = vec![0xee; expected.len()];
            tuple.encode(kind, &mut bytes);
            assert_eq!(bytes, expected);
            assert_eq!(Tuple::decode(kind, &bytes), tuple);
        }
    }
}
