//! A fault that fires changes something: every kind at every command that a rule may name for it.

use std::collections::BTreeMap;

use nvme_spec::command::{Copy12, FormatNvm10, Rw12, SANACT_BLOCK_ERASE, Sanitize10, prinfo};
use nvme_spec::copy::{CopyFormat, CopyRange};
use nvme_spec::register as reg;
use nvme_spec::reservation::{Register10, Reserve10};
use nvme_spec::{AdminOpcode, NvmOpcode, Sqe, feature};

use crate::fault::{ActionKind, Group, KINDS, Kind, On, OpClass, Rule};
use crate::rig::{DATA, Rig};
use crate::{CachePolicy, Config, Event, FaultPlan};

/// The namespace of the protected blocks.
const PROTECTED: u32 = 2;

/// A read of this block hangs whatever the rules say, to be aborted.
const HANGS: &str = "read lba=0x300 => hang";

/// A command: its queue, its entry, what is in its page before.
type Step = (u16, Sqe, Vec<u8>);

/// Commands without data of their own find this.
fn filled() -> Vec<u8> {
    vec![0x5a; 4096]
}

fn set(mut sqe: Sqe, dwords: &[(usize, u32)]) -> Sqe {
    for (dword, value) in dwords {
        match dword {
            10 => sqe.cdw10 = (*value).into(),
            11 => sqe.cdw11 = (*value).into(),
            12 => sqe.cdw12 = (*value).into(),
            13 => sqe.cdw13 = (*value).into(),
            other => panic!("dword {other}"),
        }
    }
    sqe
}

fn admin(opcode: AdminOpcode, nsid: u32, dwords: &[(usize, u32)], data: Vec<u8>) -> Step {
    (0, set(Sqe::new(opcode.0, nsid), dwords), data)
}

fn io(sqe: Sqe) -> Step {
    (1, sqe, filled())
}

/// Every I/O command, and looks at what they left.
fn io_commands() -> Vec<Step> {
    let write = |lba, byte| (1, Sqe::write(1, lba, 0, false), vec![byte; 4096]);
    let read = |lba| io(Sqe::read(1, lba, 0));
    let keyed = |opcode: NvmOpcode, cdw10, keys: [u64; 2]| {
        (1, set(Sqe::new(opcode.0, 1), &[(10, cdw10)]), keys.map(u64::to_le_bytes).concat())
    };
    let source = CopyRange { slba: 1, ..CopyRange::default() };
    let mut range = vec![0; 16];
    (range[4], range[8]) = (1, 2);
    let mut zeroes = Sqe::write_zeroes(PROTECTED, 0, 0);
    let protected = Rw12(0).with_prinfo(prinfo::ACTION).0;
    zeroes.cdw12 = protected.into();
    vec![
        write(1, 5),
        write(1, 6),
        write(2, 7),
        write(3, 8),
        read(1),
        (1, Sqe::compare(1, 1, 0), vec![6; 4096]),
        io(Sqe::verify(1, 1, 0)),
        (1, Sqe::copy(1, 20, Copy12(0)), source.encode(CopyFormat::new(0).expect("a format")).to_vec()),
        read(20),
        io(Sqe::write_zeroes(1, 3, 0)),
        read(3),
        (1, Sqe::deallocate(1, 0), range),
        read(2),
        io(Sqe::write_uncorrectable(1, 9, 0)),
        read(9),
        (1, set(Sqe::write(PROTECTED, 0, 0, false), &[(12, protected)]), filled()),
        (1, zeroes, filled()),
        io(set(Sqe::read(PROTECTED, 0, 0), &[(12, protected)])),
        io(Sqe::flush(1)),
        keyed(NvmOpcode::RESERVATION_REGISTER, Register10(0).0, [0, 0x99]),
        keyed(NvmOpcode::RESERVATION_ACQUIRE, Reserve10(0).with_rtype(1).0, [0x99, 0]),
        keyed(NvmOpcode::RESERVATION_REPORT, 15, [0, 0]),
        keyed(NvmOpcode::RESERVATION_RELEASE, Reserve10(0).with_rtype(1).0, [0x99, 0]),
        keyed(NvmOpcode::RESERVATION_REPORT, 15, [0, 0]),
    ]
}

