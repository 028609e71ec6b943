//! The language of rules.

use nvme_spec::{NvmOpcode, Status, status};

use crate::fault::*;

fn error(line: &str) -> RuleError {
    line.parse::<Rule>().expect_err(line)
}

#[test]
fn the_one_line_form_says_everything() {
    let rule: Rule = "read lba=0x1000..0x2000 nth=3 => status=media/unrecovered-read dnr"
        .parse()
        .expect("a rule");
    assert_eq!(rule.matcher.op, OpClass::Io(NvmOpcode::READ));
    assert_eq!(rule.matcher.lba, Some(0x1000..0x2000));
    assert_eq!((rule.when.nth, rule.phase), (Some(3), Phase::Submission));
    let status = Status::from(status::UNRECOVERED_READ).with_dnr(true);
    assert_eq!(rule.action, Action::Status(status));
}

#[test]
fn every_rule_is_read_back_from_its_own_text() {
    let rules = [
        "any => drop",
        "io name=slow queue=2 nsid=1 every=3 => delay=1500ns count=4",
        "write lba=7 chance=0.125 from=1ms to=2s => corrupt=16^0x80 before=3s until-reset",
        "admin phase=completion => status=generic/internal-error more crd=2",
        "identify => status=7/c1",
        "io sqe=40:ff00/0f00 after=slow => hang",
        "abort => ignore-abort",
        "read nth=2 => duplicate",
        "read => wrong-cid=0xffff",
        "read => lost-interrupt",
        "write => lost-write",
        "any => cfs",
        "flush => remove",
        "write => torn=3",
        "write => torn=700B count=2",
        "write => misdirect=0x40",
        "read nth=2 => stale-read",
        "any => wrong-sqhd=0xffff",
        "io => wrong-sqid=7",
        "io => wrong-phase=inverted",
        "io => wrong-phase=frozen",
        "read => spurious-interrupt",
        "read => late-interrupt=50us",
        "delete-io-sq => ignore-delete-queue",
        "disable nth=1 => ignore-reset",
        "subsystem-reset => ignore-reset",
        "shutdown => ignore-shutdown",
        "enable => rdy-never",
        "disable every=2 => rdy-delay=5s",
        "enable chance=0.5 => cfs",
        "disable => remove",
        "read => dma-error=data",
        "io => dma-error=sqe",
        "io => dma-error=cqe",
        "read lba=5..9 => status=media/unrecovered-read until-rewrite",
        "read => delay=uniform(10us,50us)",
        "read => delay=normal(100us,10us)",
        "read phase=completion => delay=lognormal(80us,0.5)",
        "read => delay=pareto(20us,1.25)",
        "read => delay=burst(1ms,10,100)",
    ];
    for line in rules {
        let rule: Rule = line.parse().expect(line);
        assert_eq!(rule.to_string().parse(), Ok(rule.clone()), "{rule}");
    }
}

#[test]
fn an_error_names_column_word_and_what_is_known() {
    let bad = error("read nthh=3 => drop");
    assert_eq!(bad.column(), 6);
    let text = bad.to_string();
    let begin =
        "fault rule, column 6: \"nthh=3\": unknown word; did you mean \"nth\"? known: name, phase";
    assert!(text.starts_with(begin), "{text}");
    assert!(text.contains("nth"), "{text}");
    let bad = error("read => status=media/unrecovered-reed");
    assert_eq!(bad.column(), 9);
    assert!(bad.to_string().contains("media/unrecovered-read"), "{bad}");
    let bad = error("reed => drop");
    assert!(bad.column() == 1 && bad.to_string().contains("read"), "{bad}");
}

