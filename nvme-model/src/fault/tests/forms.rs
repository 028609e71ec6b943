//! The three forms of a rule say the same, and what is wrong in them is named with its place.

use proptest::prelude::*;

use crate::fault::*;

const PLAN: &str = r#"# a plan
seed = 7
rules = ["flush name=first nth=2 => drop"]

[[rule]]
name = "second"
match = { op = "read", lba = "0x10..0x20", any = [{ queue = 1 }, { nsid = 2, not = { sqe = "40:ff" } }] }
when = { after = "first", within = "5ms", chance = 0.5 }
do = { status = "media/unrecovered-read", dnr = true, set = "bad" }
until = { count = 3 }

[[rule]]
match = { op = "register-read", reg = 8, state = "bad" }
do = { lie = "8:00040100" }
"#;

fn name() -> impl Strategy<Value = Option<String>> {
    prop::option::of("[a-z][a-z0-9-]{0,6}")
}

/// A match in text, with groups.
fn fields() -> impl Strategy<Value = String> {
    let field = prop_oneof![
        (0..99_u16).prop_map(|queue| format!("queue={queue}")),
        (0..9_u32).prop_map(|nsid| format!("nsid={nsid}")),
        (0..999_u64, 1..99_u64)
            .prop_map(|(first, count)| format!("lba={first}..{}", first + count)),
        (0..60_u8).prop_map(|offset| format!("sqe={offset}:a5f0/0ff0")),
        (0..9999_u64).prop_map(|offset| format!("data={offset}:00ff")),
        "[a-z]{1,5}".prop_map(|state| format!("state={state}")),
    ];
    field.prop_recursive(3, 12, 3, |inner| {
        let groups = prop::collection::vec(inner, 1..4).prop_map(|inner| inner.join(" | "));
        (prop_oneof!["all", "any", "not"], groups)
            .prop_map(|(word, inner)| format!("{word}{{{inner}}}"))
    })
}

/// Rules about commands, from the examples of every kind.
fn rule() -> impl Strategy<Value = Rule> {
    let example = (0..KINDS.len()).prop_map(|index| &KINDS[index]);
    (example, fields(), name(), 1..99_u64, prop::bool::ANY).prop_map(
        |(row, fields, name, every, is_named)| {
            let (before, after) = row.example.split_once(" => ").expect("an arrow");
            let rule: Rule = row.example.parse().expect(row.example);
            let is_command = !matches!(rule.matcher.op, OpClass::Transition(_));
            let fields = if is_command { fields } else { String::new() };
            let op = before.split(' ').next().expect("a command");
            let name = name.filter(|_| is_named).map_or(String::new(), |n| format!("name={n}"));
            let line = format!("{op} {fields} {name} every={every} => {after}");
            line.parse().unwrap_or_else(|error| panic!("{line}: {error}"))
        },
    )
}

/// The plan, and rules that set the states that its own wait for.
fn in_order(mut plan: FaultPlan) -> FaultPlan {
    let setter = |error: PlanError| format!("flush => expect set={}", error.name).parse::<Rule>();
    let setters: Result<Vec<Rule>, RuleError> = plan.dangling().into_iter().map(setter).collect();
    plan.rules.extend(setters.expect("rules"));
    plan
}

/// Changes a text in one place.
fn mutate(text: &str, at: usize, change: u8) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    let at = at % chars.len();
    match change % 5 {
        0 => drop(chars.remove(at)),
        1 => chars.insert(at, '='),
        2 => chars.insert(at, 'x'),
        3 => chars[at] = '\n',
        _ => chars.truncate(at),
    }
    chars.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_rule_is_the_same_in_one_line_and_in_toml(rules in prop::collection::vec(rule(), 1..6), seed in any::<u64>()) {
        let plan = in_order(FaultPlan { seed: seed >> 1, rules });
        for rule in &plan.rules {
            prop_assert_eq!(rule.to_string().parse::<Rule>(), Ok(rule.clone()), "{}", rule);
        }
        let toml = plan.to_toml();
        prop_assert_eq!(FaultPlan::from_toml(&toml), Ok(plan), "{}", toml);
    }

    #[test]
    fn whatever_is_wrong_in_a_file_has_a_line_of_it(changes in prop::collection::vec((any::<usize>(), any::<u8>()), 1..4)) {
        let text = changes.iter().fold(PLAN.to_owned(), |text, (at, change)| {
            if text.is_empty() { text } else { mutate(&text, *at, *change) }
        });
        if let Err(error) = FaultPlan::from_toml(&text) {
            let line = error.line().expect("a line");
            prop_assert!(line >= 1 && line <= text.matches('\n').count() + 1, "{}", error);
            prop_assert!(error.in_file("plan.toml").to_string().starts_with("plan.toml:"));
        }
    }

    #[test]
    fn no_text_breaks_the_one_line_parser(line in "[a-z{}|=<>:./0-9 ^(),-]{0,60}") {
        if let Ok(rule) = line.parse::<Rule>() {
            prop_assert_eq!(rule.to_string().parse::<Rule>(), Ok(rule));
        }
    }
}

