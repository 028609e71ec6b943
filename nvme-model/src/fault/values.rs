//! The values that words take.

use nvme_spec::{AdminOpcode, NvmOpcode, Status, StatusCode};

use super::delay::{Bucket, Distribution};
use super::payload::{BytePattern, Flip, Notice, Torn};
use super::rule::{OpClass, Probability, Transition, Within};
use super::time::{positive_time, time};
use super::words::{Complaint, op_names};

pub(super) fn op(value: &str) -> Result<OpClass, Complaint> {
    Ok(match value {
        "any" => OpClass::Any,
        "io" => OpClass::AnyIo,
        "admin" => OpClass::AnyAdmin,
        name => named_op(name)
            .or_else(|| numbered_op(name))
            .ok_or_else(|| Complaint { problem: "unknown command".into(), known: op_names() })?,
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
    let opcode = u8::from_str_radix(opcode, 16).ok()?;
    match set {
        "io" => Some(OpClass::Io(NvmOpcode(opcode))),
        "admin" => Some(OpClass::Admin(AdminOpcode(opcode))),
        _ => None,
    }
}

/// A number, decimal or with `0x`; `_` may separate digits.
pub(super) fn number(value: &str) -> Result<u64, Complaint> {
    let digits = value.replace('_', "");
    let parsed = match digits.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => digits.parse(),
    };
    parsed.map_err(|_| Complaint::new("expected a number such as 12 or 0x1f"))
}

pub(super) fn positive(value: &str) -> Result<u64, Complaint> {
    match number(value)? {
        0 => Err(Complaint::new("expected a number from 1")),
        number => Ok(number),
    }
}

pub(super) fn small<T: TryFrom<u64> + Into<u64> + Copy>(
    value: &str,
    max: T,
) -> Result<T, Complaint> {
    let number = number(value)?;
    let too_large = || Complaint::new(format!("expected a number of at most {:#x}", max.into()));
    if number > max.into() {
        return Err(too_large());
    }
    T::try_from(number).map_err(|_| too_large())
}

/// `FIRST..END` or a single one, of blocks or whatever `thing` says.
pub(super) fn range(value: &str, thing: &str) -> Result<std::ops::Range<u64>, Complaint> {
    let expected =
        || Complaint::new(format!("expected {thing}s as FIRST..END, not empty, or one {thing}"));
    let range = match value.split_once("..") {
        Some((first, end)) => number(first)?..number(end)?,
        None => {
            let first = number(value)?;
            first..first.checked_add(1).ok_or_else(expected)?
        }
    };
    if range.is_empty() { Err(expected()) } else { Ok(range) }
}

/// A decimal fraction from 0 to 1, exact to nine places.
pub(super) fn chance(value: &str) -> Result<Probability, Complaint> {
    let expected = || Complaint::new("expected a chance from 0 to 1 such as 0.25");
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) || fraction.len() > 9 {
        return Err(expected());
    }
    let digits = format!("{whole}{fraction:0<9}");
    let parts_per_billion: u32 = digits.parse().map_err(|_| expected())?;
    if parts_per_billion > 1_000_000_000 {
        return Err(expected());
    }
    Ok(Probability { parts_per_billion })
}

/// A status by name, or by type and code in hexadecimal such as `7/c1`.
pub(super) fn status(value: &str) -> Result<Status, Complaint> {
    if let Some(code) = StatusCode::from_name(value) {
        return Ok(code.into());
    }
    let numbers = value.split_once('/').and_then(|(sct, sc)| {
        let sct = u8::from_str_radix(sct, 16).ok().filter(|sct| *sct < 8)?;
        Some(StatusCode::new(sct, u8::from_str_radix(sc, 16).ok()?))
    });
    numbers.map(Status::from).ok_or_else(|| Complaint {
        problem: "unknown status (type/code in hexadecimal works, too)".into(),
        known: nvme_spec::status::NAMED.iter().map(|(_, name)| *name).collect(),
    })
}

/// `OFFSET^XOR`.
pub(super) fn flip(value: &str) -> Result<Flip, Complaint> {
    let expected =
        || Complaint::new("expected OFFSET^XOR with a XOR from 1 to 0xff, such as 16^0x80");
    let (offset, xor) = value.split_once('^').ok_or_else(expected)?;
    let (offset, xor) = (number(offset)?, small(xor, u8::MAX)?);
    if xor == 0 { Err(expected()) } else { Ok(Flip { offset, xor }) }
}

/// `OFFSET:BYTES` or `OFFSET:BYTES/MASK`, bytes and mask in hexadecimal.
pub(super) fn pattern(value: &str) -> Result<BytePattern, Complaint> {
    let expected = || Complaint::new("expected OFFSET:BYTES or OFFSET:BYTES/MASK such as 40:ff00");
    let (offset, bytes) = value.split_once(':').ok_or_else(expected)?;
    let offset = number(offset)?;
    let (text, mask) = match bytes.split_once('/') {
        Some((bytes, mask)) => (bytes, Some(mask)),
        None => (bytes, None),
    };
    let value = hex(text).filter(|bytes| !bytes.is_empty()).ok_or_else(expected)?;
    let mask = match mask {
        Some(mask) => hex(mask).filter(|mask| mask.len() == value.len()).ok_or_else(expected)?,
        None => vec![0xff; value.len()],
    };
    if offset.checked_add(value.len() as u64).is_none() {
        return Err(expected());
    }
    Ok(BytePattern { offset, value, mask })
}

