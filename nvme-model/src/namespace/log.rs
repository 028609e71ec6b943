//! A namespace's part in the write log.

use std::sync::Arc;

use super::{Durability, Namespace};
use crate::BlockBytes;
use crate::crash::{Change, Content, Op, Step, WriteLog};
use crate::media::MediaError;

impl Namespace {
    pub(crate) fn start_log(&mut self) -> Result<(), MediaError> {
        let mut log = WriteLog::new(Arc::from(self.media.snapshot()), self.atomicity);
        for step in self.cache.steps() {
            log.record(match step {
                Step::Open(Change { slba, blocks, content, .. }) => {
                    Op::Change { slba, blocks, content, is_durable: false }
                }
                // The media has them already; they are here for what they hide.
                Step::Settled(range) => {
                    let blocks = range.end.saturating_sub(range.start);
                    let bytes = usize::try_from(blocks).unwrap_or(0).saturating_mul(self.chunk());
                    let mut data = vec![0; bytes];
                    self.media.read(range.start, &mut data)?;
                    let content = Content::Bytes(data.into());
                    Op::Change { slba: range.start, blocks, content, is_durable: true }
                }
            })?;
        }
        self.log = Some(log);
        self.is_logging = true;
        Ok(())
    }

    /// Records bytes that were stored.
    pub(super) fn log_write(
        &mut self,
        slba: u64,
        data: &BlockBytes,
        durability: Durability,
    ) -> Result<(), MediaError> {
        if !self.is_logging {
            return Ok(());
        }
        let is_durable = durability != Durability::Cached;
        let (blocks, content) = (self.blocks_of(data.len()), Content::Bytes(data.clone()));
        self.log_op(Op::Change { slba, blocks, content, is_durable })
    }

    /// Records what the current command did.
    pub(super) fn log_op(&mut self, op: Op) -> Result<(), MediaError> {
        let Some(log) = self.log.as_mut().filter(|_| self.is_logging) else {
            return Ok(());
        };
        let ticket = log.take_command(self.command);
        log.complete(ticket, Some(op))
    }
}
