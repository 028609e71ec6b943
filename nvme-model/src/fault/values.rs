//! The values that words take.

use nvme_spec::{AdminOpcode, NvmOpcode, Status, StatusCode};

use super::action::{Action, Torn};
use super::delay::Distribution;
use super::rule::{OpClass, Probability, SqeMask, Transition};
use super::words::{Complaint, op_names};

pub(super) fn op(value: &str) -> Result<OpClass, Complaint> {
    Ok(match value {
        "any" => OpClass::Any,
        "io" => OpClass::AnyIo,
        "admin" => OpClass::AnyAdmin,
        name => named_op(name)
            .ok_or_else(|| Complaint { problem: "unknown command".into(), known: op_names() })?,
    })
}

fn named_op(name: &str) -> Option<OpClass> {
    let io = || NvmOpcode::from_name(name).map(OpClass::Io);
    let admin = || AdminOpcode::from_name(name).map(OpClass::Admin);
    let is_named = |transition: &Transition| transition.name() == name;
    let transition = || Transition::ALL.into_iter().find(is_named);
    io().or_else(admin).or_else(|| transition().map(OpClass::Transition))
}

/// A number, decimal or with `0x`; `_` may separate digits.
fn number(value: &str) -> Result<u64, Complaint> {
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

/// `FIRST..END` or a single block.
pub(super) fn range(value: &str) -> Result<std::ops::Range<u64>, Complaint> {
    let expected = || Complaint::new("expected blocks as FIRST..END, not empty, or one block");
    let range = match value.split_once("..") {
        Some((first, end)) => number(first)?..number(end)?,
        None => {
            let first = number(value)?;
            first..first.checked_add(1).ok_or_else(expected)?
        }
    };
    if range.is_empty() { Err(expected()) } else { Ok(range) }
}

/// A time: a number with ns, us, ms or s.
pub(super) fn time(value: &str) -> Result<u64, Complaint> {
    let units = [("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000_u64)];
    let unit = units.iter().find_map(|(unit, ns)| Some((value.strip_suffix(unit)?, *ns)));
    let expected = || Complaint::new("expected a time with its unit (ns, us, ms, s) such as 50us");
    let (count, ns) = unit.ok_or_else(expected)?;
    number(count).ok().and_then(|count| count.checked_mul(ns)).ok_or_else(expected)
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
pub(super) fn corrupt(value: &str) -> Result<Action, Complaint> {
    let expected =
        || Complaint::new("expected OFFSET^XOR with a XOR from 1 to 0xff, such as 16^0x80");
    let (offset, xor) = value.split_once('^').ok_or_else(expected)?;
    let (offset, xor) = (number(offset)?, small(xor, u8::MAX)?);
    if xor == 0 { Err(expected()) } else { Ok(Action::Corrupt { offset, xor }) }
}

/// `OFFSET:VALUE` or `OFFSET:VALUE/MASK`, value and mask as bytes in hexadecimal.
pub(super) fn sqe_mask(value: &str) -> Result<SqeMask, Complaint> {
    let expected = || {
        Complaint::new(
            "expected OFFSET:BYTES or OFFSET:BYTES/MASK within 64 bytes, such as 40:ff00",
        )
    };
    let (offset, bytes) = value.split_once(':').ok_or_else(expected)?;
    let offset: u8 = small(offset, 63)?;
    let (bytes, mask) = match bytes.split_once('/') {
        Some((bytes, mask)) => (hex(bytes).ok_or_else(expected)?, hex(mask).ok_or_else(expected)?),
        None => {
            let bytes = hex(bytes).ok_or_else(expected)?;
            let mask = vec![0xff; bytes.len()];
            (bytes, mask)
        }
    };
    let end = usize::from(offset).saturating_add(bytes.len());
    if bytes.is_empty() || mask.len() != bytes.len() || end > nvme_spec::SQE_BYTES {
        return Err(expected());
    }
    Ok(SqeMask { offset, value: bytes, mask })
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

/// A time that is not 0.
pub(super) fn positive_time(value: &str) -> Result<u64, Complaint> {
    match time(value)? {
        0 => Err(Complaint::new("expected a time from 1ns")),
        ns => Ok(ns),
    }
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
        _ => return Err(expected()),
    };
    let is_ordered = match found {
        Distribution::Uniform { min_ns, max_ns } => min_ns <= max_ns,
        Distribution::Burst { length, period, .. } => length <= period,
        _ => true,
    };
    is_ordered.then_some(found).ok_or_else(expected)
}

const DISTRIBUTIONS: [&str; 5] = [
    "uniform(MIN,MAX)",
    "normal(MEAN,DEVIATION)",
    "lognormal(MEDIAN,SIGMA)",
    "pareto(MIN,ALPHA)",
    "burst(TIME,LENGTH,PERIOD)",
];
