//! Commands that make some sense: every opcode there is, with fields that are mostly small numbers and
//! data pointers of any kind.

use arbitrary::Unstructured;
use nvme_spec::{AdminOpcode, NvmOpcode, Sqe};

use crate::host::{BLOCKS, Memory, address};

/// Namespaces that a command is about: those there may be, one that there is not, all of them.
const NSIDS: [u32; 6] = [1, 1, 2, 3, 9, u32::MAX];

/// An admin command: those that make queues and ask questions with care, any other by its opcode.
pub(super) fn admin(input: &mut Unstructured<'_>) -> arbitrary::Result<Sqe> {
    let qid = input.int_in_range(0..=5_u16)?;
    let ring = Memory::page(input.int_in_range(0..=7_u64)?);
    let size_z = input.int_in_range(0..=70_u16)?;
    let sqe = match input.int_in_range(0..=15_u8)? {
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
        11 => {
            let shadow = Memory::page(input.int_in_range(0..=15_u64)?);
            return Ok(Sqe::doorbell_buffer_config(shadow, shadow + 4096));
        }
        12 => Sqe::new(input.arbitrary()?, *input.choose(&NSIDS)?),
        _ => {
            let ((opcode, _), nsid) = (*input.choose(AdminOpcode::NAMED)?, *input.choose(&NSIDS)?);
            fields(input, Sqe::new(opcode.0, nsid))?
        }
    };
    if sqe.prp1.get() == 0 { pointed(input, sqe) } else { Ok(sqe) }
}

/// An I/O command over any blocks with any data pointer.
pub(super) fn io(input: &mut Unstructured<'_>) -> arbitrary::Result<Sqe> {
    let nsid = if input.ratio(7, 8)? { *input.choose(&NSIDS)? } else { input.arbitrary()? };
    let slba =
        if input.ratio(7, 8)? { input.int_in_range(0..=BLOCKS)? } else { input.arbitrary()? };
    let nlb_z =
        if input.ratio(7, 8)? { input.int_in_range(0..=130)? } else { input.arbitrary()? };
    let mut sqe = match input.int_in_range(0..=12_u8)? {
        0..=2 => Sqe::read(nsid, slba, nlb_z),
        3 | 4 => Sqe::write(nsid, slba, nlb_z, input.arbitrary()?),
        5 => Sqe::flush(nsid),
        6 => Sqe::write_zeroes(nsid, slba, nlb_z),
        7 => Sqe::compare(nsid, slba, nlb_z),
        8 => Sqe::deallocate(nsid, input.int_in_range(0..=255)?),
        9 => {
            let mut sqe = Sqe::read(nsid, slba, nlb_z);
            sqe.cdw0 = input.arbitrary::<u8>().map(u32::from)?.into();
            sqe
        }
        _ => {
            let (opcode, _) = *input.choose(NvmOpcode::NAMED)?;
            let sqe = fields(input, Sqe::new(opcode.0, nsid))?;
            if input.arbitrary()? { over(sqe, slba, nlb_z) } else { sqe }
        }
    };
    if input.ratio(1, 4)? {
        // PRINFO and DEAC, tags, and metadata of their own.
        let bits = u32::from(input.int_in_range(0..=0xff_u8)?) << 24;
        sqe.cdw12 = (sqe.cdw12.get() | bits).into();
        sqe.cdw14 = input.int_in_range(0..=BLOCKS as u32)?.into();
        sqe = sqe.with_mptr(address(input)?);
    }
    pointed(input, sqe)
}

/// A Compare and a Write that belong together, or nearly.
pub(super) fn fused(input: &mut Unstructured<'_>) -> arbitrary::Result<[Sqe; 2]> {
    let (slba, nlb_z) = (input.int_in_range(0..=8_u64)?, input.int_in_range(0..=2)?);
    let other = if input.ratio(1, 8)? { slba + 1 } else { slba };
    let pair = [Sqe::compare(1, slba, nlb_z), Sqe::write(1, other, nlb_z, input.arbitrary()?)];
    let mut fuse = 0;
    let mut joined = [Sqe::flush(1); 2];
    for (to, sqe) in joined.iter_mut().zip(pair) {
        fuse += 1;
        *to = pointed(input, sqe)?;
        to.cdw0 = (to.cdw0.get() | fuse << 8).into();
    }
    Ok(joined)
}

/// The command over these blocks.
fn over(mut sqe: Sqe, slba: u64, nlb_z: u16) -> Sqe {
    sqe.cdw10 = (slba as u32).into();
    sqe.cdw11 = ((slba >> 32) as u32).into();
    sqe.cdw12 = (sqe.cdw12.get() & !0xffff | u32::from(nlb_z)).into();
    sqe
}

/// Command dwords 10 to 15: mostly small, as most fields are.
fn fields(input: &mut Unstructured<'_>, mut sqe: Sqe) -> arbitrary::Result<Sqe> {
    sqe.cdw10 = field(input)?.into();
    sqe.cdw11 = field(input)?.into();
    sqe.cdw12 = field(input)?.into();
    sqe.cdw13 = field(input)?.into();
    sqe.cdw14 = field(input)?.into();
    sqe.cdw15 = field(input)?.into();
    Ok(sqe)
}

fn field(input: &mut Unstructured<'_>) -> arbitrary::Result<u32> {
    Ok(match input.int_in_range(0..=5_u8)? {
        0 | 1 => 0,
        2 => input.int_in_range(0..=4)?,
        3 => input.int_in_range(0..=0xff)?,
        4 => input.int_in_range(0..=0xffff)?,
        _ => input.arbitrary()?,
    })
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
