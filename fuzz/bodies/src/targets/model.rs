//! A hostile guest against the controller: registers, doorbells, entries, lists, resets and power cuts in
//! any order.
//!
//! What must hold: no panic; a bounded number of memory accesses in a step; memory is used within a
//! step only; a command that was fetched completes at most once, and none that was not; a controller
//! that gets no new commands is done some time.

use arbitrary::Unstructured;
use nvme_model::CachePolicy;
use nvme_spec::register as reg;
use nvme_spec::{SQE_BYTES, Sqe};

use crate::host::{BLOCKS, Host, Memory, PAGES, address};

/// Runs a program of the guest.
pub fn run(data: &[u8]) -> u64 {
    let mut input = Unstructured::new(data);
    let mut host = Host::new();
    let mut ops = 0;
    if input.arbitrary().unwrap_or(false) {
        host.enable();
    }
    while !input.is_empty() {
        if act(&mut host, &mut input).is_err() {
            break;
        }
        ops += 1;
    }
    host.settle();
    ops
}

fn act(host: &mut Host, input: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    match input.int_in_range(0..=31_u8)? {
        0 => host.enable(),
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
        29 => {
            let policy =
                if input.arbitrary()? { CachePolicy::LoseAll } else { CachePolicy::default() };
            host.power_cut(policy);
        }
        // A reset with commands in flight.
        30 => host.write32(reg::CC, 0),
        _ => host.write32(reg::CC, 0x0046_4001),
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

/// An admin command that makes some sense.
fn admin(input: &mut Unstructured<'_>) -> arbitrary::Result<Sqe> {
    let qid = input.int_in_range(0..=5_u16)?;
    let ring = Memory::page(input.int_in_range(0..=7_u64)?);
    let size_z = input.int_in_range(0..=70_u16)?;
    let sqe = match input.int_in_range(0..=12_u8)? {
        0 => Sqe::create_io_cq(qid, size_z, Some(input.int_in_range(0..=20)?)).with_prp(ring, 0),
        1 => Sqe::create_io_sq(qid, size_z, input.int_in_range(0..=5)?).with_prp(ring, 0),
        2 => Sqe::delete_io_cq(qid),
        3 => Sqe::delete_io_sq(qid),
        4 => Sqe::identify(input.arbitrary()?, input.int_in_range(0..=3)?),
        5 => Sqe::set_features(input.int_in_range(0..=0x20)?, input.arbitrary()?),
        6 => Sqe::get_features(input.int_in_range(0..=0x20)?, input.arbitrary()?),
        7 => {
            let (length_z, offset) = (input.int_in_range(0..=2048)?, input.arbitrary::<u16>()?);
            Sqe::get_log_page(input.arbitrary()?, input.arbitrary()?, length_z, offset.into())
        }
        8 => Sqe::abort(qid, input.int_in_range(0..=64)?),
        9 | 10 => Sqe::async_event_request(),
        _ => {
            let mut sqe = Sqe::new(input.arbitrary()?, input.int_in_range(0..=2)?);
            sqe.cdw10 = input.arbitrary::<u32>()?.into();
            sqe.cdw11 = input.arbitrary::<u32>()?.into();
            sqe.cdw12 = u32::from(input.arbitrary::<u16>()?).into();
            sqe
        }
    };
    if sqe.prp1.get() == 0 { pointed(input, sqe) } else { Ok(sqe) }
}

/// An I/O command over any blocks with any data pointer.
pub(super) fn io(input: &mut Unstructured<'_>) -> arbitrary::Result<Sqe> {
    let nsid = if input.ratio(9, 10)? { 1 } else { input.arbitrary()? };
    let slba =
        if input.ratio(7, 8)? { input.int_in_range(0..=BLOCKS)? } else { input.arbitrary()? };
    let nlb_z =
        if input.ratio(7, 8)? { input.int_in_range(0..=130)? } else { input.arbitrary()? };
    let sqe = match input.int_in_range(0..=9_u8)? {
        0..=2 => Sqe::read(nsid, slba, nlb_z),
        3 | 4 => Sqe::write(nsid, slba, nlb_z, input.arbitrary()?),
        5 => Sqe::flush(nsid),
        6 => Sqe::write_zeroes(nsid, slba, nlb_z),
        7 => Sqe::compare(nsid, slba, nlb_z),
        8 => Sqe::deallocate(nsid, input.int_in_range(0..=255)?),
        _ => {
            let mut sqe = Sqe::read(nsid, slba, nlb_z);
            sqe.cdw0 = input.arbitrary::<u8>().map(u32::from)?.into();
            sqe
        }
    };
    pointed(input, sqe)
}

/// The command with a data pointer: PRPs, or any descriptor.
pub(super) fn pointed(input: &mut Unstructured<'_>, sqe: Sqe) -> arbitrary::Result<Sqe> {
    let mut sqe = sqe.with_prp(address(input)?, address(input)?);
    if input.ratio(1, 3)? {
        // Length and type of an SGL descriptor, and PSDT.
        let length = u64::from(input.arbitrary::<u16>()?);
        let kind = u64::from(*input.choose(&[0x00_u8, 0x10, 0x20, 0x30, 0x40, 0x5a])?);
        sqe.prp2 = (length | kind << 56).into();
        sqe.cdw0 = (sqe.cdw0.get() | u32::from(input.int_in_range(0..=3_u8)?) << 14).into();
    }
    Ok(sqe)
}
