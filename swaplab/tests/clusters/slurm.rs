//! The job array on a cluster of its own on this machine.

use std::process::Command;

use super::contrib;

/// The script's code for "there is no Slurm here, or I am not root".
const SKIPPED: i32 = 77;

#[test]
fn a_slurm_array_gives_the_same_results_as_one_process() {
    let script = contrib("slurm-test.sh");
    let run = Command::new("sh").arg(&script).arg(env!("CARGO_BIN_EXE_swaplab")).output();
    let run = run.expect("there is a shell");
    let said = String::from_utf8_lossy(&run.stdout);
    if run.status.code() == Some(SKIPPED) && std::env::var_os("CI").is_none() {
        return eprintln!("SKIPPED: {}", said.trim());
    }
    let complained = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{}: {said}{complained}", run.status);
    assert!(said.ends_with("equal\n"), "{said}");
}
