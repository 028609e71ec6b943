//! Namespace identification descriptors.
// Spec: NVMe-Base-2.0c 5.17.2.3 "Namespace Identification Descriptor list (CNS 03h)"

/// What a descriptor holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DescriptorType {
    /// EUI-64, 8 bytes.
    Eui64,
    /// NGUID, 16 bytes.
    Nguid,
    /// UUID, 16 bytes.
    Uuid,
    /// Command set identifier, 1 byte.
    CommandSet,
}

impl DescriptorType {
    /// NIDT on the wire.
    #[must_use]
    pub const fn nidt(self) -> u8 {
        match self {
            Self::Eui64 => 1,
            Self::Nguid => 2,
            Self::Uuid => 3,
            Self::CommandSet => 4,
        }
    }

    /// NIDL on the wire: how many bytes follow the header.
    #[must_use]
    pub const fn nidl(self) -> u8 {
        match self {
            Self::Eui64 => 8,
            Self::Nguid | Self::Uuid => 16,
            Self::CommandSet => 1,
        }
    }
}

/// The four bytes before a descriptor's identifier. A type of 0 ends the list.
#[must_use]
pub const fn descriptor_header(kind: DescriptorType) -> [u8; 4] {
    [kind.nidt(), kind.nidl(), 0, 0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_have_these_bytes() {
        assert_eq!(descriptor_header(DescriptorType::Eui64), [1, 8, 0, 0]);
        assert_eq!(descriptor_header(DescriptorType::Nguid), [2, 16, 0, 0]);
        assert_eq!(descriptor_header(DescriptorType::Uuid), [3, 16, 0, 0]);
        assert_eq!(descriptor_header(DescriptorType::CommandSet), [4, 1, 0, 0]);
    }
}
