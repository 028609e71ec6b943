//! The scenario files, in report order: one word a scenario.

macro_rules! files {
    ($($name:literal)*) => {
        /// Names and texts.
        pub(super) const FILES: &[(&str, &str)] = &[$((
            $name,
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/", $name, ".toml")),
        ),)*];
    };
}

#[rustfmt::skip]
files! {
    // The mail's.
    "shutdown"
    "shutdown-causes"
    "shutdown-phases"
    "shutdown-unwritten"
    "reboot"
    // A healthy drive.
    "healthy"
    "unwritten"
    "hole-refused"
    "hole"
    "size-refused"
    "size-extending"
    "dirty-metadata"
    "full"
    "shared-refused"
    "shared"
    "activation"
    "nowait"
    "user-io"
    "active-file"
    "promise"
    "lock-inversion"
    // Memory that several tasks want.
    "pressure"
    "pressure-first-io"
    "pressure-inversion"
    "pressure-shutdown"
    "pressure-enomem"
    "pressure-frozen"
    // The memory side.
    "workloads"
    "fork"
    "zeros"
    "folios"
    // A drive that fails.
    "read-error"
    "read-cluster"
    "read-error-heals"
    "write-error"
    "all-writes-fail"
    "drive-gone"
    "bad-weather"
    "latency"
    // A file server.
    "one-interface"
    "server-down"
    "server-weather"
}
