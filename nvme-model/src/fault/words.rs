//! The vocabulary of rules: which words there are, and how each changes the rule being built.
//!
//! The one-line form and the TOML form share it, so a word means the same in both.

use nvme_spec::{AdminOpcode, NvmOpcode, Status, StatusCode};

use super::rule::{Action, Match, OpClass, Phase, Probability, Rule, SqeMask, Until, When};

/// The part of a rule that a word belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Match,
    When,
    Do,
    Until,
}

/// What is wrong with a word, and what could have been there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    pub(super) problem: String,
    pub(super) known: Vec<&'static str>,
}

impl Complaint {
    fn new(problem: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
            known: Vec::new(),
        }
    }
}

/// Words before the arrow that take no value.
const OP_WORDS: [&str; 3] = ["any", "io", "admin"];
pub(super) const MATCH_KEYS: &[&str] = &["name", "op", "queue", "nsid", "lba", "sqe", "phase"];
pub(super) const WHEN_KEYS: &[&str] = &["nth", "every", "chance", "from", "to", "after"];
pub(super) const DO_KEYS: &[&str] = &[
    "status",
    "dnr",
    "more",
    "crd",
    "delay",
    "drop",
    "hang",
    "corrupt",
    "lost-write",
    "cfs",
    "remove",
    "duplicate",
    "wrong-cid",
    "lost-interrupt",
    "ignore-abort",
];
pub(super) const UNTIL_KEYS: &[&str] = &["count", "before", "until-reset"];

/// Words that are either there or not.
const FLAGS: [&str; 11] = [
    "dnr",
    "more",
    "drop",
    "hang",
    "lost-write",
    "cfs",
    "remove",
    "duplicate",
    "lost-interrupt",
    "ignore-abort",
    "until-reset",
];

impl Section {
    pub(super) fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Match => MATCH_KEYS,
            Self::When => WHEN_KEYS,
            Self::Do => DO_KEYS,
            Self::Until => UNTIL_KEYS,
        }
    }
}

/// Every word that names opcodes.
pub(super) fn op_names() -> Vec<&'static str> {
    let io = NvmOpcode::NAMED.iter().map(|(_, name)| *name);
    let admin = AdminOpcode::NAMED.iter().map(|(_, name)| *name);
    OP_WORDS.into_iter().chain(io).chain(admin).collect()
}

/// A rule that is being put together.
#[derive(Clone, Debug, Default)]
pub(super) struct Builder {
    name: Option<String>,
    matcher: Match,
    phase: Option<Phase>,
    when: When,
    action: Option<Action>,
    dnr: bool,
    more: bool,
    crd: Option<u8>,
    until: Until,
    seen: Vec<String>,
}

impl Builder {
    /// Takes a word of a section with its value (empty for a flag).
    pub(super) fn apply(
        &mut self,
        section: Section,
        key: &str,
        value: Option<&str>,
    ) -> Result<(), Complaint> {
        if !section.keys().contains(&key) {
            let known = section.keys().to_vec();
            return Err(Complaint {
                problem: "unknown word".into(),
                known,
            });
        }
        if self.seen.iter().any(|seen| seen == key) {
            return Err(Complaint::new("given twice"));
        }
        self.seen.push(key.into());
        let value = match (value, FLAGS.contains(&key)) {
            (None, true) => "",
            (Some(value), false) if !value.is_empty() => value,
            (_, true) => return Err(Complaint::new("takes no value")),
            (_, false) => return Err(Complaint::new(format!("needs a value: {key}=..."))),
        };
        match section {
            Section::Match => self.apply_match(key, value),
            Section::When => self.apply_when(key, value),
            Section::Do => self.apply_do(key, value),
            Section::Until => self.apply_until(key, value),
        }
    }