/// Every admin command that [`run`] does not send for itself.
fn admin_commands() -> Vec<Step> {
    use AdminOpcode as Admin;
    let mut behaviour = vec![0; feature::HOST_BEHAVIOR_BYTES];
    behaviour[feature::HOST_BEHAVIOR_ACRE] = 1;
    let how = |sqe: Sqe| (0, sqe, filled());
    vec![
        how(Sqe::identify(1, 0)),
        (0, Sqe::set_features(feature::HOST_BEHAVIOR, 0), behaviour),
        how(Sqe::get_features(feature::HOST_BEHAVIOR, 0)),
        how(Sqe::get_log_page(2, 0xffff_ffff, 127, 0)),
        admin(Admin::GET_LBA_STATUS, 1, &[(12, 63), (13, 0x10 << 24)], filled()),
        admin(Admin::DIRECTIVE_RECEIVE, 1, &[(10, 15), (11, 1)], filled()),
        admin(Admin::DIRECTIVE_SEND, 1, &[(11, 1)], filled()),
        admin(Admin::DEVICE_SELF_TEST, 1, &[(10, 1)], filled()),
        admin(Admin::NAMESPACE_MANAGEMENT, 0, &[(10, 0)], new_namespace()),
        admin(Admin::NAMESPACE_ATTACHMENT, 3, &[(10, 0)], vec![1, 0, 0, 0]),
        admin(Admin::FIRMWARE_DOWNLOAD, 0, &[(10, 1023)], filled()),
        admin(Admin::FIRMWARE_COMMIT, 0, &[(10, 2 | 1 << 3)], filled()),
        admin(Admin::KEEP_ALIVE, 0, &[], filled()),
    ]
}

/// Eight blocks of 4 KiB.
fn new_namespace() -> Vec<u8> {
    let mut page = vec![0; 4096];
    (page[0], page[8], page[26]) = (8, 8, 0);
    page
}

/// Everything that the host, or who looks at its machine, could notice.
#[derive(Debug, Default, PartialEq)]
struct Noticed {
    trace: Vec<(u64, Event)>,
    /// Completions and the page of data, after each command.
    told: Vec<(Vec<[u8; 16]>, Vec<u8>)>,
    registers: Vec<(u32, bool)>,
    left: Vec<u8>,
}

fn step(rig: &mut Rig, noticed: &mut Noticed, (qid, sqe, data): Step) {
    let mut page = data;
    page.resize(4096, 0);
    rig.memory_write(DATA, &page);
    let sqe = if sqe.prp1.get() == 0 { sqe.with_prp(DATA, DATA + 4096) } else { sqe };
    rig.submit(qid, sqe);
    rig.settle();
    let completions = rig.reap(qid).iter().map(nvme_spec::Cqe::to_bytes).collect();
    noticed.told.push((completions, rig.data(4096)));
    noticed.registers.push((rig.read32(reg::CSTS), rig.controller.is_pin_asserted()));
}

