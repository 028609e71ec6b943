//! What swapon does with a file before it trusts it: header, blocks, and how much is done about them.
//!
//! The mail leaves the split open: a filesystem may do the work of allocation in `swap_activate` or in
//! the mapping callback of each I/O. [`Activation`] has the three ways.

use alloc::vec;
use alloc::vec::Vec;

use block::BlockDevice;
use hal::{DmaBuf, PAGE_BYTES};
use iomap::{
    Context, Direction, Intent, IocbFlags, IomapOps, Kiocb, SwapExtent, SwapExtents, SwapHost,
    Transfer, dio_rw, swapfile_activate_traced,
};

use super::activate::{SwaponError, SwaponOptions};
use super::header::{HeaderError, SwapHeader};
use crate::path::CLUSTER_PAGES_MAX;

const PAGE: u64 = PAGE_BYTES as u64;

/// What is done at swapon so that nothing has to be done later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Activation {
    /// The file is synced and its map checked, as Linux does: holes are refused, unwritten blocks are
    /// not.
    #[default]
    Check,
    /// Every page but the header is written with zeros first, through the direct-I/O callbacks: holes
    /// are allocated and unwritten blocks converted while a transaction harms nobody. Then as `Check`.
    Convert,
    /// Nothing is looked at: the header is believed, whatever is behind it. For controls.
    None,
}

impl Activation {
    /// Every way.
    pub const ALL: &'static [Self] = &[Self::Check, Self::Convert, Self::None];

    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Convert => "convert",
            Self::None => "none",
        }
    }
}

/// Reads the header and finds the blocks.
///
/// # Errors
/// [`SwaponError`], whatever is wrong first.
pub(super) fn inspect<H: SwapHost, D: BlockDevice>(
    host: &H,
    device: &D,
    inode: H::Inode,
    file_pages: u64,
    options: &SwaponOptions,
) -> Result<(SwapHeader, Vec<u32>, SwapExtents), SwaponError> {
    let activation = options.activation;
    let believed = if activation == Activation::None { u64::MAX } else { file_pages };
    if file_pages == 0 {
        return Err(SwaponError::Header(HeaderError::NoSignature));
    }
    let page = read_header(host, device, inode)?;
    let header = SwapHeader::from_page(&page, believed).map_err(SwaponError::Header)?;
    let bad = header.bad_pages(&page, options.is_partition).map_err(SwaponError::Header)?;
    if activation == Activation::None {
        return Ok((header, bad, whatever_is_there(host, inode, header.size_pages())));
    }
    if activation == Activation::Convert {
        write_zeros(host, device, inode, header.size_pages())?;
    }
    let extents =
        swapfile_activate_traced(host, inode, device.tracer()).map_err(SwaponError::Activate)?;
    Ok((header, bad, extents))
}

const ACTIVATION: Kiocb = Kiocb { flags: IocbFlags::empty(), context: Context::Activation };

fn read_header<H: SwapHost, D: BlockDevice>(
    host: &H,
    device: &D,
    inode: H::Inode,
) -> Result<[u8; PAGE_BYTES], SwaponError> {
    let page = device.alloc_page().map_err(|_| SwaponError::OutOfMemory)?;
    let mut transfer = Transfer { direction: Direction::Read, pos: 0, pages: vec![page] };
    dio_rw(host.dio_ops(), device, inode, &mut transfer, ACTIVATION)
        .map_err(SwaponError::HeaderRead)?;
    let mut bytes = [0; PAGE_BYTES];
    transfer.pages[0].read(0, &mut bytes);
    Ok(bytes)
}

/// Makes every page behind the header written.
fn write_zeros<H: SwapHost, D: BlockDevice>(
    host: &H,
    device: &D,
    inode: H::Inode,
    pages: u64,
) -> Result<(), SwaponError> {
    let chunk = CLUSTER_PAGES_MAX as u64;
    let zeros: Result<Vec<_>, _> = (0..chunk).map(|_| device.alloc_page()).collect();
    let mut zeros = zeros.map_err(|_| SwaponError::OutOfMemory)?;
    let mut page = 1;
    while page < pages {
        let spare = zeros.split_off(zeros.len().min((pages - page) as usize));
        page += zeros.len() as u64;
        let pos = (page - zeros.len() as u64) * PAGE;
        let mut transfer = Transfer { direction: Direction::Write, pos, pages: zeros };
        dio_rw(host.dio_ops(), device, inode, &mut transfer, ACTIVATION)
            .map_err(SwaponError::Write)?;
        zeros = transfer.pages;
        zeros.extend(spare);
    }
    Ok(())
}

/// The blocks of the first `pages` pages that have any; nothing is refused.
fn whatever_is_there<H: SwapHost>(host: &H, inode: H::Inode, pages: u64) -> SwapExtents {
    let intent = Intent::REPORT | Intent::SWAP;
    let mut extents = SwapExtents::new();
    let mut page = 0;
    while page < pages {
        let (pos, left) = (page * PAGE, (pages - page) * PAGE);
        let answer = host.swap_ops().iomap_begin(inode, pos, left, intent, Context::Activation);
        let Ok(map) = answer else { break };
        let covered = (map.offset + map.length).saturating_sub(pos) / PAGE;
        let nr_pages = covered.clamp(1, pages - page);
        if let Some(block) = map.block.filter(|_| covered > 0) {
            let start_block = block + pos.saturating_sub(map.offset) / PAGE;
            extents.push(SwapExtent { start_page: page, nr_pages, start_block });
        }
        page += nr_pages;
    }
    extents
}
