//! Random 4 KiB reads and writes through driver and controller in one process, without rules, with a crowd of
//! rules that do not match, with one that is logged, and plain copies of the same blocks: `cargo bench -p swaplab-nvme-driver`.
//!
//! The load, its clock and the machine are those of `swaplab bench nvme`, which compares and knows the limits; here
//! criterion says whether a change of the code is one of the speed. The time is that which the thread has had a
//! processor.
//!
//! What it does not do: nothing here is under KVM.

extern crate swaplab_nvme_driver as nvme_driver;

#[path = "../../../swaplab/src/bench/nvme/copies.rs"]
mod copies;
#[path = "../../../swaplab/src/heap.rs"]
mod heap;
#[path = "../../../swaplab/src/bench/nvme/load.rs"]
mod load;
#[path = "../../../swaplab/src/bench/nvme/machine.rs"]
mod machine;
#[path = "../../../swaplab/src/bench/nvme/rig.rs"]
mod rig;

use core::time::Duration;

use block::BLOCK_BYTES;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use copies::Copies;
use load::{BUFFER_BLOCKS, Load, Way};

/// What so many took at so many nanoseconds each.
fn all(count: u64, each_ns: f64) -> Duration {
    Duration::from_secs_f64(count as f64 * each_ns / 1e9)
}

fn commands(criterion: &mut Criterion) {
    let mut plain = Copies::plain();
    let mut like_media = Copies::like_media();
    for way in [Way::Read, Way::Write] {
        let mut group = criterion.benchmark_group(format!("{way:?}").to_lowercase());
        group.throughput(Throughput::Bytes(BLOCK_BYTES as u64));
        for (copies, name) in [
            (&mut plain, "plain copy"),
            (&mut like_media, "plain copy of blocks that lie as the media's"),
        ] {
            group.bench_function(name, |bencher| {
                bencher.iter_custom(|count| all(count, copies.run(way, BUFFER_BLOCKS, count)));
            });
        }
        for (rules, of) in [
            (Vec::new(), "no rules"),
            (rig::rules_that_do_not_match(), "rules that do not match"),
            (rig::a_rule_that_is_logged(), "a rule that is logged"),
        ] {
            for depth in [1, 32] {
                let driver = rig::driver(&rules).expect("a live driver");
                let mut load = Load::new(driver).expect("memory for the buffers");
                let name = format!("depth {depth}, {of}");
                group.bench_function(name, |bencher| {
                    bencher.iter_custom(|count| {
                        all(count, load.run(way, depth, count).expect("no faults"))
                    });
                });
            }
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(3));
    targets = commands
}
criterion_main!(benches);
