//! Turning a swap file on (Linux `swapon(2)`).

use alloc::boxed::Box;
use alloc::rc::Rc;
use core::fmt;

use block::BlockDevice;
use hal::PAGE_BYTES;
use iomap::{ActivateError, Errno, IoFailure, SwapExtents, SwapHost};

use super::header::{HeaderError, SwapHeader};
use super::inspect::{self, Activation};
use super::{SlotMap, SwapArea};
use crate::bugs::Bugs;
use crate::path::{
    DioLockedPath, DioPath, DioRawPath, DioSwapMapPath, ExtentsPath, PathKind, SwapIo, SwapKnobs,
    SwapPath,
};

/// How a file is turned on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SwaponOptions {
    /// The way of its I/O.
    pub path: PathKind,
    /// What is done about its blocks before.
    pub activation: Activation,
    /// Ablations of the path.
    pub knobs: SwapKnobs,
    /// The file is taken for a partition, where Linux allows what it refuses for a file: a list of bad
    /// pages in the header.
    pub is_partition: bool,
    /// Bugs that are planted.
    pub bugs: Bugs,
}

impl SwaponOptions {
    /// As Linux does it, by `path`.
    #[must_use]
    pub fn new(path: PathKind) -> Self {
        let (activation, knobs) = (Activation::default(), SwapKnobs::default());
        Self { path, activation, knobs, is_partition: false, bugs: Bugs::default() }
    }
}

/// Why a file was not turned on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwaponError {
    /// The filesystem refused: `EIO` after a shutdown, `EBUSY` if the file is active already.
    Host(Errno),
    /// The header could not be read.
    HeaderRead(IoFailure),
    /// The file could not be written with zeros ([`Activation::Convert`]).
    Write(IoFailure),
    /// The header is none, or does not fit the file.
    Header(HeaderError),
    /// The file's blocks cannot be used.
    Activate(ActivateError),
    /// No memory for the header's page.
    OutOfMemory,
    /// The path is for files of another kind, with or without a block device.
    Path(PathKind),
}

impl SwaponError {
    /// What swapon(2) gives.
    #[must_use]
    pub const fn errno(&self) -> Errno {
        match self {
            Self::Host(errno) => *errno,
            Self::HeaderRead(failure) | Self::Write(failure) => failure.errno,
            Self::Header(_) | Self::Path(_) => Errno::EINVAL,
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
            Self::Write(failure) => write!(f, "swapon: file not writable: {failure}"),
            Self::Header(error) => error.fmt(f),
            Self::Activate(error) => error.fmt(f),
            Self::OutOfMemory => f.write_str("swapon: no page of memory for the header"),
            Self::Path(path) => {
                write!(f, "swapon: {path} cannot be done with this file: `net` is for remote ones")
            }
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
    swapon_with(host, device, inode, &SwaponOptions::new(path))
}

/// [`swapon`] with a choice of what activation does and of ablations.
///
/// # Errors
/// As [`swapon`].
pub fn swapon_with<H, D>(
    host: &Rc<H>,
    device: &Rc<D>,
    inode: H::Inode,
    options: &SwaponOptions,
) -> Result<SwapArea<D::Page>, SwaponError>
where
    H: SwapHost + 'static,
    D: BlockDevice + 'static,
{
    let file_pages = host.size_bytes(inode).map_err(SwaponError::Host)? / PAGE_BYTES as u64;
    host.claim_swapfile(inode).map_err(SwaponError::Host)?;
    let found = inspect::inspect(&**host, &**device, inode, file_pages, options);
    let (header, bad_pages, extents) = match found {
        Ok(found) => found,
        Err(error) => {
            host.release_swapfile(inode);
            return Err(error);
        }
    };
    let usable_pages = usable_pages(&header, &extents, options.activation);
    let (host, device) = (Rc::clone(host), Rc::clone(device));
    let io: Box<dyn SwapIo<D::Page>> = match options.path {
        PathKind::Extents => {
            let takes_folios = options.is_partition || options.knobs.takes_folios;
            Box::new(ExtentsPath::new(host, device, inode, extents.clone(), takes_folios))
        }
        PathKind::Dio => Box::new(DioPath::new(host, device, inode)),
        PathKind::DioRaw => Box::new(DioRawPath::new(host, device, inode)),
        PathKind::DioLocked => Box::new(DioLockedPath::new(host, device, inode)),
        PathKind::DioSwapMap => Box::new(DioSwapMapPath::new(host, device, inode)),
        PathKind::Swap => Box::new(SwapPath::new(host, device, inode, options.knobs, options.bugs)),
        PathKind::Net => {
            host.release_swapfile(inode);
            return Err(SwaponError::Path(PathKind::Net));
        }
    };
    let slots = SlotMap::new(usable_pages, &bad_pages, options.bugs);
    Ok(SwapArea::with_slots(header, slots, extents, io))
}

/// The header decides, but slots that no extent covers are never handed out, unless nobody looked.
fn usable_pages(header: &SwapHeader, extents: &SwapExtents, activation: Activation) -> u32 {
    let covered = extents.iter().map(|extent| extent.nr_pages).fold(0, u64::saturating_add);
    let pages = match activation {
        Activation::None => header.size_pages(),
        Activation::Check | Activation::Convert => header.size_pages().min(covered),
    };
    u32::try_from(pages).unwrap_or(u32::MAX)
}
