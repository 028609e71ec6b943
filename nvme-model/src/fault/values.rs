//! The values that words take.

use nvme_spec::{AdminOpcode, NvmOpcode, Status, StatusCode};

use super::error::Complaint;
use super::number::{decimal, digits, hex_byte, positive, small};
use super::payload::{BytePattern, Flip, Notice, Torn};
use super::rule::{OpClass, Probability, Transition, Within};
use super::time::positive_time;
use super::words::op_names;

/// Not every command has a name.
const UNKNOWN_OP: &str = "unknown command (io/HH or admin/HH in hexadecimal works, too)";

pub(super) fn op(value: &str) -> Result<OpClass, Complaint> {
    Ok(match value {
        "any" => OpClass::Any,
        "io" => OpClass::AnyIo,
        "admin" => OpClass::AnyAdmin,
        name => named_op(name)
            .or_else(|| numbered_op(name))
            .ok_or_else(|| Complaint::choice(UNKNOWN_OP, op_names()))?,
    })
}

fn named_op(name: &str) -> Option<OpClass> {
    let io = || NvmOpcode::from_name(name).map(OpClass::Io);
    let admin = || AdminOpcode::from_name(name).map(OpClass::Admin);
    let mut transitions = Transition::NAMED.iter().filter(|(_, named)| *named == name);
    let transition = || transitions.next().map(|(transition, _)| OpClass::Transition(*transition));
    io().or_else(admin).or_else(transition)
}

/// `io/HH` or `admin/HH`: an opcode that may have no name.
fn numbered_op(text: &str) -> Option<OpClass> {
    let (set, opcode) = text.split_once('/')?;
    let opcode = hex_byte(opcode)?;
    match set {
        "io" => Some(OpClass::Io(NvmOpcode(opcode))),
        "admin" => Some(OpClass::Admin(AdminOpcode(opcode))),
        _ => None,
    }
}

/// A decimal fraction from 0 to 1, exact to nine places.
pub(super) fn chance(value: &str) -> Result<Probability, Complaint> {
    let parts = decimal(value, 9).filter(|parts| *parts <= 1_000_000_000);
    parts.map(|parts_per_billion| Probability { parts_per_billion }).ok_or_else(|| {
        Complaint::new("expected a chance from 0 to 1, with up to nine decimals, such as 0.25")
    })
}

/// A status by name, or by type and code in hexadecimal such as `7/c1`.
pub(super) fn status(value: &str) -> Result<Status, Complaint> {
    if let Some(code) = StatusCode::from_name(value) {
        return Ok(code.into());
    }
    let numbers = value.split_once('/').and_then(|(sct, sc)| {
        Some(StatusCode::new(hex_byte(sct).filter(|sct| *sct < 8)?, hex_byte(sc)?))
    });
    numbers.map(Status::from).ok_or_else(|| {
        let known = nvme_spec::status::NAMED.iter().map(|(_, name)| *name).collect();
        let problem = "unknown status (0..7/00..ff in hexadecimal, such as 7/c1, works, too)";
        Complaint::choice(problem, known)
    })
}

/// `OFFSET^XOR`.
pub(super) fn flip(value: &str) -> Result<Flip, Complaint> {
    let parts = value.split_once('^').and_then(|(offset, xor)| {
        let xor = digits(xor).and_then(|xor| u8::try_from(xor).ok()).filter(|xor| *xor > 0)?;
        Some(Flip { offset: digits(offset)?, xor })
    });
    parts.ok_or_else(|| {
        Complaint::new(
            "expected OFFSET^XOR: an offset from 0 to 2^64 - 1 and a XOR from 1 to 0xff, such as \
             16^0x80",
        )
    })
}

/// `OFFSET:BYTES` or `OFFSET:BYTES/MASK`, bytes and mask in hexadecimal, ending before `end` if there is one.
fn pattern_before(value: &str, end: Option<u64>) -> Option<BytePattern> {
    let (offset, bytes) = value.split_once(':')?;
    let (offset, (text, mask)) = (
        digits(offset)?,
        bytes.split_once('/').map_or((bytes, None), |(bytes, mask)| (bytes, Some(mask))),
    );
    let value = hex(text).filter(|bytes| !bytes.is_empty())?;
    let mask = match mask {
        Some(mask) => hex(mask).filter(|mask| mask.len() == value.len())?,
        None => vec![0xff; value.len()],
    };
    let last = offset.checked_add(value.len() as u64)?;
    (last <= end.unwrap_or(u64::MAX)).then_some(BytePattern { offset, value, mask })
}

