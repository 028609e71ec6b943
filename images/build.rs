//! Builds the bootable guest (`images/kernel`, a workspace of its own) with a nested cargo and names
//! the ELF and its digest to the library.
//!
//! The nested build must not see how the outer one is run (flags, wrappers, clippy, coverage): the
//! guest has its own flags in `kernel/.cargo/config.toml`.

use std::env;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// What the guest is built from, relative to the root of the repository.
const SOURCES: [&str; 16] = [
    "Cargo.toml",
    "guest-fs",
    "guest-io",
    "images/conformance",
    "images/exercise",
    "images/kernel/.cargo/config.toml",
    "images/kernel/Cargo.lock",
    "images/kernel/Cargo.toml",
    "images/kernel/link.ld",
    "images/kernel/src",
    "images/kernel-core",
    "images/lab",
    "nvme-model/spec",
    "swap-path",
    "vmm/file-server/wire",
    "vmm/machine",
];

/// The variables with which cargo and rustup themselves find their way.
const KEPT_VARIABLES: [&str; 7] = [
    "CARGO",
    "CARGO_HOME",
    "CARGO_MAKEFLAGS",
    "CARGO_NET_OFFLINE",
    "RUSTUP_DIST_SERVER",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
];

fn main() {
    let root = variable("CARGO_MANIFEST_DIR").join("..").canonicalize().expect("the repository");
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", root.join(source).display());
    }
    println!("cargo::rerun-if-changed=build.rs");

    let target_dir = variable("OUT_DIR").join("kernel-target");
    build(&root, &target_dir);
    let elf = target_dir.join(TARGET).join("release/kernel");
    let bytes = std::fs::read(&elf).expect("the nested build leaves an ELF");
    println!("cargo::rustc-env=KERNEL_ELF={}", elf.display());
    println!("cargo::rustc-env=KERNEL_SHA256={}", hexadecimal(&Sha256::digest(&bytes)));
}

fn build(root: &Path, target_dir: &Path) {
    let mut cargo = Command::new(variable("CARGO"));
    cargo.args(["build", "--release", "--locked", "--target", TARGET, "--target-dir"]);
    cargo.arg(target_dir).arg("--config").arg(remap_paths(root));
    cargo.current_dir(root.join("images/kernel"));
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        let is_cargos = name.starts_with("CARGO") || name.starts_with("RUST");
        if is_cargos && !KEPT_VARIABLES.contains(&&*name) {
            cargo.env_remove(&*name);
        }
    }
    let status = cargo.status().unwrap_or_else(|error| panic!("cannot run {cargo:?}: {error}"));
    assert!(status.success(), "building the guest failed ({status}): {cargo:?}");
}

/// Keeps the places of the checkout and of the registry out of the guest's messages. Joined with the
/// flags of the configuration file.
fn remap_paths(root: &Path) -> String {
    let cargo_home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo_home =
        cargo_home.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")));
    let registry = cargo_home.map(|home| home.join("registry/src"));
    let flag = |from: &Path, to: &str| format!("'--remap-path-prefix={}={to}'", from.display());
    let registry = registry.map(|from| flag(&from, "/registry")).unwrap_or_default();
    format!("build.rustflags=[{}, {registry}]", flag(root, ""))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string");
        text
    })
}

fn variable(name: &str) -> PathBuf {
    env::var_os(name).unwrap_or_else(|| panic!("cargo sets {name}")).into()
}
