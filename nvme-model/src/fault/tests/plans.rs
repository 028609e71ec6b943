//! What one rule alone cannot know: what it waits for has to be in its plan.

use crate::fault::*;

fn plan(rules: &[&str]) -> FaultPlan {
    let rules = rules.iter().map(|rule| rule.parse().expect(rule)).collect();
    FaultPlan { seed: 1, rules }
}

#[test]
fn what_a_rule_waits_for_has_to_be_done_by_another_rule() {
    for (rules, is_in_order) in [
        (&["read after=a => drop", "flush name=a => expect"][..], true),
        (&["read after=a => drop", "flush name=b => expect"], false),
        (&["read name=a after=a => drop"], false),
        (&["read state=start => drop"], true),
        (&["read state=warm => drop", "flush => expect set=warm"], true),
        (&["read state=warm => drop", "flush => expect set=wram"], false),
        (&["read state=warm => drop set=warm"], false),
        (&["read any{ not{ state=warm } } => drop"], false),
        (
            &["read all{ state=start | not{ state=warm } } => drop", "flush => expect set=warm"],
            true,
        ),
        (&["read => hold=go", "flush => expect set=go"], true),
        (&["read => hold=go"], false),
        (&["read => hold=go set=go"], false),
        (&["read => hold=never"], true),
        (&["read state=never => drop"], false),
        (&["read state=a => expect set=b", "flush state=b => expect set=a"], false),
        (&["read state=start => expect set=b", "flush state=b => expect set=start"], true),
        (&["read name=a after=b => drop", "flush name=b after=a => expect"], false),
        (&["read name=a after=b => drop", "flush name=b => expect", "io after=a => drop"], true),
        (
            &["read name=a after=b => drop", "flush name=b after=a => drop", "io name=a => drop"],
            true,
        ),
        (&["read name=a state=x => drop", "flush after=a => expect set=x"], false),
    ] {
        let plan = plan(rules);
        assert_eq!(plan.check().is_ok(), is_in_order, "{rules:?}: {:?}", plan.check());
    }
}

#[test]
fn rules_that_wait_for_each_other_are_told_apart_from_what_is_not_there() {
    let rules =
        ["io name=c => expect", "read name=a after=b => drop", "flush name=b after=a => drop"];
    let error = plan(&rules).check().expect_err("a circle").to_string();
    let expected =
        "fault rule 2: after=\"b\" never comes: who could bring it waits for this in turn";
    assert_eq!(error, expected);
}

#[test]
fn the_error_is_at_the_word_in_either_form_and_says_what_there_is() {
    for (rule, known) in [
        ("read nth=1 after=x => drop", "after=\"x\" names no rule; names: first, second"),
        ("read any{ queue=1 | state=x } => drop", "no other rule sets; states: start, warm"),
        ("read nth=1 => hold=x set=y", "no other rule sets; states: never, warm"),
    ] {
        let others = ["flush name=first => expect", "flush name=second => expect set=warm"];
        let lines = plan(&[others[0], others[1], rule]);
        let error = lines.check().expect_err(rule);
        assert!(
            error.to_string().starts_with("fault rule 3: ") && error.problem().contains(known),
            "{error}"
        );
        let word = format!("{}=x", error.word);
        let text = format!("rules = [\n{:?},\n{:?},\n{rule:?},\n]\n", others[0], others[1]);
        let error = FaultPlan::from_toml(&text).expect_err(rule);
        let column = rule.find(&word).expect(rule) + 2;
        assert_eq!((error.line(), error.column()), (Some(4), column), "{error}");
        assert!(error.to_string().contains(known), "{error}");
        let toml = lines.to_toml();
        let error = FaultPlan::from_toml(&toml).expect_err(rule);
        let at = toml.find("\"x\"").expect("its value");
        let line = toml[..at].matches('\n').count() + 1;
        let column = toml[..at].rsplit('\n').next().expect("a line").len() + 1;
        assert_eq!((error.line(), error.column()), (Some(line), column), "{error}\n{toml}");
        assert!(error.to_string().contains(known), "{error}");
    }
}