    fn apply_match(&mut self, key: &str, value: &str) -> Result<(), Complaint> {
        match key {
            "name" => self.name = Some(value.into()),
            "op" => self.matcher.op = op(value)?,
            "queue" => self.matcher.queue = Some(small(value, u16::MAX)?),
            "nsid" => self.matcher.nsid = Some(small(value, u32::MAX)?),
            "lba" => self.matcher.lba = Some(range(value)?),
            "sqe" => self.matcher.sqe = Some(sqe_mask(value)?),
            _ => {
                self.phase = Some(match value {
                    "submission" => Phase::Submission,
                    "completion" => Phase::Completion,
                    _ => {
                        let known = vec!["submission", "completion"];
                        return Err(Complaint {
                            problem: "unknown phase".into(),
                            known,
                        });
                    }
                });
            }
        }
        Ok(())
    }

    fn apply_when(&mut self, key: &str, value: &str) -> Result<(), Complaint> {
        match key {
            "nth" => self.when.nth = Some(positive(value)?),
            "every" => self.when.every = Some(positive(value)?),
            "chance" => self.when.chance = Some(chance(value)?),
            "from" => self.when.from_ns = Some(time(value)?),
            "to" => self.when.to_ns = Some(time(value)?),
            _ => self.when.after = Some(value.into()),
        }
        Ok(())
    }

    fn apply_do(&mut self, key: &str, value: &str) -> Result<(), Complaint> {
        let action = match key {
            "dnr" => {
                self.dnr = true;
                return Ok(());
            }
            "more" => {
                self.more = true;
                return Ok(());
            }
            "crd" => {
                self.crd = Some(small(value, 3)?);
                return Ok(());
            }
            "status" => Action::Status(status(value)?),
            "delay" => Action::Delay(time(value)?),
            "drop" => Action::Drop,
            "hang" => Action::Hang,
            "corrupt" => corrupt(value)?,
            "lost-write" => Action::LostWrite,
            "cfs" => Action::Cfs,
            "remove" => Action::Remove,
            "duplicate" => Action::Duplicate,
            "wrong-cid" => Action::WrongCid(small(value, u16::MAX)?),
            "lost-interrupt" => Action::LostInterrupt,
            _ => Action::IgnoreAbort,
        };
        match self.action.replace(action) {
            None => Ok(()),
            Some(first) => {
                let first = first.kind().name();
                Err(Complaint::new(format!(
                    "a rule does one thing, this one does {first} already"
                )))
            }
        }
    }

    fn apply_until(&mut self, key: &str, value: &str) -> Result<(), Complaint> {
        match key {
            "count" => self.until.count = Some(positive(value)?),
            "before" => self.until.time_ns = Some(time(value)?),
            _ => self.until.is_until_reset = true,
        }
        Ok(())
    }

    /// The rule, if it is complete and its parts go together.
    pub(super) fn finish(self) -> Result<Rule, Complaint> {
        let Some(mut action) = self.action else {
            let known = DO_KEYS.to_vec();
            return Err(Complaint {
                problem: "the rule does nothing".into(),
                known,
            });
        };
        match &mut action {
            Action::Status(status) => {
                let crd = self.crd.unwrap_or(0);
                *status = status.with_dnr(self.dnr).with_more(self.more).with_crd(crd);
            }
            _ if self.dnr || self.more || self.crd.is_some() => {
                return Err(Complaint::new("dnr, more and crd go with status only"));
            }
            _ => {}
        }
        let (default_phase, has_choice) = action.default_phase();
        let phase = self.phase.unwrap_or(default_phase);
        if phase != default_phase && !has_choice {
            let name = action.kind().name();
            let only = if default_phase == Phase::Submission {
                "submission"
            } else {
                "completion"
            };
            return Err(Complaint::new(format!("{name} works at {only} only")));
        }
        if self
            .when
            .nth
            .is_some_and(|_| self.until.count.is_some_and(|count| count > 1))
        {
            return Err(Complaint::new(
                "nth fires once, so count cannot be more than 1",
            ));
        }
        let Self {
            name,
            matcher,
            when,
            until,
            ..
        } = self;
        Ok(Rule {
            name,
            matcher,
            phase,
            when,
            action,
            until,
        })
    }
}

