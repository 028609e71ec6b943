//! Rings: doorbells, wrapping, full queues.
// Spec: NVMe-PCIe-1.0c 3.1.2.1 "Submission Queue y Tail Doorbell (SQyTDBL)"

use alloc::vec::Vec;
use core::time::Duration;

use hal::Platform;
use nvme_spec::Sqe;

use super::checks;
use crate::bench::{Bench, ENTRIES, IO_QID, NSID};
use crate::verdict::{Outcome, ensure};

checks![
    rings_wrap_and_entries_name_their_queue,
    a_full_completion_queue_waits_for_its_head,
    one_doorbell_announces_many_commands,
];

/// Deletes the I/O queue pair and makes it again with these sizes.
fn remake<P: Platform>(bench: &mut Bench<'_, P>, sq_entries: u16, cq_entries: u16) -> Outcome {
    bench.admin_ok(Sqe::delete_io_sq(IO_QID))?;
    bench.admin_ok(Sqe::delete_io_cq(IO_QID))?;
    bench.io.clear();
    (bench.io.sq_entries, bench.io.cq_entries) = (sq_entries, cq_entries);
    let (cq, sq) = (bench.create_cq(), bench.create_sq());
    bench.admin_ok(cq)?;
    bench.admin_ok(sq)
}

/// Runs `check` with queues of other sizes than the bench's.
fn with_sizes<P: Platform>(
    bench: &mut Bench<'_, P>,
    sizes: (u16, u16),
    check: impl FnOnce(&mut Bench<'_, P>) -> Outcome,
) -> Outcome {
    let outcome = remake(bench, sizes.0, sizes.1).and_then(|()| check(bench));
    (bench.io.sq_entries, bench.io.cq_entries) = (ENTRIES, ENTRIES);
    outcome
}

fn rings_wrap_and_entries_name_their_queue<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    with_sizes(bench, (4, 3), |bench| {
        for round in 0..25_u16 {
            let cqe = bench.submit(Sqe::flush(NSID))?;
            ensure!(cqe.status().is_success(), "flush {round}: {}", cqe.status());
            ensure!(cqe.sqid.get() == IO_QID, "SQID {} in round {round}", cqe.sqid.get());
            ensure!(cqe.sqhd.get() == (round + 1) % 4, "SQHD {} in {round}", cqe.sqhd.get());
        }
        Ok(())
    })
}

fn a_full_completion_queue_waits_for_its_head<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    with_sizes(bench, (16, 3), |bench| {
        let cids: Vec<u16> = (0..8).map(|_| bench.io.push(Sqe::flush(NSID))).collect();
        bench.io.ring(bench.platform.bar(), bench.cap);
        bench.pause(Duration::from_millis(50));
        // Two of three places can be used; the others wait.
        let mut found = Vec::new();
        found.extend(core::iter::from_fn(|| bench.io.take()).map(|cqe| cqe.cid.get()));
        ensure!(found.len() == 2, "{} completions in a queue of 3 entries", found.len());
        bench.io.release(bench.platform.bar(), bench.cap);
        while found.len() < cids.len() {
            found.push(bench.next_io()?.cid.get());
        }
        found.sort_unstable();
        ensure!(found == cids, "completions {found:?} instead of {cids:?}");
        Ok(())
    })
}

fn one_doorbell_announces_many_commands<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    let mut cids: Vec<u16> = (1..ENTRIES).map(|_| bench.io.push(Sqe::flush(NSID))).collect();
    bench.io.ring(bench.platform.bar(), bench.cap);
    let mut found = Vec::new();
    while found.len() < cids.len() {
        found.push(bench.next_io()?.cid.get());
    }
    found.sort_unstable();
    cids.sort_unstable();
    ensure!(found == cids, "{} completions of {} commands", found.len(), cids.len());
    Ok(())
}