#[test]
fn a_misspelt_word_is_told_what_was_probably_meant() {
    for (line, column, meant) in [
        ("raed => drop", 1, Some("read")),
        ("read lab=5 => drop", 6, Some("lba")),
        ("read nht=3 => drop", 6, Some("nth")),
        ("read => dealy=5ms", 9, Some("delay")),
        ("read => lost-wirte", 9, Some("lost-write")),
        ("read => statsu=media/unrecovered-read", 9, Some("status")),
        ("read => status=media/unrecoverd-read", 9, Some("media/unrecovered-read")),
        ("read => wrong-phase=invreted", 9, Some("inverted")),
        ("asink-event-request => drop", 1, Some("async-event-request")),
        ("xyzzy => drop", 1, None),
        ("read => q", 9, None),
    ] {
        let bad = error(line);
        let text = bad.to_string();
        let expected = meant.map(|meant| format!("; did you mean {meant:?}? known: "));
        assert_eq!(bad.column(), column, "{text}");
        match expected {
            Some(expected) => assert!(text.contains(&expected), "{text}"),
            None => assert!(text.contains("; known: "), "{text}"),
        }
    }
}

#[test]
fn contradictions_and_omissions_are_errors() {
    for (line, word) in [
        ("", "before its =>"),
        ("read", "before its =>"),
        ("read =>", "does nothing"),
        ("read => drop hang", "one thing"),
        ("read => drop dnr", "status only"),
        ("read => status=generic/internal-error dnr crd=1", "crd is reserved with dnr"),
        ("read => drop drop", "twice"),
        ("read nth=0 => drop", "from 1"),
        ("read nth=2 => drop count=3", "fires once"),
        ("read phase=submission => drop", "completion only"),
        ("read lba=5..5 => drop", "not empty"),
        ("read => delay=50", "unit"),
        ("read chance=1.5 => drop", "from 0 to 1"),
        ("read chance=1e-3 => drop", "from 0 to 1"),
        ("read => corrupt=5^0", "OFFSET^XOR"),
        ("read => wrong-cid=0x10000", "from 0 to 65535"),
        ("read sqe=63:ffff => drop", "64 bytes"),
        ("read => crd", "needs a value"),
        ("read => drop=1", "no value"),
        ("read write => drop", "twice"),
        ("read => rdy-never", "does not go with this; known: enable, disable"),
        ("shutdown => ignore-reset", "known: disable, subsystem-reset"),
        ("enable => drop", "known: any command"),
        ("enable queue=1 => rdy-never", "no command"),
        ("disable lba=1 => cfs", "no command"),
        ("read => status=media/unrecovered-read until-rewrite", "needs lba"),
        ("write => torn=two", "such as 2, or bytes"),
        ("write => torn=4294967296", "such as 2, or bytes"),
        ("read => wrong-phase=odd", "known: inverted, frozen"),
        ("read => dma-error=prp", "known: data, sqe, cqe"),
        ("read => late-interrupt=0us", "from 1ns"),
        ("read => delay=uniform(5us,1us)", "MIN at most MAX"),
        ("read => delay=uniform(5us)", "expected uniform(MIN,MAX)"),
        ("read => delay=gauss(5us,1us)", "known: uniform(MIN,MAX)"),
        ("read => delay=lognormal(5us,0)", "above 0"),
        ("read => delay=lognormal(5us,1.0000001)", "above 0"),
        ("read => delay=pareto(5us,101)", "up to 100"),
        ("read => delay=burst(5us,3,2)", "LENGTH at most PERIOD"),
        ("read => delay=burst(5us,0,2)", "from 1"),
        ("read => delay=normal(5,1us)", "unit"),
    ] {
        let text = error(line).to_string();
        assert!(text.contains(word), "{line}: {text}");
    }
}

