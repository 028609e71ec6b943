//! What is no value of a form, and what is allowed there.

use crate::fault::{KINDS, Rule, distributions};

type Bad = (&'static [&'static str], &'static str);

const NOT_U64: &[&str] = &["x", "-1", "1.5", "0x", "1_", "18446744073709551616"];
const NOT_U16: &[&str] = &["x", "-1", "1.5", "65536", "0x10000"];
const NOT_COUNTS: &[&str] = &["x", "0", "-1", "2.0", "18446744073709551616"];
const NOT_TIMES: &[&str] = &["5", "x", "us", "-1us", "1.5us", "5min", "18446744074s", "1 us"];
const NOT_NAMES: &[&str] = &["a+b", "a,b", "\u{e4}"];

/// Values of a form that are wrong, with the text of what is right. A form that is not here is new, and
/// has to be thought about.
pub(super) fn bad_values(word: &str, form: &str) -> Vec<Bad> {
    let one = |values, allowed| vec![(values, allowed)];
    match form {
        "NAME" | "STATE" => one(NOT_NAMES, "letters, digits and - _ . : /"),
        "submission|completion" => one(&["x", "completed"], "known: submission, completion"),
        "COMMAND" => one(&["x", "reed", "io/xx", "io/100", "mi/00"], "known: any, io, admin"),
        "NUMBER" if word == "nsid" => {
            one(&["x", "-1", "4294967296"], "a number from 0 to 4294967295")
        }
        "NUMBER" | "KELVIN" => one(NOT_U16, "a number from 0 to 65535"),
        "BITS" => one(&["x", "-1", "256"], "a number from 0 to 255"),
        "0..3" => one(&["x", "-1", "4"], "a number from 0 to 3"),
        "0..1" => one(&["x", "-0.5", "1.1", "1e-3", ".", "0.0000000001"], "a chance from 0 to 1"),
        "N" => one(NOT_COUNTS, "a number from 1 to 2^64 - 1"),
        "LBA" | "BYTES" => one(NOT_U64, "a number from 0 to 2^64 - 1"),
        "FIRST..END" => one(
            &["x", "5..5", "6..5", "5..", "..5", "1..x", "18446744073709551615"],
            "s as FIRST..END, not empty, or one",
        ),
        "OFFSET:BYTES[/MASK]" if word == "sqe" => one(
            &["x", "0:", "x:00", "0:0", "0:xx", "0:00/0000", "64:00", "63:0000"],
            "OFFSET:BYTES or OFFSET:BYTES/MASK, bytes and mask in hexadecimal and equally long, within \
             the entry's 64 bytes",
        ),
        "OFFSET:BYTES[/MASK]" => one(
            &["x", "0:", "x:00", "0:0", "0:xx", "0:00/0000", "18446744073709551615:00"],
            "OFFSET:BYTES or OFFSET:BYTES/MASK, bytes and mask in hexadecimal and equally long",
        ),
        "OFFSET^XOR" => one(
            &["x", "5", "5^0", "5^256", "x^1", "5^x", "-1^1"],
            "an offset from 0 to 2^64 - 1 and a XOR from 1 to 0xff",
        ),
        "TIME" if takes_zero(word) => {
            one(NOT_TIMES, "a time with its unit (ns, us, ms, s), up to 2^64 - 1 ns")
        }
        "TIME" => vec![
            (NOT_TIMES, "a time from 1ns with its unit (ns, us, ms, s), up to 2^64 - 1 ns"),
            (&["0ns", "0s"], "a time from 1ns with its unit"),
        ],
        "TIME|N" => one(
            &["x", "0", "0us", "-1", "5min", "1.5"],
            "a time from 1ns with its unit (ns, us, ms, s) such as 5ms, or a count of matches from 1",
        ),
        "BLOCKS|BYTESB" => one(
            &["x", "B", "-1", "4294967296", "18446744073709551616B"],
            "blocks from 0 to 4294967295 such as 2, or bytes from 0B to 2^64 - 1",
        ),
        "inverted|frozen" => one(&["x", "invert"], "known: inverted, frozen"),
        "data|sqe|cqe" => one(&["x", "prp"], "known: data, sqe, cqe"),
        "TYPE/NAME" if word == "status" => one(
            &["x", "media/x", "8/00", "0/100", "+1/00", "media/unrecovered-reed"],
            "known: generic/",
        ),
        "TYPE/NAME" => one(&["x", "smart/x", "8/0/0", "0/0", "0/0/100"], "known: error/"),
        "NAME(...)" => one(&["x(1us)", "(1us)"], "known: uniform(MIN,MAX)"),
        form => panic!("{word}={form}: what is no value of this form?"),
    }
}

