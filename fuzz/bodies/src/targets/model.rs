//! A hostile guest against the controller: registers, doorbells, every command, lists, shadow doorbells,
//! resets and power cuts in any order, while the owner adds, removes and resizes namespaces, resets the
//! function, and puts the controller back to what it was.
//!
//! What must hold: no panic; a bounded number of memory accesses in a step; memory is used within a
//! step only; a command that was fetched completes at most once, and none that was not; a controller
//! that gets no new commands is done some time.

use arbitrary::Unstructured;
use nvme_model::{CachePolicy, FaultPlan};
use nvme_spec::register as reg;
use nvme_spec::{SQE_BYTES, Sqe};

use super::commands::{admin, fused, io};
use super::prepared::prepared;
use crate::host::{Host, Memory, PAGES, address};

/// What may become of the cache when the power goes.
const POLICIES: [CachePolicy; 4] = [
    CachePolicy::LoseAll,
    CachePolicy::KeepAll,
    CachePolicy::Sample { seed: 3 },
    CachePolicy::Violate { seed: 3 },
];

/// Runs a program of the guest.
pub fn run(data: &[u8]) -> u64 {
    play(&mut Unstructured::new(data), FaultPlan::none()).map_or(0, |(ops, _)| ops)
}

/// The same with rules armed; returns how many operations there were, and the host that did them.
pub(super) fn play(
    input: &mut Unstructured<'_>,
    faults: FaultPlan,
) -> arbitrary::Result<(u64, Host)> {
    let mut host = Host::rich(input, faults)?;
    let mut ops = 0;
    if input.ratio(15, 16)? {
        host.enable();
    }
    while !input.is_empty() && act(&mut host, input).is_ok() {
        ops += 1;
    }
    host.settle();
    Ok((ops, host))
}

fn act(host: &mut Host, input: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    match input.int_in_range(0..=37_u8)? {
        0 | 1 if host.is_dead() => host.enable(),
        0 => host.settle(),
        1 | 2 => write_register(host, input)?,
        3 => {
            let mut bytes = vec![0; input.int_in_range(0..=9)?];
            host.read(input.int_in_range(0..=0x2100)?, &mut bytes);
        }
        4..=6 => ring(host, input)?,
        7..=12 => {
            let sqe = admin(input)?;
            host.submit(0, sqe);
        }
        13..=21 => {
            let sqe = io(input)?;
            host.submit(input.int_in_range(1..=3)?, sqe);
        }
        22 => {
            let bytes: [u8; SQE_BYTES] = input.arbitrary()?;
            host.submit(input.int_in_range(0..=3)?, Sqe::from_bytes(bytes));
        }
        23 | 24 => scribble(host, input)?,
        25 | 26 => host.release(input.int_in_range(0..=3)?),
        27 => {
            let until = host.now_ns + u64::from(input.arbitrary::<u32>()?);
            host.pass_time(until);
        }
        28 => host.settle(),
        29 => match *input.choose(&POLICIES)? {
            policy @ (CachePolicy::LoseAll | CachePolicy::KeepAll) => host.power_cut(policy),
            policy => host.power_cut_in_flight(policy),
        },
        // A reset with commands in flight, a shutdown, and the end of one.
        30 => host.write32(reg::CC, *input.choose(&[0, 0x0046_4001, 0x0046_8001, 0x0046_0001])?),
        31 => host.act_as_owner(input)?,
        32 => {
            let pair = fused(input)?;
            host.submit_all(1, &pair);
        }
        33 => {
            let commands = [io(input)?, io(input)?, io(input)?];
            host.submit_all(1, &commands);
        }
        // Shadow doorbells lie in the pages that Doorbell Buffer Config names here.
        34 => {
            let at =
                Memory::page(input.int_in_range(0..=15_u64)?) + 4 * input.int_in_range(0..=9)?;
            host.memory.poke(at, &input.int_in_range(0..=20_u32)?.to_le_bytes());
            host.step();
        }
        35 => prepared(host, input)?,
        // The controller stopped for good is no fun.
        _ if host.is_dead() => host.enable(),
        _ => host.release(input.int_in_range(0..=1)?),
    }
    Ok(())
}

fn write_register(host: &mut Host, input: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    const REGISTERS: [u64; 9] = [
        reg::CAP,
        reg::INTMS,
        reg::INTMC,
        reg::CC,
        reg::CSTS,
        reg::NSSR,
        reg::AQA,
        reg::ASQ,
        reg::ACQ,
    ];
    let offset = if input.arbitrary()? {
        *input.choose(&REGISTERS)?
    } else {
        input.int_in_range(0..=0x2100)?
    };
    let value = match input.int_in_range(0..=3_u8)? {
        0 => u64::from(reg::NSSR_MAGIC),
        1 => address(input)?,
        _ => input.arbitrary()?,
    };
    let width = *input.choose(&[4_usize, 4, 8, 1, 2, 3])?;
    host.write(offset, &value.to_le_bytes()[..width]);
    Ok(())
}

/// A doorbell with any value, of a queue that is there or not.
fn ring(host: &mut Host, input: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let bell = reg::DOORBELLS + 4 * input.int_in_range(0..=13_u64)?;
    let value = if input.arbitrary()? { input.int_in_range(0..=20)? } else { input.arbitrary()? };
    host.write32(bell, value);
    Ok(())
}

/// Changes memory under the controller: list entries, descriptors, queue entries.
fn scribble(host: &mut Host, input: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let mut at =
        Memory::page(input.int_in_range(0..=PAGES - 1)?) + 8 * input.int_in_range(0..=511_u64)?;
    for _ in 0..input.int_in_range(1..=12_u8)? {
        let word = if input.ratio(3, 4)? { address(input)? } else { input.arbitrary()? };
        host.memory.poke(at, &word.to_le_bytes());
        at += 8;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use nvme_spec::{AdminOpcode, NvmOpcode};

    use super::*;
    use crate::runner::inputs;

    #[test]
    fn every_command_there_is_is_carried_out_by_some_input() {
        let mut missing: BTreeSet<(bool, u8)> =
            AdminOpcode::NAMED.iter().map(|(opcode, _)| (true, opcode.0)).collect();
        missing.extend(NvmOpcode::NAMED.iter().map(|(opcode, _)| (false, opcode.0)));
        // There is no directive that could be enabled or disabled.
        missing.remove(&(true, AdminOpcode::DIRECTIVE_SEND.0));
        for input in inputs(5).take(200_000) {
            let played = play(&mut Unstructured::new(&input), FaultPlan::none());
            if let Ok((_, host)) = played {
                missing.retain(|command| !host.succeeded().contains(command));
            }
            if missing.is_empty() {
                return;
            }
        }
        panic!("never carried out (admin or not, opcode): {missing:x?}");
    }
}