/// A host that sends every command there is.
fn run(rules: &[String]) -> (Noticed, BTreeMap<String, u64>) {
    let rule = |text: &String| text.parse::<Rule>().unwrap_or_else(|e| panic!("{text}: {e}"));
    let plan = FaultPlan { seed: 1, rules: rules.iter().map(rule).collect() };
    let config = Config { unallocated_bytes: 1 << 20, ..Config::default() };
    let mut rig = Rig::over(config, &[(1, 1024), (PROTECTED, 64)], plan);
    let mut noticed = Noticed::default();
    assert!(rig.try_enable());
    for qid in [1, 2] {
        for sqe in rig.pair_commands(qid, qid) {
            step(&mut rig, &mut noticed, (0, sqe, filled()));
        }
    }
    let protected = FormatNvm10(0).with_lbafl(3).with_pi(1);
    step(&mut rig, &mut noticed, (0, Sqe::format_nvm(PROTECTED, protected), filled()));
    step(&mut rig, &mut noticed, (0, Sqe::async_event_request(), filled()));
    for step_ in io_commands() {
        step(&mut rig, &mut noticed, step_);
    }
    let hanging = rig.submit(1, Sqe::read(1, 0x300, 0).with_prp(DATA, 0));
    rig.settle();
    step(&mut rig, &mut noticed, (0, Sqe::abort(1, hanging), filled()));
    for step_ in admin_commands() {
        step(&mut rig, &mut noticed, step_);
    }
    // What reads alone would not tell: whether writes go on.
    for step_ in io_commands() {
        step(&mut rig, &mut noticed, step_);
    }
    let again = rig.pair_commands(2, 2);
    let shadow = Sqe::doorbell_buffer_config(DATA + 8 * 4096, DATA + 9 * 4096);
    let sanitize = Sanitize10(0).with_sanact(SANACT_BLOCK_ERASE).0;
    for last in [
        (0, Sqe::delete_io_sq(2), filled()),
        (0, Sqe::delete_io_cq(2), filled()),
        (0, again[0], filled()),
        (0, again[1], filled()),
        admin(AdminOpcode::SANITIZE, 0, &[(10, sanitize)], filled()),
        (1, Sqe::read(1, 1, 0), filled()),
        (0, shadow, filled()),
        (0, Sqe::identify(1, 0), filled()),
        (0, Sqe::get_log_page(2, 0xffff_ffff, 127, 0), filled()),
        (0, Sqe::async_event_request(), filled()),
        (1, Sqe::read(1, 1, 0), filled()),
    ] {
        step(&mut rig, &mut noticed, last);
    }
    noticed.trace = rig.trace.clone();
    noticed.trace.retain(|(_, event)| !matches!(event, Event::Fault { .. }));
    let fired = rig.controller.faults().counts();
    let fired = fired.map(|(rule, counts)| (rule.to_string(), counts.fired)).collect();
    rig.controller.power_cut(rig.now_ns, CachePolicy::LoseAll, &mut rig.trace);
    noticed.left = [1, 2, 3, 20].map(|lba| rig.on_media(lba)).to_vec();
    (noticed, fired)
}

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

/// What there is after a reset, at the end of which a command was cut short: the host's page, who has reserved what, and
/// the first byte of each block with the cache and without it.
fn after_a_reset(op: OpClass, rules: &[String]) -> [Vec<u8>; 4] {
    let rule = |text: &String| text.parse::<Rule>().expect("a rule");
    let plan = FaultPlan { seed: 1, rules: rules.iter().map(rule).collect() };
    let mut rig = Rig::with(Config::default(), plan);
    let is_this = |(qid, sqe, _): &Step| match op {
        OpClass::Io(opcode) => *qid == 1 && sqe.opcode() == opcode.0,
        OpClass::Admin(opcode) => *qid == 0 && sqe.opcode() == opcode.0,
        _ => false,
    };
    let mut steps: Vec<Step> = io_commands().into_iter().chain(admin_commands()).collect();
    let last = steps.iter().rposition(is_this).expect("a command of each name");
    steps.truncate(last + 1);
    for next in steps.into_iter().filter(|(_, sqe, _)| sqe.nsid.get() != PROTECTED) {
        step(&mut rig, &mut Noticed::default(), next);
    }
    rig.disable();
    rig.settle();
    let page = rig.data(4096);
    rig.enable();
    rig.create_pair(1, 1);
    let report = set(Sqe::new(NvmOpcode::RESERVATION_REPORT.0, 1), &[(10, 15)]);
    rig.run(1, report.with_prp(DATA, 0));
    let reserved = rig.data(64);
    // What cannot be read reads as this.
    let first = |block: Result<Vec<u8>, _>| block.map_or(0xff, |block| block[0]);
    let cached = [1, 2, 3, 9, 20].map(|lba| first(rig.read_block(lba))).to_vec();
    rig.controller.power_cut(rig.now_ns, CachePolicy::LoseAll, &mut rig.trace);
    [page, reserved, cached, [1, 2, 3, 20].map(|lba| rig.on_media(lba)).to_vec()]
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