#[test]
fn what_would_change_nothing_about_a_command_is_refused_where_the_command_is_named() {
    for (line, column, word) in [
        (
            "read => lost-write",
            1,
            "write-zeroes, write-uncorrectable, dataset-management with AD, copy",
        ),
        (
            "io/02 => torn=1",
            1,
            "\"io/02\": torn=1 changes nothing about it; it happens to write, copy",
        ),
        ("io/7f => early-completion=1ms", 1, "identify, get-log-page"),
        ("admin/ff => forge=0:00", 1, "get-lba-status"),
        ("nth=2 op=verify => corrupt=0^1", 7, "\"op=verify\""),
        ("io nth=2 any{ write | lba=5 read } => misdirect=0", 29, "write-zeroes with PRACT"),
        ("write all{ any{ flush | nsid=2 } } => stale-read", 1, "read, compare, copy"),
        ("read all{ any{ flush | nsid=2 } } => stale-read", 16, "\"flush\""),
        ("flush => dma-error=data", 1, "set-features of a feature with data"),
        ("get-features => sanitize-fails", 1, "happens to sanitize"),
        ("admin any{ read } => ignore-abort", 12, "happens to abort"),
        ("doorbell => lost-write", 1, "happens to write"),
    ] {
        let bad = error(line);
        let text = bad.to_string();
        assert!(bad.column() == column && text.contains(word), "{line}: {text}");
    }
    // Queue entries are moved for every command, and what a group excludes may be anything.
    for good in
        ["flush => dma-error=sqe", "verify => dma-error=cqe", "io not{ read } => lost-write"]
    {
        assert!(good.parse::<Rule>().is_ok(), "{good}");
    }
    let toml = "[[rule]]\nmatch = { queue = 1, any = [{ op = \"write\" }, { op = \"read\" }] }\n\
                do = { lost-write = true }";
    let text = FaultPlan::from_toml(toml).expect_err("a read").in_file("p.toml").to_string();
    assert!(
        text.starts_with("p.toml:2:54: \"\\\"read\\\"\": lost-write changes nothing"),
        "{text}"
    );
}

#[test]
fn the_toml_form_means_the_same() {
    let plan = FaultPlan::from_toml(
        r#"
        seed = 7
        rules = ["flush name=first nth=2 => drop"]
        [[rule]]
        match = { op = "read", lba = "0x1000..0x2000", queue = 1 }
        when = { after = "first", chance = 0.5 }
        do = { status = "media/unrecovered-read", dnr = true, more = false }
        until = { count = 1 }
        "#,
    )
    .expect("a plan");
    assert_eq!(plan.seed, 7);
    let same: Rule = "read lba=0x1000..0x2000 queue=1 after=first chance=0.5 \
                      => status=media/unrecovered-read dnr count=1"
        .parse()
        .expect("a rule");
    assert_eq!(plan.rules[1], same);
}

#[test]
fn an_unknown_key_anywhere_in_a_plan_is_an_error() {
    let text = |toml: &str| FaultPlan::from_toml(toml).expect_err(toml).to_string();
    assert!(text("seeds = 1").contains("seeds"));
    assert!(text("[[rule]]\nwhenn = {}").contains("whenn"));
    let bad = text("[[rule]]\ndo = { drop = true }\nwhen = { nthh = 1 }");
    assert!(bad.contains("line 3, column 10: \"nthh\"") && bad.contains("nth, every"), "{bad}");
    let bad = text("[[rule]]\ndo = { dropp = false }");
    assert!(bad.contains("\"dropp\": unknown word"), "{bad}");
    let bad = text("rules = [\"read after=nobody => drop\"]");
    assert!(bad.contains("after=\"nobody\" names no rule"), "{bad}");
}

#[test]
fn the_toml_form_knows_every_action_too() {
    let plan = FaultPlan::from_toml(
        r#"
        [[rule]]
        match = { op = "disable" }
        do = { rdy-delay = "5s" }
        [[rule]]
        match = { op = "write", lba = "5..9" }
        do = { torn = 3 }
        [[rule]]
        match = { op = "read", lba = "5..9" }
        do = { delay = "pareto(20us,1.5)" }
        until = { until-rewrite = true }
        "#,
    )
    .expect("a plan");
    let lines = [
        "disable => rdy-delay=5s",
        "write lba=5..9 => torn=3",
        "read lba=5..9 => delay=pareto(20us,1.5) until-rewrite",
    ];
    let rules = lines.map(|line| line.parse::<Rule>().expect(line));
    assert_eq!(plan.rules, rules);
}
