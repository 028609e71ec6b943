//! `swap_rw` as the 2021 mail analyses it: the filesystem's ordinary direct-I/O callbacks with its
//! `end_io`, plus `IOCB_SWAP` (Linux `iomap_dio_rw`).
//!
//! Whatever the filesystem does in direct I/O it does here too: it may run transactions, take locks,
//! allocate, and refuse everything after a shutdown. That is what the mail is about.

use iomap::SwapHost;

use super::PathKind;
use super::engine::{Callbacks, EnginePath};

/// Swap I/O by the filesystem's direct-I/O callbacks.
pub(crate) type DioPath<H, D> = EnginePath<H, D, DirectIo>;

/// The filesystem's own callbacks of direct I/O.
pub(crate) struct DirectIo;

impl<H: SwapHost> Callbacks<H> for DirectIo {
    const KIND: PathKind = PathKind::Dio;

    type Ops<'a>
        = &'a H::Dio
    where
        H: 'a;

    fn of(host: &H) -> &H::Dio {
        host.dio_ops()
    }
}