#[test]
fn the_plan_of_these_tests_is_good() {
    let plan = FaultPlan::from_toml(PLAN).expect("a plan");
    assert_eq!(plan.rules.len(), 3);
    let line = "read lba=0x10..0x20 any{ queue=1 | nsid=2 not{ sqe=40:ff } } name=second after=first \
                within=5ms chance=0.5 => status=media/unrecovered-read dnr set=bad count=3";
    assert_eq!(Ok(&plan.rules[1]), line.parse().as_ref());
}

#[test]
fn an_error_in_a_file_names_line_column_word_and_what_is_known() {
    let text = |from: &str, to: &str| {
        assert!(PLAN.contains(from), "{from}");
        let error = FaultPlan::from_toml(&PLAN.replacen(from, to, 1)).expect_err(to);
        error.in_file("p.toml").to_string()
    };
    for (from, to, place, words) in [
        (
            "seed",
            "seeds",
            "p.toml:2:1: \"seeds\"",
            "did you mean \"seed\"? known: seed, rules, rule",
        ),
        ("seed = 7", "seed = -7", "p.toml:2:8: \"-7\"", "a number from 0"),
        ("nth=2", "nthh=2", "p.toml:3:28: \"nthh=2\"", "nth, every"),
        ("match = { op", "match = { opp", "p.toml:7:11: \"opp\"", "known: op, queue, nsid, lba"),
        ("nsid = 2", "nsid = \"two\"", "p.toml:7:75: ", "a number from 0 to 4294967295"),
        ("\"read\"", "\"raed\"", "p.toml:7:16: ", "mean \"read\"? known: any, io, admin"),
        ("within", "wihtin", "p.toml:8:27: \"wihtin\"", "known: nth, every"),
        ("0.5", "1.5", "p.toml:8:52: \"1.5\"", "from 0 to 1"),
        ("media/unrecovered-read", "media/unread", "p.toml:9:17: ", "media/unrecovered-read"),
        ("dnr = true", "dnr = 1", "p.toml:9:49: \"1\"", "takes no value"),
        ("until = {", "untill = {", "p.toml:10:1: \"untill\"", "known: name, phase, match, when"),
        (
            "after = \"first\"",
            "after = \"frist\"",
            "p.toml:8:18: \"\\\"frist\\\"\"",
            "names: first",
        ),
        ("lie = \"8:", "lie = \"8 ", "p.toml:14:14: ", "OFFSET:BYTES"),
        ("reg = 8", "reg = [8]", "p.toml:13:39: \"[8]\"", "text, a number"),
    ] {
        let error = text(from, to);
        assert!(error.starts_with(place) && error.contains(words), "{to}: {error}");
    }
}

#[test]
fn the_published_schema_is_the_present_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/fault-plan.schema.json");
    let schema = json_schema();
    if std::env::var_os("SWAPLAB_BLESS").is_some() {
        std::fs::write(path, &schema).expect("the schema is written");
    }
    let published = std::fs::read_to_string(path).expect("docs/fault-plan.schema.json");
    assert!(published == schema, "docs/fault-plan.schema.json is old: run with SWAPLAB_BLESS=1");
}

#[test]
fn the_schema_knows_every_word() {
    let schema: serde_json::Value = serde_json::from_str(&json_schema()).expect("JSON");
    let defs = &schema["$defs"];
    for row in KINDS {
        assert!(defs["do"]["properties"].get(row.word).is_some(), "{}", row.word);
    }
    for row in WORDS {
        let table = match row.section {
            Section::Rule => "rule",
            Section::Match => "match",
            Section::When => "when",
            Section::Do => "do",
            Section::Until => "until",
        };
        assert!(defs[table]["properties"].get(row.word).is_some(), "{}", row.word);
    }
    assert_eq!(defs["match"]["additionalProperties"], false);
}
