//! Namespaces that the host makes of capacity that none has.
// Spec: NVMe-Base-2.0c 8.12 "Namespace Management"

use hal::{DmaBuf, PAGE_BYTES, Platform};
use nvme_spec::feature::{self, AsyncEventConfig};
use nvme_spec::identify::{CNS_ALLOCATED_NAMESPACES, CNS_CONTROLLER, IdentifyController, oacs};
use nvme_spec::{AdminOpcode, NSID_BROADCAST, Sqe, status};

use super::checks;
use crate::bench::{Bench, expect};
use crate::verdict::{Outcome, Trouble, ensure, need};

checks![
    a_namespace_is_made_attached_used_and_deleted,
    more_than_there_is_cannot_be_made,
    an_attached_namespace_is_an_event_and_in_the_list_of_changes,
];

/// Blocks of what is made.
const BLOCKS: u64 = 16;

// Selections of Namespace Management and of Namespace Attachment.
const CREATE: u32 = 0;
const DELETE: u32 = 1;
const ATTACH: u32 = 0;
const DETACH: u32 = 1;

/// Bytes that no namespace has.
fn unallocated<P: Platform>(bench: &mut Bench<'_, P>) -> Result<u128, Trouble> {
    need(bench.controller.oacs.get() & oacs::NAMESPACE_MANAGEMENT != 0, "no namespace management")?;
    let page = bench.identify(CNS_CONTROLLER, 0)?;
    let id = IdentifyController::from_prefix(&page);
    let free = id.map_or(0, |id| u128::from_le_bytes(id.unvmcap));
    let needed = u128::from(BLOCKS) * bench.lba_bytes as u128;
    need(free >= needed, "no capacity that is unallocated")?;
    Ok(free)
}

/// Creates a namespace of so many blocks, in the format of the one that is checked.
fn create<P: Platform>(bench: &mut Bench<'_, P>, blocks: u64) -> Sqe {
    let mut wanted = [0; PAGE_BYTES];
    wanted[..8].copy_from_slice(&blocks.to_le_bytes());
    wanted[8..16].copy_from_slice(&blocks.to_le_bytes());
    wanted[26] = bench.namespace.flbas & 0xf;
    bench.data.write(0, &wanted);
    select(AdminOpcode::NAMESPACE_MANAGEMENT, 0, CREATE).with_prp(bench.at(0), 0)
}

fn select(opcode: AdminOpcode, nsid: u32, selection: u32) -> Sqe {
    Sqe { cdw10: selection.into(), ..Sqe::new(opcode.0, nsid) }
}

fn made<P: Platform>(bench: &mut Bench<'_, P>) -> Result<u32, Trouble> {
    let sqe = create(bench, BLOCKS);
    let cqe = bench.admin(sqe)?;
    expect(&sqe, &cqe, status::SUCCESS)?;
    Ok(cqe.dw0.get())
}

fn delete<P: Platform>(bench: &mut Bench<'_, P>, nsid: u32) -> Outcome {
    bench.admin_ok(select(AdminOpcode::NAMESPACE_MANAGEMENT, nsid, DELETE))
}

/// Attaches the namespace to this controller, or detaches it.
fn attach<P: Platform>(bench: &mut Bench<'_, P>, nsid: u32, selection: u32) -> Sqe {
    let mut list = [0; PAGE_BYTES];
    list[..2].copy_from_slice(&1_u16.to_le_bytes());
    list[2..4].copy_from_slice(&bench.controller.cntlid.get().to_le_bytes());
    bench.data.write(0, &list);
    select(AdminOpcode::NAMESPACE_ATTACHMENT, nsid, selection).with_prp(bench.at(0), 0)
}

fn a_namespace_is_made_attached_used_and_deleted<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    let before = unallocated(bench)?;
    let nsid = made(bench)?;
    let left = before - u128::from(BLOCKS) * bench.lba_bytes as u128;
    // A controller may take more than was asked for.
    ensure!(unallocated(bench).unwrap_or(0) <= left, "it takes nothing of what was unallocated");
    ensure!(bench.nsids(CNS_ALLOCATED_NAMESPACES)?.contains(&nsid), "{nsid} is not allocated");
    ensure!(!bench.active_nsids()?.contains(&nsid), "{nsid} is active before it is attached");
    let attachment = attach(bench, nsid, ATTACH);
    bench.admin_ok(attachment)?;
    ensure!(bench.active_nsids()?.contains(&nsid), "{nsid} is not active");
    bench.use_block(nsid, BLOCKS - 1)?;
    bench
        .io_fails(Sqe::read(nsid, BLOCKS, 0).with_prp(bench.at(0), 0), status::LBA_OUT_OF_RANGE)?;
    let detachment = attach(bench, nsid, DETACH);
    bench.admin_ok(detachment)?;
    ensure!(!bench.active_nsids()?.contains(&nsid), "{nsid} is active, and detached");
    delete(bench, nsid)?;
    ensure!(!bench.nsids(CNS_ALLOCATED_NAMESPACES)?.contains(&nsid), "{nsid} is not deleted");
    ensure!(unallocated(bench)? == before, "its capacity is not given back");
    Ok(())
}

fn more_than_there_is_cannot_be_made<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    let free = unallocated(bench)? / bench.lba_bytes as u128;
    let blocks = u64::try_from(free).unwrap_or(u64::MAX).saturating_add(1);
    let sqe = create(bench, blocks);
    bench.admin_fails(sqe, status::NAMESPACE_INSUFFICIENT_CAPACITY)
}

fn an_attached_namespace_is_an_event_and_in_the_list_of_changes<P: Platform>(
    bench: &mut Bench<'_, P>,
) -> Outcome {
    unallocated(bench)?;
    let nsid = made(bench)?;
    // What was detached or deleted before is no news of this one.
    bench.changed_nsids()?;
    let notices = AsyncEventConfig(0).with_namespace_notices(1);
    bench.admin_ok(Sqe::set_features(feature::ASYNC_EVENT_CONFIG, notices.0))?;
    let parked = bench.admin.push(Sqe::async_event_request());
    let attached = {
        let sqe = attach(bench, nsid, ATTACH);
        bench.admin.push(sqe)
    };
    bench.admin.ring(bench.platform.bar(), bench.cap);
    let (first, second) = (bench.next_admin()?, bench.next_admin()?);
    let mut cids = [first.cid.get(), second.cid.get()];
    cids.sort_unstable();
    ensure!(cids == [parked, attached], "{cids:?} ended, not {parked} and {attached}");
    let changed = bench.changed_nsids()?;
    ensure!(changed == [nsid], "{changed:?} changed, not {nsid}");
    ensure!(nsid != NSID_BROADCAST, "a namespace with the identifier of all");
    delete(bench, nsid)
}
