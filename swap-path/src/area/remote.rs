//! Turning a file on that has no block device: a header and a claim, no blocks (Linux: `SWP_FS_OPS`).

use alloc::boxed::Box;
use alloc::vec;

use hal::{DmaBuf, PAGE_BYTES};
use iomap::{Context, Direction, SwapExtents, SwapFile};

use super::SwapArea;
use super::activate::SwaponError;
use super::header::{HeaderError, SwapHeader};
use super::inspect::Activation;
use crate::path::{NetPath, PathKind};

/// Reads and checks the header in `page`'s memory, and then asks the file whether it is fit for swap, in the
/// order in which Linux does it. With [`Activation::None`] nobody is asked and the header is believed.
///
/// # Errors
/// [`SwaponError`]; the file is not claimed then. [`Activation::Convert`] is none of a remote file: its
/// blocks are the server's.
pub fn swapon_file<P: DmaBuf + 'static>(
    mut file: Box<dyn SwapFile<P>>,
    size_bytes: u64,
    page: P,
    activation: Activation,
) -> Result<SwapArea<P>, SwaponError> {
    if activation == Activation::Convert {
        return Err(SwaponError::Path(PathKind::Net));
    }
    let believed = match activation {
        Activation::None => u64::MAX,
        _ => size_bytes / PAGE_BYTES as u64,
    };
    if size_bytes < PAGE_BYTES as u64 {
        return Err(SwaponError::Header(HeaderError::NoSignature));
    }
    let mut pages = vec![page];
    file.rw(Direction::Read, 0, &mut pages, Context::Activation)
        .map_err(SwaponError::HeaderRead)?;
    let mut bytes = [0; PAGE_BYTES];
    pages[0].read(0, &mut bytes);
    let header = SwapHeader::from_page(&bytes, believed).map_err(SwaponError::Header)?;
    header.bad_pages(&bytes, false).map_err(SwaponError::Header)?;
    if activation == Activation::Check {
        file.activate().map_err(SwaponError::Activate)?;
    }
    let usable_pages = u32::try_from(header.size_pages()).unwrap_or(u32::MAX);
    let io = Box::new(NetPath::new(file));
    Ok(SwapArea::from_parts(header, usable_pages, SwapExtents::new(), io))
}
