//! `swap_rw` as the patches were posted: `iomap_dio_rw` with the filesystem's mapping callbacks and no
//! `iomap_dio_ops` at all.
//!
//! The data reaches the device, but nobody converts an unwritten block afterwards or updates the size:
//! the page reads back as zeros, without any error.

use iomap::SwapHost;

use super::PathKind;
use super::dio::DioCallbacks;
use super::engine::{Callbacks, EnginePath};

/// Swap I/O by the filesystem's direct-I/O mapping, without its completion.
pub(crate) type DioRawPath<H, D> = EnginePath<H, D, MappingOnly>;

/// The filesystem's callbacks of direct I/O, but for the completion.
pub(crate) struct MappingOnly;

impl<H: SwapHost> Callbacks<H> for MappingOnly {
    const KIND: PathKind = PathKind::DioRaw;

    type Ops<'a>
        = DioCallbacks<'a, H::Dio>
    where
        H: 'a;

    fn of(host: &H) -> Self::Ops<'_> {
        DioCallbacks { ops: host.dio_ops(), has_end_io: false }
    }
}
