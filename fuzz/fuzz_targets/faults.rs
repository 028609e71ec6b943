//! libFuzzer's way into `fuzz_bodies::targets::faults`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    fuzz_bodies::targets::faults::run(data);
});
