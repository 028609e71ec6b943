//! Verdicts that a healthy run never gives: each is provoked, on every engine.

use campaign::trace::{Entry, Source};
use campaign::{Oracle, Prediction, Role, Unit, Verdict};
use hal::trace::Layer;
use nvme_model::{Event, FaultPlan};
use swaplab_tests::{engines, run, units_of};

fn unit(label: &str) -> Unit {
    let found = units_of("shutdown").into_iter().find(|unit| unit.label == label);
    found.unwrap_or_else(|| panic!("no unit {label}"))
}

fn with_fault(label: &str, rule: &str) -> Unit {
    let mut plan = FaultPlan::none();
    plan.rules.push(rule.parse().unwrap_or_else(|error| panic!("{rule}: {error}")));
    Unit { faults: plan, ..unit(label) }
}

#[test]
fn a_fault_that_never_fires_makes_the_run_not_exercised() {
    for mut engine in engines() {
        let unit = with_fault("swap", "compare => status=generic/internal-error");
        let result = run(engine.as_mut(), &unit);
        assert!(matches!(result.verdict, Verdict::NotExercised(_)), "{:?}", result.verdict);
        assert_eq!((result.faults_planned, result.faults_fired), (1, 0));
        assert!(!result.is_expected());
    }
}

#[test]
fn a_control_judged_as_an_experiment_is_a_finding() {
    for mut engine in engines() {
        let unit = Unit { role: Role::Experiment, ..unit("swap (control)") };
        match run(engine.as_mut(), &unit).verdict {
            Verdict::Fail(finding) => assert_eq!(finding.oracle, Oracle::NothingLost),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_control_that_passes_is_a_finding() {
    for mut engine in engines() {
        let role = Role::Control { must_fail: Oracle::NothingLost };
        let verdict = run(engine.as_mut(), &Unit { role, ..unit("swap") }).verdict;
        assert!(matches!(&verdict, Verdict::Fail(f) if f.detail.contains("passed")), "{verdict:?}");
    }
}

#[test]
fn a_wrong_prediction_is_a_finding_on_every_path() {
    for mut engine in engines() {
        for label in ["extents", "dio", "swap"] {
            let unit = unit(label);
            let prediction = match unit.prediction {
                Prediction::NothingLost => Prediction::SwappedLostAndTold,
                _ => Prediction::NothingLost,
            };
            let verdict = run(engine.as_mut(), &Unit { prediction, ..unit }).verdict;
            assert!(matches!(verdict, Verdict::Fail(_)), "{label}: {verdict:?}");
        }
    }
}

#[test]
fn a_read_error_of_the_drive_is_learned_by_the_driver_and_told_to_the_owner() {
    for mut engine in engines() {
        let rule = "read lba=270 => status=media/unrecovered-read dnr count=1";
        let result = run(engine.as_mut(), &with_fault("swap", rule));
        assert_eq!(result.faults_fired, 1);
        assert_eq!(result.facts.pages_lost.len(), 1, "{:?}", result.facts.errors);
        assert!(result.facts.errors.iter().all(|error| error.learned_by == Layer::Driver));
        assert!(matches!(&result.verdict, Verdict::Fail(f) if f.oracle == Oracle::NothingLost));
    }
}

#[test]
fn a_write_that_the_drive_loses_is_caught_as_wrong_content() {
    for mut engine in engines() {
        let result =
            run(engine.as_mut(), &with_fault("swap", "write lba=273..281 nth=2 => lost-write"));
        assert_eq!(result.faults_fired, 1);
        match result.verdict {
            Verdict::Fail(finding) => assert_eq!(finding.oracle, Oracle::PageContent),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn both_engines_agree_on_runs_with_faults_too() {
    let rules = [
        "read nth=20 => delay=5ms",
        "write nth=30 => drop",
        "io nth=40 => status=generic/internal-error",
        "read nth=25 => cfs",
        "io nth=100 => remove",
    ];
    let mut engines = engines();
    for rule in rules {
        for label in ["extents", "dio", "swap"] {
            let unit = with_fault(label, rule);
            let results: Vec<_> =
                engines.iter_mut().map(|engine| run(engine.as_mut(), &unit)).collect();
            for result in &results {
                assert_eq!(result.trace_hash, results[0].trace_hash, "{label} under {rule}");
                assert_eq!(result.verdict, results[0].verdict, "{label} under {rule}");
            }
        }
    }
}

#[test]
fn a_guest_whose_power_is_cut_says_nothing_more() {
    for mut engine in engines() {
        // In the middle of a user's write, with locks held that a destructor would give back.
        let unit = with_fault("swap", "write lba=0x108..0x109 nth=1 => power-cut");
        let result = run(engine.as_mut(), &unit);
        let entries = result.trace.entries();
        let is_cut = |entry: &Entry| matches!(entry.source, Source::Controller(Event::PowerLost));
        let cut = entries.iter().position(is_cut).expect("the power is cut");
        let next = entries.get(cut + 1).map(|entry| &entry.source);
        assert!(!matches!(next, Some(Source::Guest(_))), "{}: {next:?}", engine.kind().name());
    }
}
