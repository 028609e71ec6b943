//! What the server does wrong, as data: rules in the style of the controller's.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! for line in [
//!     "read page=10 => error=EIO",
//!     "write nth=3 => drop-reply",
//!     "io chance=0.1 => delay=lognormal(2ms,0.5)",
//!     "write name=cut nth=2 => disconnect=10s",
//!     "read after=cut => corrupt=100^0x40 count=1",
//! ] {
//!     let rule: file_server::ServerRule = line.parse()?;
//!     assert_eq!(rule.to_string().parse(), Ok(rule));
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Before the arrow: which requests (a message's name, `io` for reads and writes, or `any`), `page=FIRST..END`
//! for reads and writes, and which of those (`nth`, `every`, `chance`, `after=NAME`). After it: what
//! happens ([`ACTIONS`]), and `count=N`, how often at most. Every rule is asked once about each request, when
//! it is taken off the queue. A rule fires at least as often as its `count` says, or once; otherwise the plan
//! was not exercised.

mod parse;
mod progress;
mod rule;
#[cfg(test)]
mod tests;

pub use progress::RuleCounts;
pub(crate) use progress::{Fate, Faults};
pub use rule::{ACTIONS, Action, Op, ServerPlan, ServerRule};