/// Whether a time of 0 has a meaning for this word: points in time begin with it.
fn takes_zero(word: &str) -> bool {
    ["from", "to", "before", "delay"].contains(&word)
}

/// A value of a parameter of a distribution.
fn parameter(name: &str) -> (&'static str, &'static [&'static str]) {
    match name {
        "MIN" | "MEAN" | "DEVIATION" | "MEDIAN" => ("1us", NOT_TIMES),
        "MAX" => ("2us", NOT_TIMES),
        "TIME" => ("1us", NOT_TIMES),
        "SIGMA" | "ALPHA" => ("0.5", &["x", "0", "-1", "100.5", "0.0000001", "1us"]),
        "LENGTH" => ("2", NOT_COUNTS),
        "TIME:WEIGHT" => ("1us:3", &["1us", "1us:0", "1us:x", "x:1", "1us:4294967296", ":"]),
        name => panic!("{name}: what is no value of this parameter?"),
    }
}

/// The period is counted in what is before it.
fn period(parameters: &[&str]) -> (&'static str, &'static [&'static str]) {
    if parameters.contains(&"LENGTH") { ("3", NOT_COUNTS) } else { ("2us", NOT_TIMES) }
}

#[test]
fn every_parameter_of_every_distribution_is_checked_and_the_form_that_was_meant_is_said() {
    let mut count = 0;
    for form in distributions() {
        let (name, rest) = form.split_once('(').expect("parameters");
        let names: Vec<&str> =
            rest.trim_end_matches(",...)").trim_end_matches(')').split(',').collect();
        let values = |name: &&str| if *name == "PERIOD" { period(&names) } else { parameter(name) };
        let good: Vec<&str> = names.iter().map(|name| values(name).0).collect();
        let line = |values: &[&str]| format!("read => delay={name}({})", values.join(","));
        line(&good).parse::<Rule>().expect(form);
        let mut bad: Vec<Vec<&str>> = Vec::new();
        for (index, parameter) in names.iter().enumerate() {
            let wrong = values(parameter).1.iter().chain(&[""]);
            bad.extend(wrong.map(|value| {
                let mut all = good.clone();
                all[index] = value;
                all
            }));
        }
        if !form.contains("...") {
            bad.extend([good[1..].to_vec(), [good.clone(), vec!["1"]].concat()]);
        }
        if form.contains("MAX") || form.contains("PERIOD") {
            let last_two_swapped = names.len() - 2;
            let mut all = good.clone();
            all.swap(last_two_swapped, last_two_swapped + 1);
            bad.push(all);
        }
        for values in bad {
            // A space ends the word; that is another mistake.
            let line = line(&values).replace("1 us", "1_us");
            let error = line.parse::<Rule>().expect_err(&line);
            let text = error.to_string();
            assert_eq!(error.column(), 9, "{text}");
            assert!(text.contains(&format!("expected {form}: ")), "{line}: {text}");
            count += 1;
        }
        let open = line(&good).replace(')', "");
        assert!(open.parse::<Rule>().expect_err(&open).to_string().contains(form), "{open}");
    }
    assert!(count > 50, "{count}");
}

#[test]
fn every_status_that_is_nearly_written_right_is_offered() {
    for (_, name) in nvme_spec::status::NAMED {
        let line = format!("read => status={name}x");
        let error = line.parse::<Rule>().expect_err(&line).to_string();
        assert!(error.contains(&format!("did you mean {name:?}?")), "{error}");
    }
    assert!(KINDS.iter().any(|row| row.word == "status"));
}
