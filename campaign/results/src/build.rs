//! Which program a result is from.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The build that made a plan or ran a unit. Results of different builds are results of different
/// experiments: they are compared, never merged, unless somebody insists.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// The version of the program.
    pub version: String,
    /// The hash of the program's own file, in hexadecimal digits: controller, oracles, host engine.
    pub program: String,
    /// The hash of the guest's image, in hexadecimal digits.
    pub guest: String,
}

impl fmt::Display for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |hash: &str| hash.chars().take(12).collect::<String>();
        write!(
            f,
            "swaplab {} (program {}, guest {})",
            self.version,
            short(&self.program),
            short(&self.guest)
        )
    }
}
