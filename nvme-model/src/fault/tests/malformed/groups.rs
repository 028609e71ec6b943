//! Groups of matches, in both forms.

use crate::fault::words::GROUPS;
use crate::fault::*;

/// As deep as groups may nest.
const DEPTH: usize = 8;

/// `inner` in so many groups: every kind of group in turn.
fn line(depth: usize, inner: &str) -> String {
    let names = || GROUPS.iter().map(|(name, _)| *name).cycle().take(depth);
    let open: String = names().map(|name| format!("{name}{{ ")).collect();
    format!("read {open}{inner}{} => drop", " }".repeat(depth))
}

/// The same in TOML: tables and lists of tables in turn.
fn toml(depth: usize, inner: &str) -> String {
    let names = GROUPS.iter().map(|(name, _)| *name).cycle().take(depth).enumerate();
    let (mut open, mut close) = (String::new(), String::new());
    for (index, name) in names {
        let (begin, end) = if index % 2 == 0 { ("{", "}") } else { ("[{", "}]") };
        open += &format!("{name} = {begin} ");
        close = format!(" {end}{close}");
    }
    format!("[[rule]]\nmatch = {{ {open}{inner}{close} }}\ndo = {{ drop = true }}\n")
}

/// Line and column of the first place of `word`.
fn place(text: &str, word: &str) -> (usize, usize) {
    let before = &text[..text.find(word).expect(word)];
    let line = before.matches('\n').count() + 1;
    (line, before.rsplit('\n').next().expect("a line").chars().count() + 1)
}

fn assert_line(line: &str, word: &str, said: &str) {
    let error = line.parse::<Rule>().expect_err(line);
    assert_eq!(error.column(), place(line, word).1, "{line}: {error}");
    assert!(error.to_string().contains(said), "{error}");
}

fn assert_toml(text: &str, word: &str, said: &str) {
    let error = FaultPlan::from_toml(text).expect_err(text);
    assert_eq!(
        (error.line().expect("a line"), error.column()),
        place(text, word),
        "{error}\n{text}"
    );
    assert!(error.to_string().contains(said), "{error}");
}

#[test]
fn a_mistake_is_found_however_deep_it_is() {
    for depth in 0..=DEPTH {
        assert!(line(depth, "queue=1").parse::<Rule>().is_ok(), "{depth}");
        assert!(FaultPlan::from_toml(&toml(depth, "queue = 1")).is_ok(), "{depth}");
        let known = "known: ";
        let allowed = "a number from 0 to 65535";
        assert_line(&line(depth, "quue=1"), "quue=1", known);
        assert_line(&line(depth, "nsid=1 queue=x"), "queue=x", allowed);
        assert_toml(&toml(depth, "quue = 1"), "quue", known);
        assert_toml(&toml(depth, "nsid = 1, queue = \"x\""), "\"x\"", allowed);
        if depth > 0 {
            assert_line(&line(depth, "nth=2"), "nth=2", "outside of groups");
        }
    }
}

#[test]
fn groups_nest_so_deep_and_no_deeper() {
    let line = line(DEPTH + 1, "queue=1");
    let error = line.parse::<Rule>().expect_err(&line);
    assert!(error.to_string().contains("groups nest up to 8 deep"), "{error}");
    // The word of the ninth group.
    let words: Vec<&str> = line.split(' ').collect();
    let before: usize = words[..DEPTH + 1].iter().map(|word| word.len() + 1).sum();
    assert_eq!(error.column(), before + 1, "{error}");
    let text = toml(DEPTH + 1, "queue = 1");
    let error = FaultPlan::from_toml(&text).expect_err(&text);
    assert!(error.to_string().contains("groups nest up to 8 deep"), "{error}");
    let name = GROUPS[DEPTH % GROUPS.len()].0;
    let at = text.find(&format!("{name} = {{ queue")).expect("the ninth group");
    let column = text[..at].rsplit('\n').next().expect("a line").len() + 1;
    assert_eq!((error.line(), error.column()), (Some(2), column), "{error}\n{text}");
}

#[test]
fn a_group_without_a_match_or_an_end_says_how_a_group_is_written() {
    for (name, _) in GROUPS {
        let form = "a group is written";
        for (inner, at) in [("}", "}"), ("| queue=1 }", "|"), ("queue=1 || nsid=1 }", "| nsid")] {
            assert_line(&format!("read {name}{{ {inner} => drop"), at, form);
        }
        assert_line(&format!("read {name}{{ queue=1"), "queue=1", form);
        let form = "a match such as { queue = 1 }, or a list of them";
        for value in ["[]", "{}", "[{}]", "1", "true", "\"queue=1\""] {
            let text =
                format!("[[rule]]\nmatch = {{ {name} = {value} }}\ndo = {{ drop = true }}\n");
            let at = if value == "[{}]" { "{}]" } else { &format!("{value} }}\ndo") };
            assert_toml(&text, at, form);
        }
        let text = format!("[[rule]]\nmatch = {{ {name} = [1] }}\n");
        assert_toml(&text, "1] }", "known: op, queue");
    }
    for name in ["all", "not"] {
        let line = format!("read {name} queue=1 => drop");
        assert_line(&line, &format!("{name} "), &format!("a group is written {name}{{"));
    }
    for mark in ["{", "}", "|"] {
        assert_line(&format!("read {mark} queue=1 => drop"), mark, "stands in a group only");
    }
}
