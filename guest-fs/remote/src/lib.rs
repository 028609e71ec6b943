//! A filesystem without a block device: the client of a file server, as far as a swap file needs it. The other
//! user of [`iomap::SwapFile`], as NFS is the other user of Linux's `->swap_rw`.
//!
//! ```text
//! RemoteFs (names, swapon) -> Client (sessions, time-outs) -> p9-wire (messages) -> virtio (buffers)
//! ```
//!
//! A request that is not answered is sent again, but never into the same connection: the connection is broken
//! first, which takes back every buffer, and begun anew ([`ClientConfig`] has the times). What the server
//! has done already is done twice then; reads and writes at an offset do not mind.
//!
//! Swap I/O comes in two halves ([`iomap::SplitSwapFile`]): the first sends what there is a place for and waits for
//! nothing; the second ends it, whatever became of the connection meanwhile. Who waits, waits as a task: for an answer
//! at the device, for a place, for the session that one of them begins for all. The last place is never taken by a
//! request that nobody ends yet, so whoever waits for one gets it.
//!
//! What this crate does not do: no page cache, no attributes that are believed for a while, no directory to
//! list, no delegation. A name that was looked up once is known until unmount.
//!
//! Invariant: every request ends in bounded virtual time, whatever server and device do.
//! Invariant: no page is given back while the device could still write to it.
//! Invariant: a read or write allocates nothing.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod client;
mod config;
mod connect;
pub mod events;
mod exchange;
mod files;
mod flight;
mod fs;
mod slots;
mod swapfile;
#[cfg(test)]
mod tests;
mod transfer;

pub use client::Client;
pub use config::ClientConfig;
pub use fs::{FileId, RemoteFs};
pub use virtio::Error;
