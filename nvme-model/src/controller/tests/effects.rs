//! A fault that fires changes something: every kind at every command that a rule may name for it.

mod commands;
mod host;

use nvme_spec::{AdminOpcode, NvmOpcode};

use crate::fault::{ActionKind, Group, KINDS, Kind, On, OpClass, Rule};
use host::{HANGS, after_a_reset, run};

/// What follows the arrow of rules of a kind: its example's, unless that would mean the same here.
fn actions(kind: &Kind) -> Vec<String> {
    let example = kind.example.split(" => ").nth(1).expect("an arrow");
    let other: &[&str] = match kind.kind {
        // A format takes its time.
        ActionKind::Stall => &["stall=100s"],
        // Where each command has something: a byte of a page, the first block of a range.
        ActionKind::Forge => &["forge=8:07"],
        ActionKind::PartialDma => &["partial-dma=4"],
        // Where no command belongs.
        ActionKind::WrongCq => &["wrong-cq=2"],
        ActionKind::WrongVector => &["wrong-vector=2"],
        ActionKind::DmaError => &["dma-error=data", "dma-error=sqe", "dma-error=cqe"],
        _ => &[example],
    };
    other.iter().map(|action| (*action).to_owned()).collect()
}

/// Nobody looks at the pin any more: this host rings no shadow doorbells, so once it has configured
/// them its completions count as unread, and the pin is asserted with and without the fault.
const IMPERCEPTIBLE: [&str; 1] = ["doorbell-buffer-config => stuck-pin"];

/// Every command by name.
fn ops() -> impl Iterator<Item = OpClass> {
    let io = NvmOpcode::NAMED.iter().map(|(opcode, _)| OpClass::Io(*opcode));
    let admin = AdminOpcode::NAMED.iter().map(|(opcode, _)| OpClass::Admin(*opcode));
    io.chain(admin)
}

/// Whether each rule about one command that does something of this group can be told from none.
fn check(group: Group) {
    let (plain, _) = run(&[HANGS.to_owned()]);
    let mut silent = Vec::new();
    let on_commands = |row: &&Kind| row.group == group && !matches!(row.on, On::Only(_));
    // What comes after its command has a test of its own.
    let kinds = KINDS.iter().filter(on_commands).filter(|row| row.kind != ActionKind::LateDma);
    for action in kinds.flat_map(actions) {
        for op in ops() {
            let text = format!("{op} => {action}");
            let Ok(rule) = text.parse::<Rule>() else { continue };
            let (noticed, fired) = run(&[HANGS.to_owned(), text.clone()]);
            if fired[&rule.to_string()] == 0 {
                silent.push(format!("{text} (never fired)"));
            } else if noticed == plain && !IMPERCEPTIBLE.contains(&text.as_str()) {
                silent.push(text);
            }
        }
    }
    assert!(silent.is_empty(), "nothing comes of:\n{}", silent.join("\n"));
}

#[test]
fn something_comes_of_what_happens_to_the_way_of_a_command() {
    check(Group::Command);
}

#[test]
fn something_comes_of_what_happens_to_data() {
    check(Group::Data);
}

#[test]
fn something_comes_of_what_happens_to_transfers() {
    check(Group::Dma);
}

#[test]
fn something_comes_of_what_happens_to_completions() {
    check(Group::Completion);
}

#[test]
fn something_comes_of_what_happens_to_interrupts() {
    check(Group::Interrupt);
}

#[test]
fn something_comes_of_what_happens_to_the_controller() {
    check(Group::Controller);
}

#[test]
fn something_comes_of_what_happens_as_an_event() {
    check(Group::Event);
}

#[test]
fn something_comes_of_what_a_command_does_after_its_end() {
    let mut silent = Vec::new();
    for op in ops() {
        let late = format!("{op} => late-dma=1ms");
        if late.parse::<Rule>().is_err() {
            continue;
        }
        let hang = format!("{op} => hang until-reset");
        let plain = after_a_reset(op, std::slice::from_ref(&hang));
        if after_a_reset(op, &[hang, late.clone()]) == plain {
            silent.push(late);
        }
    }
    assert!(silent.is_empty(), "nothing comes of:\n{}", silent.join("\n"));
}
