//! Commands that are carried out only if their data or several fields fit each other: the data are put into
//! a page, and the command names it. Now and then something is wrong all the same.

use arbitrary::Unstructured;
use nvme_spec::{AdminOpcode, NvmOpcode, Sqe, feature};

use crate::host::{BLOCKS, Host, Memory};

/// Where images, lists and descriptors are put.
const PAGES: std::ops::RangeInclusive<u64> = 8..=15;
/// What a firmware image begins with.
const IMAGE: &[u8] = b"swaplab\0fuzz    ";

/// Submits one of these commands.
pub(super) fn prepared(host: &mut Host, input: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let page = Memory::page(input.int_in_range(PAGES)?);
    let (qid, sqe) = match input.int_in_range(0..=8_u8)? {
        0 => (0, create(host, input, page)?),
        1 => (0, attach(host, input, page)?),
        2 => (0, firmware(host, input, page)?),
        3 => (0, lba_status(input)?),
        4 => (1, copy(host, input, page)?),
        5 => (1, deallocate(host, input, page)?),
        6 => {
            let who = host_identifier(host, input, page)?;
            host.submit(0, who.with_prp(page, 0));
            host.settle();
            host.release(0);
            let nsid = nsid(input)?;
            host.submit(1, register(host, nsid, page));
            host.settle();
            host.release(1);
            (1, hold(host, input, nsid, page)?)
        }
        _ => (1, reserve(host, input, page)?),
    };
    let sqe =
        if input.ratio(1, 16)? { sqe.with_prp(page + 8, page) } else { sqe.with_prp(page, 0) };
    host.submit(qid, sqe);
    // Data are read when the command is carried out: what follows may change them, or come too late.
    if input.ratio(3, 4)? {
        host.settle();
        host.release(qid);
    }
    Ok(())
}

fn nsid(input: &mut Unstructured<'_>) -> arbitrary::Result<u32> {
    input.int_in_range(1..=3)
}

/// A small number of blocks, or a block near the beginning.
fn small(input: &mut Unstructured<'_>) -> arbitrary::Result<u64> {
    input.int_in_range(0..=16)
}

/// Namespace Management: create.
fn create(host: &Host, input: &mut Unstructured<'_>, page: u64) -> arbitrary::Result<Sqe> {
    let blocks = small(input)?;
    host.memory.poke(page, &[0; 384]);
    host.memory.poke(page, &[blocks.to_le_bytes(), blocks.to_le_bytes()].concat());
    let (format, protection) = (input.int_in_range(0..=16)?, input.int_in_range(0..=11)?);
    host.memory.poke(page + 26, &[format, 0, 0, protection]);
    Ok(Sqe::new(AdminOpcode::NAMESPACE_MANAGEMENT.0, 0))
}

/// Namespace Attachment: a list of the one controller.
fn attach(host: &Host, input: &mut Unstructured<'_>, page: u64) -> arbitrary::Result<Sqe> {
    host.memory.poke(page, &[1, 0, u8::from(input.ratio(1, 8)?), 0]);
    let mut sqe = Sqe::new(AdminOpcode::NAMESPACE_ATTACHMENT.0, nsid(input)?);
    sqe.cdw10 = input.int_in_range(0..=1)?.into();
    Ok(sqe)
}

/// Firmware Image Download of an image's beginning, or Firmware Commit.
fn firmware(host: &Host, input: &mut Unstructured<'_>, page: u64) -> arbitrary::Result<Sqe> {
    let mut sqe = Sqe::new(AdminOpcode::FIRMWARE_DOWNLOAD.0, 0);
    if input.ratio(1, 3)? {
        sqe = Sqe::new(AdminOpcode::FIRMWARE_COMMIT.0, 0);
        let (slot, action) = (input.int_in_range(0..=4_u32)?, input.int_in_range(0..=4_u32)?);
        sqe.cdw10 = (slot | action << 3).into();
        return Ok(sqe);
    }
    host.memory.poke(page, IMAGE);
    sqe.cdw10 = 1023.into();
    sqe.cdw11 = (1024 * input.int_in_range(0..=2_u32)?).into();
    Ok(sqe)
}