fn op(value: &str) -> Result<OpClass, Complaint> {
    Ok(match value {
        "any" => OpClass::Any,
        "io" => OpClass::AnyIo,
        "admin" => OpClass::AnyAdmin,
        name => match (NvmOpcode::from_name(name), AdminOpcode::from_name(name)) {
            (Some(opcode), _) => OpClass::Io(opcode),
            (None, Some(opcode)) => OpClass::Admin(opcode),
            (None, None) => {
                return Err(Complaint {
                    problem: "unknown command".into(),
                    known: op_names(),
                });
            }
        },
    })
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

fn positive(value: &str) -> Result<u64, Complaint> {
    match number(value)? {
        0 => Err(Complaint::new("expected a number from 1")),
        number => Ok(number),
    }
}

fn small<T: TryFrom<u64> + Into<u64> + Copy>(value: &str, max: T) -> Result<T, Complaint> {
    let number = number(value)?;
    let too_large = || Complaint::new(format!("expected a number of at most {:#x}", max.into()));
    if number > max.into() {
        return Err(too_large());
    }
    T::try_from(number).map_err(|_| too_large())
}

/// `FIRST..END` or a single block.
fn range(value: &str) -> Result<std::ops::Range<u64>, Complaint> {
    let expected = || Complaint::new("expected blocks as FIRST..END, not empty, or one block");
    let range = match value.split_once("..") {
        Some((first, end)) => number(first)?..number(end)?,
        None => {
            let first = number(value)?;
            first..first.checked_add(1).ok_or_else(expected)?
        }
    };
    if range.is_empty() {
        Err(expected())
    } else {
        Ok(range)
    }
}

/// A time: a number with ns, us, ms or s.
fn time(value: &str) -> Result<u64, Complaint> {
    let units = [
        ("ns", 1),
        ("us", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000_u64),
    ];
    let unit = units
        .iter()
        .find_map(|(unit, ns)| Some((value.strip_suffix(unit)?, *ns)));
    let expected = || Complaint::new("expected a time with its unit (ns, us, ms, s) such as 50us");
    let (count, ns) = unit.ok_or_else(expected)?;
    number(count)
        .ok()
        .and_then(|count| count.checked_mul(ns))
        .ok_or_else(expected)
}

/// A decimal fraction from 0 to 1, exact to nine places.
fn chance(value: &str) -> Result<Probability, Complaint> {
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
fn status(value: &str) -> Result<Status, Complaint> {
    if let Some(code) = StatusCode::from_name(value) {
        return Ok(code.into());
    }
    let numbers = value.split_once('/').and_then(|(sct, sc)| {
        let sct = u8::from_str_radix(sct, 16).ok().filter(|sct| *sct < 8)?;
        Some(StatusCode::new(sct, u8::from_str_radix(sc, 16).ok()?))
    });
    numbers.map(Status::from).ok_or_else(|| Complaint {
        problem: "unknown status (type/code in hexadecimal works, too)".into(),
        known: nvme_spec::status::NAMED
            .iter()
            .map(|(_, name)| *name)
            .collect(),
    })
}

/// `OFFSET^XOR`.
fn corrupt(value: &str) -> Result<Action, Complaint> {
    let expected =
        || Complaint::new("expected OFFSET^XOR with a XOR from 1 to 0xff, such as 16^0x80");
    let (offset, xor) = value.split_once('^').ok_or_else(expected)?;
    let (offset, xor) = (number(offset)?, small(xor, u8::MAX)?);
    if xor == 0 {
        Err(expected())
    } else {
        Ok(Action::Corrupt { offset, xor })
    }
}

/// `OFFSET:VALUE` or `OFFSET:VALUE/MASK`, value and mask as bytes in hexadecimal.
fn sqe_mask(value: &str) -> Result<SqeMask, Complaint> {
    let expected = || {
        Complaint::new(
            "expected OFFSET:BYTES or OFFSET:BYTES/MASK within 64 bytes, such as 40:ff00",
        )
    };
    let (offset, bytes) = value.split_once(':').ok_or_else(expected)?;
    let offset: u8 = small(offset, 63)?;
    let (bytes, mask) = match bytes.split_once('/') {
        Some((bytes, mask)) => (
            hex(bytes).ok_or_else(expected)?,
            hex(mask).ok_or_else(expected)?,
        ),
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
    Ok(SqeMask {
        offset,
        value: bytes,
        mask,
    })
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect()
}
