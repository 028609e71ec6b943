//! The checks, by what they are about.

mod doorbells;
mod events;
mod features;
mod identify;
mod io;
mod lifecycle;
mod logs;
mod namespaces;
mod optional;
mod pointers;
mod queues;
mod registers;

use alloc::vec::Vec;

use hal::Platform;

use crate::bench::Bench;
use crate::verdict::Outcome;

/// A check.
pub(crate) type Check<P> = fn(&mut Bench<'_, P>) -> Outcome;

/// Makes the list of a module's checks, with their names.
macro_rules! checks {
    ($($name:ident,)*) => {
        /// The checks of this module.
        pub(super) fn all<P: hal::Platform>() -> alloc::vec::Vec<(&'static str, super::Check<P>)> {
            alloc::vec![$((stringify!($name), $name::<P>),)*]
        }
    };
}
use checks;

/// Every check with its name.
pub(crate) fn all<P: Platform>() -> Vec<(&'static str, Check<P>)> {
    [
        registers::all(),
        identify::all(),
        features::all(),
        queues::all(),
        doorbells::all(),
        io::all(),
        pointers::all(),
        optional::all(),
        events::all(),
        logs::all(),
        namespaces::all(),
        lifecycle::all(),
    ]
    .concat()
}
