//! A macro: what every structure has that is transferred as it lies in memory.

/// Checks the size of a structure in bytes, and lets it be made of zeros and read out of bytes.
macro_rules! structure {
    ($name:ident, $bytes:expr) => {
        const _: () = assert!(size_of::<$name>() == $bytes);

        impl $name {
            /// All zeros, to be filled in.
            #[must_use]
            pub fn zeroed() -> Self {
                zerocopy::FromZeros::new_zeroed()
            }

            /// Reads the structure out of the first bytes of `bytes`; `None` if they are too few.
            #[must_use]
            pub fn from_prefix(bytes: &[u8]) -> Option<Self> {
                zerocopy::FromBytes::read_from_prefix(bytes).ok().map(|(this, _)| this)
            }
        }
    };
}
