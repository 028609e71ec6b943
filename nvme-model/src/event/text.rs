//! Events as lines in fixed columns: the event's word first, padded to twelve, then its fields.

use core::fmt;

use nvme_spec::{AdminOpcode, NvmOpcode};

use super::{BlockFate, Event, FatalCause};

fn opcode_name(sqid: u16, opcode: u8) -> &'static str {
    let name = if sqid == nvme_spec::ADMIN_QID {
        AdminOpcode(opcode).name()
    } else {
        NvmOpcode(opcode).name()
    };
    name.unwrap_or("unknown")
}

impl FatalCause {
    /// The cause in words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BadConfiguration => "bad-configuration",
            Self::SqFetch => "sq-fetch",
            Self::CqPost => "cq-post",
            Self::Injected => "injected",
            Self::KeepAliveExpired => "keep-alive-expired",
        }
    }
}

impl fmt::Display for BlockFate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost => f.write_str("lost"),
            Self::Kept => f.write_str("kept"),
            Self::Torn { bytes } => write!(f, "torn={bytes}B"),
            Self::Garbage => f.write_str("garbage"),
        }
    }
}

/// A line about a range of blocks.
fn range(
    f: &mut fmt::Formatter<'_>,
    word: &str,
    nsid: u32,
    lba: u64,
    blocks: u64,
    order: Option<u64>,
) -> fmt::Result {
    write!(f, "{word:<12} nsid={nsid:<3x} lba={lba:#x} blocks={blocks}")?;
    order.map_or(Ok(()), |order| write!(f, " order={order}"))
}

impl Event {
    /// The events about commands.
    fn fmt_command(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Fetch { sqid, cid, opcode, nsid, slba, blocks } => {
                let name = opcode_name(sqid, opcode);
                write!(f, "fetch        sq={sqid:<3} cid={cid:04x} {opcode:02x} {name:<20} ")?;
                write!(f, "nsid={nsid:<3x} slba={slba:#x} blocks={blocks}")
            }
            Self::Complete { cqid, sqid, cid, status, dw0 } => {
                write!(f, "complete     cq={cqid:<3} sq={sqid:<3} cid={cid:04x} ")?;
                write!(f, "dw0={dw0:#x} {status}")
            }
            // `fmt` asks about no other.
            _ => Ok(()),
        }
    }

    /// The events about blocks.
    fn fmt_blocks(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::MediaRead { nsid, lba, blocks } => {
                range(f, "media-read", nsid, lba, blocks.into(), None)
            }
            Self::MediaWrite { nsid, lba, blocks } => {
                range(f, "media-write", nsid, lba, blocks.into(), None)
            }
            Self::MediaDiscard { nsid, lba, blocks } => {
                range(f, "media-zero", nsid, lba, blocks, None)
            }
            Self::CacheStore { nsid, lba, blocks, order } => {
                range(f, "cache-store", nsid, lba, blocks.into(), Some(order))
            }
            Self::CacheEvict { nsid, lba, blocks, order } => {
                range(f, "cache-evict", nsid, lba, blocks.into(), Some(order))
            }
            // `fmt` asks about no other.
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::RegisterWrite { offset, value } => match value {
                Some(value) => write!(f, "reg-write    {offset:#05x} = {value:#x}"),
                None => write!(f, "reg-write    {offset:#05x} = (address)"),
            },
            Self::SqDoorbell { sqid, tail } => write!(f, "sq-doorbell  sq={sqid:<3} tail={tail}"),
            Self::CqDoorbell { cqid, head } => write!(f, "cq-doorbell  cq={cqid:<3} head={head}"),
            Self::Status { csts } => write!(f, "csts         {csts:#04x}"),
            Self::Fetch { .. } | Self::Complete { .. } => self.fmt_command(f),
            Self::MediaRead { .. }
            | Self::MediaWrite { .. }
            | Self::MediaDiscard { .. }
            | Self::CacheStore { .. }
            | Self::CacheEvict { .. } => self.fmt_blocks(f),
            Self::Flush { nsid, blocks } => {
                write!(f, "flush        nsid={nsid:<3x} blocks={blocks}")
            }
            Self::Interrupt { vector } => write!(f, "interrupt    vector={vector}"),
            Self::AsyncEvent { event_type, info, log_page } => {
                write!(f, "async-event  type={event_type} info={info} log={log_page:#04x}")
            }
            Self::Fatal { cause } => write!(f, "fatal        {}", cause.name()),
            Self::Fault { rule, command, action, fired } => {
                write!(f, "fault        rule={rule} command={command} {action} fired={fired}")
            }
            Self::Reset { lost_commands } => write!(f, "reset        lost={lost_commands}"),
            Self::PowerCut { lost_blocks, lost_commands } => {
                write!(f, "power-cut    lost={lost_commands} lost_blocks={lost_blocks}")
            }
            Self::PowerLoss { nsid, lba, blocks, order, fate } => {
                range(f, "power-loss", nsid, lba, blocks.into(), Some(order))?;
                write!(f, " {fate}")
            }
            Self::Namespace { nsid, blocks } => {
                write!(f, "namespace    nsid={nsid:<3x} blocks={blocks}")
            }
            Self::Removed => f.write_str("removed"),
            Self::PowerLost => f.write_str("power-lost"),
            Self::Finding { kind, queue, value } => {
                write!(f, "finding      {kind} queue={queue} value={value:#x}")
            }
            Self::LateTransfer { command } => write!(f, "late-dma     command={command}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nvme_spec::Status;

    #[test]
    fn a_line_reads_like_the_standard() {
        let fetch = Event::Fetch { sqid: 1, cid: 0x1f, opcode: 2, nsid: 1, slba: 64, blocks: 8 };
        assert_eq!(
            fetch.to_string(),
            "fetch        sq=1   cid=001f 02 read                 nsid=1   slba=0x40 blocks=8"
        );
        let complete =
            Event::Complete { cqid: 1, sqid: 1, cid: 0x1f, status: Status::SUCCESS, dw0: 0 };
        assert_eq!(
            complete.to_string(),
            "complete     cq=1   sq=1   cid=001f dw0=0x0 generic/success"
        );
    }

    #[test]
    fn an_address_never_shows() {
        let event = Event::RegisterWrite { offset: 0x28, value: None };
        assert_eq!(event.to_string(), "reg-write    0x028 = (address)");
    }
}
