//! `swaplab boot --controller`: a drive that is otherwise than the default, and files that are wrong.

use crate::run::{expect, has_machine, name};

#[test]
fn the_guest_meets_the_controller_that_the_file_describes_and_its_conformance_test_passes() {
    if !has_machine() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("controller.toml");
    let boot = |text: &str| {
        std::fs::write(&file, text).expect("a file");
        let append = "program=selftest-nvme trace=off";
        expect(0, &["boot", "--controller", name(&file), "--append", append])
    };
    for (text, skipped) in [
        ("mdts = 1", "MDTS is less than the shape needs"),
        ("vectors = 2\nio_queues_max = 1", "one pair of I/O queues is all there is"),
        ("has_volatile_cache = false\ndstrd = 3\natomic_blocks = 4", "no volatile write cache"),
    ] {
        let said = boot(text);
        assert!(said.contains("0 failed") && said.contains(skipped), "{text}: {said}");
    }
}

#[test]
fn a_mistake_in_a_controllers_file_is_named_with_its_place_and_exits_2() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("controller.toml");
    for (text, place, hint) in [
        ("mdts = 1\nqueues = 2\n", "2:1", "unknown field `queues`"),
        ("mdts = 11\n", "1:1", "must be 1 to 10"),
    ] {
        std::fs::write(&file, text).expect("a file");
        let said = expect(2, &["boot", "--controller", name(&file)]);
        let place = format!("{}:{place}: ", name(&file));
        assert!(said.contains(&place) && said.contains(hint), "{said}");
    }
    let said = expect(2, &["serve", "--socket", "unused", "--controller", "not-there.toml"]);
    assert!(said.contains("not-there.toml: No such file"), "{said}");
}
