//! Bringing logged metadata to its place.

use alloc::rc::Rc;

use block::BlockDevice;
use iomap::{Context, Errno};

use crate::events::Event;
use crate::format::journal::encode_header;
use crate::format::seal;
use crate::format::superblock::JOURNAL_AT;
use crate::lock::Known;
use crate::planted::Planted;
use crate::shutdown::ShutdownReason;
use crate::state::Core;
use crate::store::IoError;

impl<D: BlockDevice> Core<D> {
    /// Forces the log, then empties it. Everything that was written before is durable then, data in place too.
    ///
    /// # Errors
    /// As `log_force`; an error of a metadata write or of a flush shuts the filesystem down.
    pub(crate) fn checkpoint(&self, context: Context) -> Result<(), Errno> {
        self.log_force(context)?;
        let _guard = self.log_lock.acquire(self.tasks(), Known::LOG)?;
        let _seen = self.audit_log_lock(context);
        self.checkpoint_locked(context)
    }

    pub(super) fn checkpoint_locked(&self, context: Context) -> Result<(), Errno> {
        self.check_alive()?;
        let (images, tail) = {
            let state = self.state();
            (state.log.logged.clone(), state.log.head)
        };
        let broken = |error: IoError| {
            self.shut_down(ShutdownReason::MetadataIo(error));
            Errno::EIO
        };
        if tail == self.state().log.tail {
            if self.plant.has(Planted::UnmountWithoutFlush) {
                return Ok(());
            }
            // Data may have been written in place since the last flush, without any metadata.
            return self.reserve.flush(&*self.device).map_err(broken);
        }
        let blocks = u32::try_from(images.len()).unwrap_or(u32::MAX);
        self.emit(Event::Checkpoint { context, tail, blocks });
        let content = images.iter().map(|(block, image)| (*block, &**image));
        self.write_alive(content, false, broken)?;
        self.check_alive()?;
        if !self.plant.has(Planted::CheckpointWithoutFlush) {
            self.reserve.flush(&*self.device).map_err(broken)?;
        }
        self.check_alive()?;
        let mut header = encode_header(&self.layout, tail);
        seal(&mut header, tail);
        let record = [(JOURNAL_AT, &header)];
        self.write_alive(record, true, |error| self.log_broken(error))?;
        let state = &mut *self.state();
        state.log.tail = tail;
        state.log.logged.clear();
        for (block, image) in images {
            // A pending image is newer, and a freed block is none any more.
            if state.log.newest(block).is_none() && !state.log.is_revoked(block) {
                state.cache.put(block, Rc::clone(&image));
            }
        }
        Ok(())
    }
}
