//! Controller properties.
// Spec: NVMe-Base-2.0c 3.1.3 "Controller Properties"

use hal::{DmaBuf, Mmio, Platform};
use nvme_spec::register::{self as reg, Aqa, Vs};

use super::checks;
use crate::bench::{Bench, ENTRIES};
use crate::verdict::{Outcome, ensure};

checks![
    capabilities_are_those_of_an_nvm_controller,
    the_admin_queues_read_back_while_enabled,
    read_only_registers_ignore_writes,
    both_halves_of_a_register_make_the_whole,
];

/// CAP.CSS bit 0: the NVM command set.
const CSS_NVM: u64 = 1;

fn capabilities_are_those_of_an_nvm_controller<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    let (cap, vs) = (bench.cap, Vs(bench.read(reg::VS)));
    ensure!(cap.mqes_z() >= 1, "CAP.MQES {:#x}: queues of one entry", cap.mqes_z());
    ensure!(cap.css() & CSS_NVM != 0, "CAP.CSS {:#x} without the NVM command set", cap.css());
    ensure!(cap.mpsmin() <= cap.mpsmax(), "MPSMIN {} over MPSMAX {}", cap.mpsmin(), cap.mpsmax());
    ensure!((1..=2).contains(&vs.mjr()), "version {}.{}", vs.mjr(), vs.mnr());
    Ok(())
}

fn the_admin_queues_read_back_while_enabled<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    let aqa = Aqa(bench.read(reg::AQA));
    let entries_z = u32::from(ENTRIES - 1);
    ensure!((aqa.asqs_z(), aqa.acqs_z()) == (entries_z, entries_z), "AQA {:#x}", aqa.0);
    let bar = bench.platform.bar();
    let (asq, acq) = (bar.read64(reg::ASQ as usize), bar.read64(reg::ACQ as usize));
    let is_same = (asq, acq) == (bench.admin.sq.iova().0, bench.admin.cq.iova().0);
    ensure!(is_same, "ASQ or ACQ is not what was written");
    Ok(())
}

fn read_only_registers_ignore_writes<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    for register in [reg::CAP, reg::CAP + 4, reg::VS] {
        let before = bench.read(register);
        bench.write(register, !before);
        let after = bench.read(register);
        ensure!(before == after, "register {register:#x}: {before:#x} became {after:#x}");
    }
    ensure!(bench.csts().rdy() == 1, "not ready any more");
    Ok(())
}

fn both_halves_of_a_register_make_the_whole<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    let halves = u64::from(bench.read(reg::CAP + 4)) << 32 | u64::from(bench.read(reg::CAP));
    ensure!(halves == bench.cap.0, "{halves:#x} and {:#x}", bench.cap.0);
    Ok(())
}
