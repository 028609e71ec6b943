//! A host that sends every command and notices everything.

use std::collections::BTreeMap;

use nvme_spec::command::{FormatNvm10, SANACT_BLOCK_ERASE, Sanitize10};
use nvme_spec::register as reg;
use nvme_spec::{AdminOpcode, NvmOpcode, Sqe};

use super::commands::{PROTECTED, Step, admin, admin_commands, filled, io_commands, set};
use crate::fault::{OpClass, Rule};
use crate::rig::{DATA, Rig};
use crate::{CachePolicy, Config, Event, FaultPlan};

/// A read of this block hangs whatever the rules say, to be aborted.
pub(super) const HANGS: &str = "read lba=0x300 => hang";

/// Everything that the host, or who looks at its machine, could notice.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Noticed {
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
pub(super) fn run(rules: &[String]) -> (Noticed, BTreeMap<String, u64>) {
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

/// What there is after a reset, at the end of which a command was cut short: the host's page, who has reserved what, and
/// the first byte of each block with the cache and without it.
pub(super) fn after_a_reset(op: OpClass, rules: &[String]) -> [Vec<u8>; 4] {
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
