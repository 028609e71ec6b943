//! Turning a swap file on (Linux `swapon(2)`).

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec;
use core::fmt;

use block::BlockDevice;
use hal::{DmaBuf, PAGE_BYTES};
use iomap::{
    ActivateError, Context, Direction, Errno, IoFailure, IocbFlags, Kiocb, SwapExtents, SwapHost,
    Transfer, dio_rw, swapfile_activate_traced,
};

use super::SwapArea;
use super::header::{HeaderError, SwapHeader};
use crate::path::{DioPath, ExtentsPath, PathKind, SwapIo, SwapPath};

/// Why a file was not turned on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwaponError {
    /// The filesystem refused: `EIO` after a shutdown, `EBUSY` if the file is active already.
    Host(Errno),
    /// The header could not be read.
    HeaderRead(IoFailure),
    /// The header is none, or does not fit the file.
    Header(HeaderError),
    /// The file's blocks cannot be used.
    Activate(ActivateError),
    /// No memory for the header's page.
    OutOfMemory,
}

impl SwaponError {
    /// What swapon(2) gives.
    #[must_use]
    pub const fn errno(&self) -> Errno {
        match self {
            Self::Host(errno) => *errno,
            Self::HeaderRead(failure) => failure.errno,
            Self::Header(_) => Errno::EINVAL,
            Self::Activate(error) => error.errno,
            Self::OutOfMemory => Errno::ENOMEM,
        }
    }
}

impl fmt::Display for SwaponError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(errno) => write!(f, "swapon: file not usable: {errno}"),
            Self::HeaderRead(failure) => write!(f, "swapon: header not readable: {failure}"),
            Self::Header(error) => error.fmt(f),
            Self::Activate(error) => error.fmt(f),
            Self::OutOfMemory => f.write_str("swapon: no page of memory for the header"),
        }
    }
}

impl core::error::Error for SwaponError {}

/// Claims the file, reads and checks its header, walks its map, and allocates everything that I/O on
/// `path` will need. [`crate::Mm::add_area`] then puts the area to use.
///
/// All paths need a file that passes the activation checks, as in Linux: what differs is who is asked
/// afterwards.
///
/// # Errors
/// [`SwaponError`]; the file is not claimed then.
pub fn swapon<H, D>(
    host: &Rc<H>,
    device: &Rc<D>,
    inode: H::Inode,
    path: PathKind,
) -> Result<SwapArea<D::Page>, SwaponError>
where
    H: SwapHost + 'static,
    D: BlockDevice + 'static,
{
    let file_pages = host.size_bytes(inode).map_err(SwaponError::Host)? / PAGE_BYTES as u64;
    host.claim_swapfile(inode).map_err(SwaponError::Host)?;
    let (header, extents) = match inspect(&**host, &**device, inode, file_pages) {
        Ok(found) => found,
        Err(error) => {
            host.release_swapfile(inode);
            return Err(error);
        }
    };
    let usable_pages = usable_pages(&header, &extents);
    let (host, device) = (Rc::clone(host), Rc::clone(device));
    let io: Box<dyn SwapIo<D::Page>> = match path {
        PathKind::Extents => Box::new(ExtentsPath::new(host, device, inode, extents.clone())),
        PathKind::Dio => Box::new(DioPath::new(host, device, inode)),
        PathKind::Swap => Box::new(SwapPath::new(host, device, inode)),
    };
    Ok(SwapArea::from_parts(header, usable_pages, extents, io))
}

fn inspect<H: SwapHost, D: BlockDevice>(
    host: &H,
    device: &D,
    inode: H::Inode,
    file_pages: u64,
) -> Result<(SwapHeader, SwapExtents), SwaponError> {
    let header = read_header(host, device, inode, file_pages)?;
    let extents =
        swapfile_activate_traced(host, inode, device.tracer()).map_err(SwaponError::Activate)?;
    Ok((header, extents))
}

fn read_header<H: SwapHost, D: BlockDevice>(
    host: &H,
    device: &D,
    inode: H::Inode,
    file_pages: u64,
) -> Result<SwapHeader, SwaponError> {
    if file_pages == 0 {
        return Err(SwaponError::Header(HeaderError::NoSignature));
    }
    let page = device.alloc_page().map_err(|_| SwaponError::OutOfMemory)?;
    let mut transfer = Transfer { direction: Direction::Read, pos: 0, pages: vec![page] };
    let iocb = Kiocb { flags: IocbFlags::empty(), context: Context::Activation };
    dio_rw(host.dio_ops(), device, inode, &mut transfer, iocb).map_err(SwaponError::HeaderRead)?;
    let mut bytes = [0; PAGE_BYTES];
    transfer.pages[0].read(0, &mut bytes);
    SwapHeader::from_page(&bytes, file_pages).map_err(SwaponError::Header)
}

/// The header decides, but slots that no extent covers are never handed out.
fn usable_pages(header: &SwapHeader, extents: &SwapExtents) -> u32 {
    let covered = extents.iter().map(|extent| extent.nr_pages).fold(0, u64::saturating_add);
    u32::try_from(header.size_pages().min(covered)).unwrap_or(u32::MAX)
}
