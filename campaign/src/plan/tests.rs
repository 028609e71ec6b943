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

const FAULTS: &str = r#"
name = "f"
question = "?"
[[units]]
scenarios = ["healthy"]
paths = ["swap"]
"#;

#[test]
fn every_fault_is_at_every_point_it_fits_and_the_space_says_so() {
    let block = |faults: &str| planned(&format!("{FAULTS}[units.faults]\n{faults}\n"));
    let count = |faults: &str| {
        let plan = block(faults).expect("planned").plan;
        plan.units().iter().filter(|unit| unit.role == results::Role::Experiment).count()
    };
    let step = "phases = [\"write generation 1\"]";
    let writes = count(&format!("kinds = [\"drop\"]\non = [\"write\"]\n{step}"));
    assert!(writes > 1, "{writes}");
    assert_eq!(count(&format!("kinds = [\"drop\"]\non = [\"write\"]\n{step}\npoints = 1")), 1);
    assert_eq!(
        count(&format!("kinds = [\"drop\", \"cfs-sticky\"]\non = [\"write\"]\n{step}")),
        2 * writes
    );
    // A fault that only reads can have is at no write.
    assert_eq!(
        count(&format!("kinds = [\"stale-read\", \"drop\"]\non = [\"write\"]\n{step}")),
        writes
    );
    let plan = block(&format!("kinds = [\"survive\"]\n{step}")).expect("planned").plan;
    let axes: Vec<_> = plan.header().space.iter().map(|line| line.axis.as_str()).collect();
    assert_eq!(axes, ["scenario", "case", "path", "seed", "fault", "point"]);
    for (faults, needle) in [
        ("kinds = [\"dorp\"]", "c.toml:8:10: unknown fault \"dorp\": known are all, survive"),
        ("kinds = [\"all\"]\non = [\"raed\"]", "c.toml:9:7: unknown class raed: known are read"),
        (
            "kinds = [\"drop\"]\nphases = [\"fill\"]",
            "c.toml:9:11: unknown phase \"fill\": known are",
        ),
    ] {
        let error = block(faults).expect_err(faults);
        assert!(error.starts_with(needle), "{error}");
    }
}

#[test]
fn what_a_fault_may_cost_decides_what_is_predicted() {
    let expect = |kind: &str| {
        let text =
            format!("{FAULTS}[units.faults]\nkinds = [\"{kind}\"]\non = [\"write\"]\npoints = 1\n");
        let plan = planned(&text).expect("planned").plan;
        let units = plan.units().iter().filter(|unit| unit.role == results::Role::Experiment);
        let mut words: Vec<_> = units
            .map(|unit| {
                unit.unit.split_whitespace().find(|w| w.starts_with("expect")).map(str::to_owned)
            })
            .collect();
        words.sort();
        words.dedup();
        words
    };
    assert_eq!(expect("drop"), [Some("expect=ok".to_owned())]);
    assert_eq!(expect("cfs-sticky"), [Some("expect=told".to_owned())]);
    assert_eq!(expect("lost-write"), [Some("expect=any".to_owned())]);
}

#[test]
fn a_soak_is_decided_by_its_seed_and_grows_at_its_end() {
    let soak = |units: u64, seed: u64| {
        let text = format!(
            "name = \"s\"\nquestion = \"?\"\n[soak]\nunits = {units}\nseed = {seed}\n\
             scenarios = [\"healthy\", \"shutdown\"]\nkinds = [\"all\"]\n"
        );
        let plan = planned(&text).expect("planned").plan;
        plan.units().iter().map(|unit| unit.unit.clone()).collect::<std::collections::BTreeSet<_>>()
    };
    let (short, long) = (soak(40, 1), soak(60, 1));
    assert_eq!(short, soak(40, 1));
    assert_eq!((short.len(), long.len()), (42, 62));
    assert!(short.is_subset(&long));
    assert_eq!(short.intersection(&soak(40, 2)).count(), 2, "only the controls are the same");
}

#[test]
fn the_published_schema_has_exactly_the_keys_that_are_read() {
    let schema = include_str!("../../../docs/campaign.schema.json");
    let schema: serde_json::Value = serde_json::from_str(schema).expect("json");
    let head = "name = \"x\"\nquestion = \"?\"\n";
    for (table, place, begin) in [
        ("", "/properties", String::new()),
        ("units", "/$defs/units/properties", "[[units]]\n".to_owned()),
        ("faults", "/$defs/faults/properties", "[[units]]\n[units.faults]\n".to_owned()),
        ("soak", "/$defs/soak/properties", "[soak]\n".to_owned()),
    ] {
        let error = planned(&format!("{head}{begin}colour = 1\n")).expect_err("unknown");
        // unknown field `colour`, expected one of `a`, `b`
        let mut read: Vec<&str> = error.split('`').skip(3).step_by(2).collect();
        let properties = schema.pointer(place).and_then(serde_json::Value::as_object);
        let mut published: Vec<&str> =
            properties.expect("properties").keys().map(String::as_str).collect();
        read.sort_unstable();
        published.sort_unstable();
        assert_eq!(read, published, "{table}: {error}");
    }
}

#[test]
fn every_shipped_campaign_can_be_planned() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../campaigns");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).expect("campaigns") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("text");
        // The soak is as large as somebody has time for: its form is what can be wrong.
        let text = text.replace("units = 120000", "units = 50");
        let planned = plan(&path, &text, build()).unwrap_or_else(|error| panic!("{error}"));
        assert!(planned.plan.units().len() > 50, "{}", path.display());
        names.push(path.file_stem().expect("a name").to_string_lossy().into_owned());
        assert_eq!(Some(&planned.plan.header().campaign), names.last());
    }
    names.sort();
    assert_eq!(names, ["driver", "latency", "mail", "power-cuts", "shutdown", "soak"]);
}
