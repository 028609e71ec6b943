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
    "shutdown-moments"
    "shutdown-unwritten"
    "reboot"
    "power-loss"
    "lazy-unmount"
    // A healthy drive.
    "healthy"
    "unwritten"
    "hole-refused"
    "hole"
    "size-refused"
    "size-extending"
    "dirty-metadata"
    "delayed-allocation"
    "full"
    "shared-refused"
    "shared"
    "activation"
    "nowait"
    "user-io"
    "active-file"
    "relocate"
    "promise"
    "lock-inversion"
    // Memory that several tasks want.
    "pressure"
    "pressure-first-io"
    "pressure-inversion"
    "pressure-metadata"
    "pressure-shutdown"
    "pressure-enomem"
    "pressure-frozen"
    "pressure-swapoff"
    "pressure-server"
    // The memory side.
    "workloads"
    "fork"
    "zeros"
    "folios"
    // A drive that fails.
    "sync-read"
    "read-error"
    "read-cluster"
    "read-error-heals"
    "write-error"
    "all-writes-fail"
    "drive-gone"
    "faults-out"
    "faults-in"
    "faults-off"
    "faults-on"
    "slot-checksums"
    "bad-weather"
    "latency"
    // A file server.
    "one-interface"
    "server-down"
    "server-weather"
}
