//! The forms that values have: how each is read, shown and described.

use std::fmt;

use nvme_spec::Status;

use super::delay::Distribution;
use super::error::Complaint;
use super::payload::{BytePattern, DmaTarget, Flip, Notice, PhaseFault, Torn};
use super::{distributions, number, time, values};

/// The text of a value in both directions.
pub(super) struct Form<T> {
    /// What a value looks like.
    pub(super) hint: &'static str,
    /// Whether the form is meant, where a word takes more than one.
    pub(super) fits: fn(&str) -> bool,
    pub(super) parse: fn(&str) -> Result<T, Complaint>,
    pub(super) show: fn(&T, &mut fmt::Formatter<'_>) -> fmt::Result,
}

const ALWAYS: fn(&str) -> bool = |_| true;

pub(super) const NONE: Form<()> =
    Form { hint: "", fits: ALWAYS, parse: |_| Ok(()), show: |(), _| Ok(()) };

pub(super) const STATUS: Form<Status> = Form {
    hint: "TYPE/NAME",
    fits: ALWAYS,
    parse: values::status,
    show: |status, f| write!(f, "{status}"),
};

pub(super) const TIME: Form<u64> = Form {
    hint: "TIME",
    // What has parameters is a distribution.
    fits: |value| !value.contains('('),
    parse: time::time,
    show: |ns, f| write!(f, "{}", time::Time(*ns)),
};

pub(super) const POSITIVE_TIME: Form<u64> = Form { parse: time::positive_time, ..TIME };

pub(super) const DISTRIBUTION: Form<Distribution> = Form {
    hint: "NAME(...)",
    fits: |value| value.contains('('),
    parse: distributions::distribution,
    show: |distribution, f| write!(f, "{distribution}"),
};

pub(super) const FLIP: Form<Flip> = Form {
    hint: "OFFSET^XOR",
    fits: ALWAYS,
    parse: values::flip,
    show: |Flip { offset, xor }, f| write!(f, "{offset}^{xor:#x}"),
};

pub(super) const PATTERN: Form<BytePattern> = Form {
    hint: "OFFSET:BYTES[/MASK]",
    fits: ALWAYS,
    parse: values::pattern,
    show: |pattern, f| write!(f, "{pattern}"),
};

pub(super) const TORN: Form<Torn> = Form {
    hint: "BLOCKS|BYTESB",
    fits: ALWAYS,
    parse: values::torn,
    show: |torn, f| match torn {
        Torn::Blocks(blocks) => write!(f, "{blocks}"),
        Torn::Bytes(bytes) => write!(f, "{bytes}B"),
    },
};

pub(super) const STATE: Form<String> =
    Form { hint: "STATE", fits: ALWAYS, parse: values::name, show: |state, f| f.write_str(state) };

pub(super) const BLOCK: Form<u64> =
    Form { hint: "LBA", fits: ALWAYS, parse: number::number, show: |lba, f| write!(f, "{lba:#x}") };

pub(super) const BYTES: Form<u64> = Form {
    hint: "BYTES",
    fits: ALWAYS,
    parse: number::number,
    show: |bytes, f| write!(f, "{bytes}"),
};

pub(super) const WORD: Form<u16> = Form {
    hint: "NUMBER",
    fits: ALWAYS,
    parse: |value| number::small(value, u16::MAX),
    show: |number, f| write!(f, "{number:#x}"),
};

pub(super) const BYTE: Form<u8> = Form {
    hint: "BITS",
    fits: ALWAYS,
    parse: |value| number::small(value, u8::MAX),
    show: |number, f| write!(f, "{number:#x}"),
};

pub(super) const KELVIN: Form<u16> = Form {
    hint: "KELVIN",
    fits: ALWAYS,
    parse: |value| number::small(value, u16::MAX),
    show: |kelvin, f| write!(f, "{kelvin}"),
};

pub(super) const PHASE: Form<PhaseFault> = Form {
    hint: "inverted|frozen",
    fits: ALWAYS,
    parse: |value| {
        Ok(match value {
            "inverted" => PhaseFault::Inverted,
            "frozen" => PhaseFault::Frozen,
            _ => return Err(Complaint::choice("unknown phase fault", vec!["inverted", "frozen"])),
        })
    },
    show: |phase, f| {
        f.write_str(match phase {
            PhaseFault::Inverted => "inverted",
            PhaseFault::Frozen => "frozen",
        })
    },
};

pub(super) const DMA_TARGET: Form<DmaTarget> = Form {
    hint: "data|sqe|cqe",
    fits: ALWAYS,
    parse: |value| {
        Ok(match value {
            "data" => DmaTarget::Data,
            "sqe" => DmaTarget::Sqe,
            "cqe" => DmaTarget::Cqe,
            _ => return Err(Complaint::choice("unknown transfer", vec!["data", "sqe", "cqe"])),
        })
    },
    show: |target, f| {
        f.write_str(match target {
            DmaTarget::Data => "data",
            DmaTarget::Sqe => "sqe",
            DmaTarget::Cqe => "cqe",
        })
    },
};

pub(super) const NOTICE: Form<Notice> = Form {
    hint: "TYPE/NAME",
    fits: ALWAYS,
    parse: values::notice,
    show: |notice, f| match values::NOTICES.iter().find(|(_, named)| named == notice) {
        Some((name, _)) => f.write_str(name),
        None => {
            let Notice { event_type, info, log_page } = notice;
            write!(f, "{event_type:x}/{info:x}/{log_page:x}")
        }
    },
};
