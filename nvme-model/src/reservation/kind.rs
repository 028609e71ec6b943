//! The six types of reservation, and who may do what under them.
// Spec: NVMe-Base-2.0c 8.19.3 "Reservation Types"

/// What a command does to a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// What a host is to a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Holder,
    Registrant,
    Stranger,
}

/// A type of reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind(u8);

impl Kind {
    pub(crate) fn new(rtype: u32) -> Option<Self> {
        u8::try_from(rtype).ok().filter(|rtype| (1..=6).contains(rtype)).map(Self)
    }

    /// RTYPE on the wire.
    pub(crate) fn rtype(self) -> u8 {
        self.0
    }

    /// Even types are exclusive access: others may not even read.
    fn is_exclusive_access(self) -> bool {
        self.0 & 1 == 0
    }

    /// Whether every registrant may do what the holder may.
    pub(super) fn is_for_registrants(self) -> bool {
        self.0 >= 3
    }

    /// Whether every registrant is a holder.
    pub(super) fn is_held_by_all(self) -> bool {
        self.0 >= 5
    }

    /// Whether a host may have this access.
    pub(super) fn allows(self, access: Access, standing: Standing) -> bool {
        match standing {
            Standing::Holder => true,
            Standing::Registrant if self.is_for_registrants() => true,
            _ => access == Access::Read && !self.is_exclusive_access(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_the_standard_holds() {
        use Standing::{Holder, Registrant, Stranger};
        // By type: may a registrant read and write, may a stranger?
        let table = [
            (1, [true, false], [true, false]),
            (2, [false, false], [false, false]),
            (3, [true, true], [true, false]),
            (4, [true, true], [false, false]),
            (5, [true, true], [true, false]),
            (6, [true, true], [false, false]),
        ];
        for (rtype, registrant, stranger) in table {
            let kind = Kind::new(rtype).expect("a type");
            let may = |who| [kind.allows(Access::Read, who), kind.allows(Access::Write, who)];
            assert_eq!(may(Holder), [true, true]);
            assert_eq!((may(Registrant), may(Stranger)), (registrant, stranger), "type {rtype}");
        }
        assert_eq!((Kind::new(0), Kind::new(7)), (None, None));
    }
}
