//! A host that watches the namespaces of a controller whose owner changes them.
//!
//! It listens as drivers do: a parked event request; at a Namespace Attribute Changed the changed namespace list, then
//! Identify. And it uses what it finds, so that whoever changed something sees whether that is so.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use hal::{Instant, Platform, Wake};
use nvme_spec::aer::{self, AerResult};
use nvme_spec::feature::{self, AsyncEventConfig};
use nvme_spec::log::LID_CHANGED_NAMESPACES;
use nvme_spec::{Sqe, status};

use crate::bench::{ADMIN_VECTOR, Bench, expect};
use crate::namespaces::Found;
use crate::verdict::{Outcome, Trouble, ensure};

/// Watches until there is no namespace any more. `tell` gets a line of all that there are, at the beginning and after
/// each change, and before the latter one of what changed:
///
/// ```text
/// namespaces: 1=16384x4096 2=2048x512
/// changed: 2
/// ```
///
/// The last block of each is overwritten. What is gone must refuse to be read.
///
/// # Errors
/// What the controller did otherwise than it should.
pub fn watch_namespaces<P: Platform>(
    platform: &P,
    mut tell: impl FnMut(&str),
) -> Result<(), String> {
    let mut bench = Bench::new(platform).map_err(Trouble::text)?;
    watch(&mut bench, &mut tell).map_err(Trouble::text)?;
    bench.disable().map_err(Trouble::text)
}

fn watch<P: Platform>(bench: &mut Bench<'_, P>, tell: &mut impl FnMut(&str)) -> Outcome {
    bench.reset()?;
    let notices = AsyncEventConfig(0).with_namespace_notices(1);
    bench.admin_ok(Sqe::set_features(feature::ASYNC_EVENT_CONFIG, notices.0))?;
    // From here on every change is an event; what changed before is seen in any case.
    let mut parked = park(bench);
    let mut known = look(bench, &[])?;
    tell(&line(&known));
    while !known.is_empty() {
        hear(bench, parked)?;
        parked = park(bench);
        let mut text = String::from("changed:");
        for nsid in bench.changed_nsids()? {
            let _ = write!(text, " {nsid}");
        }
        tell(&text);
        known = look(bench, &known)?;
        tell(&line(&known));
    }
    Ok(())
}

fn park<P: Platform>(bench: &mut Bench<'_, P>) -> u16 {
    let cid = bench.admin.push(Sqe::async_event_request());
    bench.admin.ring(bench.platform.bar(), bench.cap);
    cid
}

/// Waits for the event, however long that takes.
fn hear<P: Platform>(bench: &mut Bench<'_, P>, parked: u16) -> Outcome {
    let cqe = loop {
        if let Some(cqe) = bench.admin.take() {
            bench.admin.release(bench.platform.bar(), bench.cap);
            break cqe;
        }
        let woken = bench.platform.wait(ADMIN_VECTOR, Instant::NEVER);
        ensure!(woken == Wake::Interrupt, "the wait for an event ended without one");
    };
    ensure!(cqe.cid.get() == parked, "{:#x} ended, and nothing was asked", cqe.cid.get());
    expect(&Sqe::async_event_request(), &cqe, status::SUCCESS)?;
    let event = AerResult(cqe.dw0.get());
    let is_it = event.event_type() == aer::TYPE_NOTICE
        && event.info() == aer::NOTICE_NAMESPACE_CHANGED
        && event.log_page() == u32::from(LID_CHANGED_NAMESPACES);
    ensure!(is_it, "event {:#x} instead of a notice that a namespace changed", event.0);
    Ok(())
}

/// Which namespaces there are. Each is used; those that were known and are gone must not be there to be used.
fn look<P: Platform>(bench: &mut Bench<'_, P>, known: &[Found]) -> Result<Vec<Found>, Trouble> {
    let mut found = Vec::new();
    for nsid in bench.active_nsids()? {
        let namespace = bench.look_at(nsid)?;
        bench.use_block(nsid, namespace.blocks.saturating_sub(1))?;
        found.push(namespace);
    }
    for gone in known.iter().filter(|known| found.iter().all(|now| now.nsid != known.nsid)) {
        bench.io_fails(Sqe::flush(gone.nsid), status::INVALID_FIELD)?;
    }
    Ok(found)
}

fn line(found: &[Found]) -> String {
    let mut text = String::from("namespaces:");
    for Found { nsid, blocks, block_bytes } in found {
        let _ = write!(text, " {nsid}={blocks}x{block_bytes}");
    }
    if found.is_empty() { format!("{text} none") } else { text }
}
