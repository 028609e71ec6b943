use std::path::Path;

use super::*;

pub(super) fn build() -> Build {
    Build { version: "1".into(), program: "p".into(), guest: "g".into() }
}

fn planned(text: &str) -> Result<Planned, String> {
    plan(Path::new("c.toml"), text, build()).map_err(|error| error.to_string())
}

#[test]
fn a_block_is_the_product_of_its_lists_with_the_controls() {
    let text = r#"
name = "two"
question = "?"
[[units]]
scenarios = ["shutdown"]
paths = ["dio", "swap"]
seeds = [1, 2, 3]
"#;
    let plan = planned(text).expect("planned").plan;
    let controls = plan.units().iter().filter(|unit| unit.role == results::Role::Control).count();
    assert_eq!((plan.units().len(), controls), (9, 3));
}

#[test]
fn every_mistake_is_named_with_file_line_column_and_what_could_stand_there() {
    let head = "name = \"x\"\nquestion = \"?\"\n[[units]]\n";
    for (rest, needle) in [
        (
            "scenarios = [\"shutdwn\"]",
            "c.toml:4:14: unknown scenario \"shutdwn\": known are all, shutdown",
        ),
        ("scenarios = [\"shutdown\"]\npaths = [\"bio\"]", "c.toml:5:10: \"bio\""),
        (
            "scenarios = [\"latency\"]\ncases = [\"tial\"]",
            "c.toml:5:10: unknown case \"tial\": known are steady",
        ),
        (
            "scenarios = [\"shutdown\"]\npath = [\"dio\"]",
            "c.toml:5:1: unknown field `path`, expected one of",
        ),
        ("scenarios = [\"shutdown\"]\ncontrols = false", "c.toml:1:8: there is no control"),
        ("scenarios = [\"nowait\"]\npaths = [\"dio-raw\"]", "c.toml:4:14: no unit"),
        ("scenarios = \"shutdown\"", "c.toml:4:13: "),
        ("scenarios = [", "c.toml:4:"),
    ] {
        let error = planned(&format!("{head}{rest}\n")).expect_err(rest);
        assert!(error.starts_with(needle), "{rest}: {error}");
    }
}

#[test]
fn a_control_of_the_file_is_a_unit_that_must_fail() {
    let unit = "scenario=x role=experiment expect=ok path=swap";
    let text = format!("name = \"x\"\nquestion = \"?\"\ncontrols = [\"{unit}\"]\n");
    let error = planned(&text).expect_err("no control");
    assert!(error.starts_with("c.toml:3:13: a control has role=control"), "{error}");
}
