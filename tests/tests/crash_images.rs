//! The images that a power cut may leave of a run are the same on every engine, and every one recovers.

use campaign::crash::{self, Choice, Recorded};
use swaplab_tests::{engines, units_of};

const CHOICE: Choice = Choice { images_max: 16, seed: 1 };

#[test]
fn legal_images_of_a_run_are_the_same_on_every_engine_and_all_recover() {
    for label in ["swap", "dio"] {
        let unit = units_of("reboot").into_iter().find(|unit| unit.label == label);
        let unit = unit.unwrap_or_else(|| panic!("no unit {label}"));
        let mut first = None;
        for mut engine in engines() {
            let kind = engine.kind();
            let recorded = crash::record(engine.as_mut(), &unit);
            let Recorded { log, promises, .. } =
                recorded.unwrap_or_else(|e| panic!("{kind:?}: {e}"));
            let survey = crash::survey(&log, &promises, CHOICE).expect("RAM");
            assert_eq!(survey.bad, [], "{kind:?}");
            assert!(survey.images > 300, "{kind:?}: {survey:?}");
            let from = promises.filesystem.expect("mkfs is done");
            let control = log.without_promises(from);
            let control = crash::survey(&control, &promises, CHOICE).expect("RAM");
            assert!(!control.bad.is_empty(), "{kind:?}: nobody misses the flushes");
            let what = (promises, survey, control);
            assert_eq!(*first.get_or_insert_with(|| what.clone()), what, "{kind:?}");
        }
    }
}