/// A pattern in the 64 bytes of an entry.
pub(super) fn sqe_pattern(value: &str) -> Result<BytePattern, Complaint> {
    let found = pattern(value)?;
    let end = found.offset.saturating_add(found.value.len() as u64);
    if end > nvme_spec::SQE_BYTES as u64 {
        return Err(Complaint::new("the pattern reaches past the entry's 64 bytes"));
    }
    Ok(found)
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

/// The number of a block.
pub(super) fn block(value: &str) -> Result<u64, Complaint> {
    number(value)
}

/// Blocks, or bytes with a `B`.
pub(super) fn torn(value: &str) -> Result<Torn, Complaint> {
    let expected = || Complaint::new("expected blocks such as 2, or bytes such as 700B");
    match value.strip_suffix('B') {
        Some(bytes) => number(bytes).map(Torn::Bytes).map_err(|_| expected()),
        None => small(value, u32::MAX).map(Torn::Blocks).map_err(|_| expected()),
    }
}

/// A decimal fraction above 0 in millionths.
fn millionths(value: &str) -> Option<u32> {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) || fraction.len() > 6 {
        return None;
    }
    let ppm: u32 = format!("{whole}{fraction:0<6}").parse().ok()?;
    (1..=DISTRIBUTION_PPM_MAX).contains(&ppm).then_some(ppm)
}

/// A sigma or an alpha of 100: more is either no time at all or beyond all times.
const DISTRIBUTION_PPM_MAX: u32 = 100_000_000;

/// `NAME(PARAMETER,...)`.
pub(super) fn distribution(value: &str) -> Result<Distribution, Complaint> {
    let expected = || Complaint {
        problem:
            "expected a time or a distribution, with ordered times and numbers above 0 up to 100"
                .into(),
        known: DISTRIBUTIONS.to_vec(),
    };
    let (name, parameters) =
        value.strip_suffix(')').and_then(|text| text.split_once('(')).ok_or_else(expected)?;
    let parameters: Vec<&str> = parameters.split(',').collect();
    let found = match (name, parameters.as_slice()) {
        ("uniform", [min, max]) => Distribution::Uniform { min_ns: time(min)?, max_ns: time(max)? },
        ("normal", [mean, deviation]) => {
            Distribution::Normal { mean_ns: time(mean)?, deviation_ns: time(deviation)? }
        }
        ("lognormal", [median, sigma]) => Distribution::Lognormal {
            median_ns: time(median)?,
            sigma_ppm: millionths(sigma).ok_or_else(expected)?,
        },
        ("pareto", [min, alpha]) => Distribution::Pareto {
            min_ns: time(min)?,
            alpha_ppm: millionths(alpha).ok_or_else(expected)?,
        },
        ("burst", [delay, length, period]) => Distribution::Burst {
            delay_ns: time(delay)?,
            length: positive(length)?,
            period: positive(period)?,
        },
        ("gc", [length, period]) => {
            Distribution::Gc { length_ns: time(length)?, period_ns: positive_time(period)? }
        }
        ("histogram", buckets) => {
            let buckets: Result<Vec<Bucket>, Complaint> = buckets.iter().map(bucket).collect();
            Distribution::Histogram(buckets?)
        }
        _ => return Err(expected()),
    };
    let is_ordered = match &found {
        Distribution::Uniform { min_ns, max_ns } => min_ns <= max_ns,
        Distribution::Burst { length, period, .. } => length <= period,
        Distribution::Gc { length_ns, period_ns } => length_ns <= period_ns,
        _ => true,
    };
    is_ordered.then_some(found).ok_or_else(expected)
}

/// `TIME:WEIGHT`.
fn bucket(text: &&str) -> Result<Bucket, Complaint> {
    let expected = || Complaint::new("expected TIME:WEIGHT with a weight from 1, such as 80us:90");
    let (delay, weight) = text.split_once(':').ok_or_else(expected)?;
    let weight = small(weight, u32::MAX).ok().filter(|weight| *weight > 0).ok_or_else(expected)?;
    Ok(Bucket { delay_ns: time(delay)?, weight })
}

/// What delays can be like.
pub(super) const DISTRIBUTIONS: [&str; 7] = [
    "uniform(MIN,MAX)",
    "normal(MEAN,DEVIATION)",
    "lognormal(MEDIAN,SIGMA)",
    "pareto(MIN,ALPHA)",
    "burst(TIME,LENGTH,PERIOD)",
    "gc(TIME,PERIOD)",
    "histogram(TIME:WEIGHT,...)",
];

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
    let numbers: Option<Vec<u8>> =
        value.split('/').map(|part| u8::from_str_radix(part, 16).ok()).collect();
    match numbers.as_deref() {
        Some([event_type @ 0..8, info, log_page]) => Ok(notice_of(*event_type, *info, *log_page)),
        _ => Err(Complaint {
            problem: "unknown event (TYPE/INFO/PAGE in hexadecimal works, too)".into(),
            known: NOTICES.iter().map(|(name, _)| *name).collect(),
        }),
    }
}

/// A time, or a count of matches.
pub(super) fn within(value: &str) -> Result<Within, Complaint> {
    let expected = || Complaint::new("expected a time such as 5ms, or a count of matches from 1");
    if let Ok(ns) = positive_time(value) {
        return Ok(Within::Ns(ns));
    }
    positive(value).map(Within::Matches).map_err(|_| expected())
}

/// A name of a rule or of a state: what stays one word in every form of text.
pub(super) fn name(value: &str) -> Result<String, Complaint> {
    let is_good = |c: char| c.is_ascii_alphanumeric() || "-_.:/".contains(c);
    if !value.is_empty() && value.chars().all(is_good) {
        return Ok(value.into());
    }
    Err(Complaint::new("expected a name of letters, digits and - _ . : /"))
}