fn lba_status(input: &mut Unstructured<'_>) -> arbitrary::Result<Sqe> {
    let mut sqe = Sqe::new(AdminOpcode::GET_LBA_STATUS.0, nsid(input)?);
    sqe.cdw10 = (small(input)? as u32).into();
    sqe.cdw12 = input.int_in_range(0..=64)?.into();
    let action = *input.choose(&[0x10_u32, 0x11, 0x12])?;
    sqe.cdw13 = (action << 24 | input.int_in_range(0..=BLOCKS as u32)?).into();
    Ok(sqe)
}

fn copy(host: &Host, input: &mut Unstructured<'_>, page: u64) -> arbitrary::Result<Sqe> {
    for entry in 0..4 {
        let (length_z, slba) = (small(input)?, small(input)?);
        host.memory.poke(page + 32 * entry, &[0; 32]);
        host.memory.poke(page + 32 * entry + 8, &slba.to_le_bytes());
        host.memory.poke(page + 32 * entry + 16, &length_z.to_le_bytes());
    }
    let mut sqe = Sqe::new(NvmOpcode::COPY.0, nsid(input)?);
    sqe.cdw10 = (small(input)? as u32).into();
    let (ranges_z, format) = (input.int_in_range(0..=3_u32)?, input.int_in_range(0..=3_u32)?);
    sqe.cdw12 = (ranges_z | format << 8).into();
    Ok(sqe)
}

fn deallocate(host: &Host, input: &mut Unstructured<'_>, page: u64) -> arbitrary::Result<Sqe> {
    for entry in 0..4 {
        let words = [small(input)? << 32, small(input)?];
        let words: Vec<u8> = words.into_iter().flat_map(u64::to_le_bytes).collect();
        host.memory.poke(page + 16 * entry, &words);
    }
    Ok(Sqe::deallocate(nsid(input)?, input.int_in_range(0..=3)?))
}

/// Set Features: who the host is, without which there are no reservations.
fn host_identifier(host: &Host, input: &mut Unstructured<'_>, page: u64) -> arbitrary::Result<Sqe> {
    host.memory.poke(page, &[*input.choose(&[1, 1, 1, 2, 0])?; 16]);
    Ok(Sqe::set_features(feature::HOST_IDENTIFIER, u32::from(input.ratio(3, 4)?)))
}

/// Reservation Register: the host has key 1 from here on.
fn register(host: &Host, nsid: u32, page: u64) -> Sqe {
    const IGNORES_KEY: u32 = 1 << 3;
    host.memory.poke(page, &[0, 1_u64].map(u64::to_le_bytes).concat());
    let mut sqe = Sqe::new(NvmOpcode::RESERVATION_REGISTER.0, nsid);
    sqe.cdw10 = IGNORES_KEY.into();
    sqe.with_prp(page, 0)
}

/// Reservation Acquire or Release with key 1.
fn hold(host: &Host, input: &mut Unstructured<'_>, nsid: u32, page: u64) -> arbitrary::Result<Sqe> {
    host.memory.poke(page, &[1, 0_u64].map(u64::to_le_bytes).concat());
    let opcode =
        *input.choose(&[NvmOpcode::RESERVATION_ACQUIRE, NvmOpcode::RESERVATION_RELEASE])?;
    let mut sqe = Sqe::new(opcode.0, nsid);
    sqe.cdw10 = (input.int_in_range(1..=6_u32)? << 8).into();
    Ok(sqe)
}

/// A reservation command with one of three keys.
fn reserve(host: &Host, input: &mut Unstructured<'_>, page: u64) -> arbitrary::Result<Sqe> {
    const COMMANDS: [NvmOpcode; 4] = [
        NvmOpcode::RESERVATION_REGISTER,
        NvmOpcode::RESERVATION_ACQUIRE,
        NvmOpcode::RESERVATION_RELEASE,
        NvmOpcode::RESERVATION_REPORT,
    ];
    let keys = [*input.choose(&[1, 1, 1, 0, 2_u64])?, input.int_in_range(0..=2)?];
    host.memory.poke(page, &keys.map(u64::to_le_bytes).concat());
    let mut sqe = Sqe::new(input.choose(&COMMANDS)?.0, nsid(input)?);
    let (action, ignores_key) = (input.int_in_range(0..=2_u32)?, u32::from(input.ratio(1, 4)?));
    let kind = input.int_in_range(0..=7_u32)?;
    sqe.cdw10 = (action | ignores_key << 3 | kind << 8).into();
    Ok(sqe)
}
