//! Two macros: bit fields in an integer, and named values of a byte.

/// Declares a newtype over an unsigned integer with a getter and a `with_` setter per bit field.
///
/// A setter keeps the low bits that fit and drops the rest.
macro_rules! bit_fields {
    (
        $(#[$type_doc:meta])*
        $name:ident($repr:ident) {
            $( $(#[$doc:meta])* $get:ident, $with:ident: $low:literal, $width:literal; )*
        }
    ) => {
        $(#[$type_doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub struct $name(pub $repr);

        impl $name {
            $(
                $(#[$doc])*
                #[must_use]
                pub const fn $get(self) -> $repr {
                    self.0 >> $low & ($repr::MAX >> ($repr::BITS - $width))
                }

                #[doc = concat!("Sets [`Self::", stringify!($get), "`].")]
                #[must_use]
                pub const fn $with(self, value: $repr) -> Self {
                    let mask = $repr::MAX >> ($repr::BITS - $width);
                    Self(self.0 & !(mask << $low) | (value & mask) << $low)
                }
            )*
        }
    };
}

/// Declares a newtype over a byte with one constant per known value, and their names.
macro_rules! named_bytes {
    (
        $(#[$type_doc:meta])*
        $type:ident { $( $(#[$doc:meta])* $constant:ident = $value:literal, $text:literal; )* }
    ) => {
        $(#[$type_doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(pub u8);

        impl $type {
            $( $(#[$doc])* pub const $constant: Self = Self($value); )*

            /// Every value that has a name, with its name.
            pub const NAMED: &'static [(Self, &'static str)] =
                &[$((Self::$constant, $text),)*];

            /// The name, if the value has one here.
            #[must_use]
            pub fn name(self) -> Option<&'static str> {
                Self::NAMED.iter().find(|(value, _)| *value == self).map(|(_, name)| *name)
            }

            /// The value with this name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::NAMED.iter().find(|(_, text)| *text == name).map(|(value, _)| *value)
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use crate::register::Csts;

    #[test]
    fn a_setter_touches_its_own_bits_only() {
        let value = Csts(0xffff_ffff).with_shst(1).with_rdy(0);
        assert_eq!(value.0, 0xffff_fff6);
        assert_eq!((value.shst(), value.rdy(), value.cfs()), (1, 0, 1));
    }

    #[test]
    fn a_setter_drops_what_does_not_fit() {
        assert_eq!(Csts::default().with_rdy(2).0, 0);
        assert_eq!(Csts::default().with_shst(7).0, 3 << 2);
    }
}
