//! Resets and shutdowns.
// Spec: NVMe-Base-2.0c 3.7 "Resets"
// Spec: NVMe-Base-2.0c 3.6 "Shutdown Processing"

use hal::{Mmio, Platform};
use nvme_spec::register::{self as reg, Doorbell, SHN_NORMAL, SHST_COMPLETE};

use super::checks;
use crate::bench::{Bench, IO_QID};
use crate::queue::bell;
use crate::verdict::{Outcome, ensure};

checks![
    a_reset_forgets_the_io_queues,
    a_reset_keeps_what_was_written,
    an_impossible_page_size_never_gets_ready,
    a_shutdown_completes_and_the_controller_comes_back,
    doorbells_of_a_disabled_controller_mean_nothing,
];

fn a_reset_forgets_the_io_queues<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    bench.reset_admin_only()?;
    // The identifiers are free again.
    let (cq, sq) = (bench.create_cq(), bench.create_sq());
    bench.admin_ok(cq)?;
    bench.admin_ok(sq)
}

fn a_reset_keeps_what_was_written<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    bench.write_block(50, 0x21)?;
    bench.reset()?;
    bench.read_block(50)?;
    ensure!(bench.holds(0, bench.lba_bytes, 0x21), "other data than was written");
    Ok(())
}

fn an_impossible_page_size_never_gets_ready<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    let beyond = bench.cap.mpsmax() as u32 + 1;
    crate::verdict::need(beyond <= 0xf, "every page size is supported")?;
    bench.disable()?;
    bench.write(reg::CC, Bench::<P>::cc().with_mps(beyond).0);
    bench.pause(core::time::Duration::from_millis(100));
    ensure!(bench.csts().rdy() == 0, "ready with pages of 2 to the {}", beyond + 12);
    Ok(())
}

fn a_shutdown_completes_and_the_controller_comes_back<P: Platform>(
    bench: &mut Bench<'_, P>,
) -> Outcome {
    bench.write_block(60, 0x22)?;
    bench.write(reg::CC, Bench::<P>::cc().with_shn(SHN_NORMAL).0);
    bench.until("CSTS.SHST = complete", |csts| csts.shst() == SHST_COMPLETE)?;
    bench.reset()?;
    ensure!(bench.csts().shst() == 0, "CSTS.SHST {} after a reset", bench.csts().shst());
    bench.read_block(60)?;
    ensure!(bench.holds(0, bench.lba_bytes, 0x22), "other data than was written");
    Ok(())
}

fn doorbells_of_a_disabled_controller_mean_nothing<P: Platform>(
    bench: &mut Bench<'_, P>,
) -> Outcome {
    bench.disable()?;
    for qid in [0, IO_QID] {
        bench.platform.bar().write32(bell(Doorbell::SqTail(qid), bench.cap), 3);
        bench.platform.bar().write32(bell(Doorbell::CqHead(qid), bench.cap), 3);
    }
    bench.reset()?;
    bench.write_block(0, 1)
}
