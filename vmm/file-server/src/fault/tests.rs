use p9_wire::Request;
use proptest::prelude::*;

use super::*;

fn rule(line: &str) -> ServerRule {
    line.parse().unwrap_or_else(|error| panic!("{line}: {error}"))
}

fn write(offset: u64) -> Request<'static> {
    Request::Write { fid: 1, offset, count: 8192 }
}

#[test]
fn every_action_is_read_and_shown() {
    for (word, value, _) in ACTIONS {
        let value = match value {
            "" => "",
            "TIME|NAME(...)" => "=5us",
            "ERRNO" => "=EIO",
            "TIME" => "=7s",
            "BYTES" => "=100",
            "OFFSET^XOR" => "=3^0x40",
            other => panic!("no example for {other}"),
        };
        let rule = rule(&format!("io page=3..9 nth=2 => {word}{value} count=1"));
        assert_eq!(rule.to_string().parse(), Ok(rule.clone()));
        assert_eq!(ACTIONS[usize::from(rule.action.number())].0, word);
    }
}

#[test]
fn a_bad_word_is_named_with_its_place_and_what_could_be_there() {
    for (line, place, known) in [
        ("raed => error=EIO", "word 1, `raed`", "known are any, io"),
        ("read pages=1 => error=EIO", "word 2, `pages=1`", "known are page"),
        ("read => error=EBAD", "word 3, `error=EBAD`", "known are EIO"),
        ("read => eror=EIO", "word 3, `eror=EIO`", "known are delay"),
        ("read => error", "word 3, `error`", "expected ERRNO"),
        ("read => drop-reply=1", "word 3", "takes no value"),
        ("read page=5..5 => fs-down", "word 2", "FIRST..END"),
        ("read nth=0 => fs-down", "word 2", "from 1"),
        ("read => delay=5", "word 3", "unit"),
        ("read => fs-down fs-down", "word 4", "said twice"),
        ("read", "ends before", "=>"),
        ("=> fs-down", "which requests", "known are any"),
        ("read =>", "what happens", "known are delay"),
    ] {
        let error = line.parse::<ServerRule>().expect_err(line);
        assert!(error.contains(place) && error.contains(known), "{line}: {error}");
    }
}

#[test]
fn matches_are_counted_and_a_rule_waits_for_another() {
    let rules = vec![
        rule("write page=1..3 name=first nth=2 => drop-reply"),
        rule("write after=first => delay=1us count=1"),
    ];
    let mut faults = Faults::new(ServerPlan { seed: 0, rules });
    let mut ask = |offset| faults.ask(&write(offset), 0, |_, _| {});
    assert_eq!(ask(8 * 4096), Fate::default(), "other pages");
    assert_eq!(ask(4096), Fate::default(), "the first match");
    let second = Fate { is_reply_lost: true, delay_ns: 1000, ..Fate::default() };
    assert_eq!(ask(0), second, "touches page 1; the other rule is open by then");
    assert_eq!(ask(4096), Fate::default());
    let counts = faults.counts();
    assert_eq!((counts[0].matched, counts[0].fired), (3, 1));
    assert_eq!((counts[1].planned, counts[1].fired), (1, 1));
}

proptest! {
    #[test]
    fn no_line_makes_parsing_panic(line in "[a-z=>.0-9^( ]{0,60}") {
        let _ = line.parse::<ServerRule>();
    }
}
