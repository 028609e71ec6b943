//! One boot in QEMU.

use std::io::ErrorKind;
use std::process::Command;

/// Where this is set, QEMU must be there: a test that needs it must not pass by leaving it out.
const REQUIRED: &str = "SWAPLAB_QEMU";
const QEMU: &str = "qemu-system-x86_64";
/// `isa-debug-exit` turns a code into `code << 1 | 1`.
pub(crate) const EXITED_OK: i32 = 1;

/// QEMU's major and minor version.
pub(crate) type Version = (u32, u32);

/// The version of the QEMU that [`boot`] boots in.
pub(crate) fn version() -> Version {
    let output = Command::new(QEMU).arg("--version").output().expect("QEMU, which has just run");
    let said = String::from_utf8_lossy(&output.stdout);
    version_in(&said).unwrap_or_else(|| panic!("no version in {said}"))
}

/// `QEMU emulator version 7.2.22 (Debian ...)`.
fn version_in(said: &str) -> Option<Version> {
    let mut numbers = said.split_once(" version ")?.1.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// What QEMU left.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    /// Debug port and messages of QEMU.
    pub(crate) said: String,
    pub(crate) console: Vec<u8>,
}

/// Boots with the command line and more devices; `None` without QEMU.
pub(crate) fn boot(command_line: &str, devices: &[&str]) -> Option<Ran> {
    let dir = tempfile::tempdir().expect("a directory");
    let path = |name: &str| dir.path().join(name);
    std::fs::write(path("kernel"), images::kernel()).expect("a file");
    let disk = std::fs::File::create(path("disk"));
    disk.and_then(|file| file.set_len(64 << 20)).expect("a disk");
    let machine = "-accel tcg -M q35 -nodefaults -no-user-config -display none -no-reboot -m 64 \
                   -bios qboot.rom -debugcon stdio -device isa-debug-exit,iobase=0xf4,iosize=4 \
                   -kernel kernel -drive if=none,id=disk,format=raw,discard=unmap,file=disk \
                   -chardev file,id=console,path=console";
    let mut qemu = Command::new(QEMU);
    qemu.current_dir(dir.path()).args(machine.split_whitespace());
    qemu.args(["-append", command_line]);
    qemu.args(devices.iter().flat_map(|device| ["-device", device]));
    let output = match qemu.output() {
        Ok(output) => output,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let is_required = std::env::var_os(REQUIRED).is_some();
            assert!(!is_required, "{REQUIRED} is set, and there is no {QEMU}");
            eprintln!("SKIPPED: no {QEMU}");
            return None;
        }
        Err(error) => panic!("{QEMU}: {error}"),
    };
    let said = [output.stdout, output.stderr].concat();
    Some(Ran {
        code: output.status.code(),
        said: String::from_utf8_lossy(&said).into_owned(),
        console: std::fs::read(path("console")).expect("QEMU makes the file"),
    })
}

#[test]
fn a_version_is_read_from_what_qemu_says() {
    assert_eq!(version_in("QEMU emulator version 7.2.22 (Debian 1:7.2)\nC"), Some((7, 2)));
    assert_eq!(version_in("QEMU emulator version 10.1.0-rc1"), Some((10, 1)));
    assert_eq!(version_in("QEMU"), None);
}