/// A pattern anywhere.
pub(super) fn pattern(value: &str) -> Result<BytePattern, Complaint> {
    pattern_before(value, None).ok_or_else(|| {
        Complaint::new(
            "expected OFFSET:BYTES or OFFSET:BYTES/MASK, bytes and mask in hexadecimal and equally \
             long, ending below 2^64, such as 40:ff00",
        )
    })
}

/// A pattern in the 64 bytes of an entry.
pub(super) fn sqe_pattern(value: &str) -> Result<BytePattern, Complaint> {
    pattern_before(value, Some(nvme_spec::SQE_BYTES as u64)).ok_or_else(|| {
        Complaint::new(
            "expected OFFSET:BYTES or OFFSET:BYTES/MASK, bytes and mask in hexadecimal and equally \
             long, within the entry's 64 bytes, such as 40:ff00",
        )
    })
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

/// Blocks, or bytes with a `B`.
pub(super) fn torn(value: &str) -> Result<Torn, Complaint> {
    let torn = match value.strip_suffix('B') {
        Some(bytes) => digits(bytes).map(Torn::Bytes),
        None => small(value, u32::MAX).ok().map(Torn::Blocks),
    };
    torn.ok_or_else(|| {
        Complaint::new(
            "expected blocks from 0 to 4294967295 such as 2, or bytes from 0B to 2^64 - 1 such as \
             700B",
        )
    })
}

/// Events by name, or `TYPE/INFO/PAGE` in hexadecimal.
pub(super) const NOTICES: [(&str, Notice); 9] = [
    ("error/diagnostic-failure", notice_of(0, 2, 1)),
    ("error/persistent-internal", notice_of(0, 3, 1)),
    ("error/transient-internal", notice_of(0, 4, 1)),
    ("smart/reliability", notice_of(1, 0, 2)),
    ("smart/temperature", notice_of(1, 1, 2)),
    ("smart/spare", notice_of(1, 2, 2)),
    ("notice/namespace-changed", notice_of(2, 0, 4)),
    ("notice/firmware-activation", notice_of(2, 1, 3)),
    ("notice/telemetry-changed", notice_of(2, 2, 8)),
];

const fn notice_of(event_type: u8, info: u8, log_page: u8) -> Notice {
    Notice { event_type, info, log_page }
}

pub(super) fn notice(value: &str) -> Result<Notice, Complaint> {
    if let Some((_, notice)) = NOTICES.iter().find(|(name, _)| *name == value) {
        return Ok(*notice);
    }
    let numbers: Option<Vec<u8>> = value.split('/').map(hex_byte).collect();
    match numbers.as_deref() {
        Some([event_type @ 0..8, info, log_page]) => Ok(notice_of(*event_type, *info, *log_page)),
        _ => Err(Complaint::choice(
            "unknown event (TYPE/INFO/PAGE in hexadecimal, a type up to 7, works, too)",
            NOTICES.iter().map(|(name, _)| *name).collect(),
        )),
    }
}

/// A time, or a count of matches.
pub(super) fn within(value: &str) -> Result<Within, Complaint> {
    let ns = positive_time(value).ok().map(Within::Ns);
    ns.or_else(|| positive(value).ok().map(Within::Matches)).ok_or_else(|| {
        Complaint::new(
            "expected a time from 1ns with its unit (ns, us, ms, s) such as 5ms, or a count of \
             matches from 1",
        )
    })
}

/// A name of a rule or of a state: what stays one word in every form of text.
pub(super) fn name(value: &str) -> Result<String, Complaint> {
    let is_good = |c: char| c.is_ascii_alphanumeric() || "-_.:/".contains(c);
    if !value.is_empty() && value.chars().all(is_good) {
        return Ok(value.into());
    }
    Err(Complaint::new("expected a name of letters, digits and - _ . : /, such as first"))
}
