//! Whatever admin commands come, the controller stays sound: each completes at most once, nothing
//! panics, nothing outside of the granted memory is touched, and background work comes to an end.

use std::collections::BTreeMap;

use nvme_spec::Sqe;
use proptest::prelude::*;

use crate::rig::{DATA, Rig};
use crate::{CachePolicy, Config, Event, FaultPlan, LabWake, RamMedia};

#[derive(Clone, Debug)]
enum Act {
    Admin(Vec<u8>),
    Io(u8, u32, u64),
    Wait(u64),
    Add(u32),
    Remove(u32),
    Reset,
    PowerCut,
}

fn sqe() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        0x02_u8, 0x06, 0x08, 0x09, 0x0a, 0x0c, 0x0d, 0x10, 0x11, 0x14, 0x15, 0x18, 0x19, 0x1a,
        0x7c, 0x80, 0x84, 0x86,
    ]);
    let opcode = prop_oneof![8 => known, 1 => any::<u8>()];
    let nsid = prop_oneof![4 => 0..5_u32, 1 => Just(u32::MAX), 1 => any::<u32>()];
    let page = prop_oneof![8 => (0..40_u64).prop_map(|page| DATA + page * 4096), 1 => any::<u64>()];
    // Small numbers are selections, log pages, features and actions.
    let dword = || {
        prop_oneof![
            4 => 0..16_u32,
            2 => (0..256_u32, 0..8_u32).prop_map(|(low, high)| 0x03ff_0000 | high << 8 | low),
            1 => (0..32_u32).prop_map(|bit| 1 << bit),
            1 => any::<u32>(),
        ]
    };
    (opcode, nsid, page.clone(), page, [dword(), dword(), dword(), dword()]).prop_map(
        |(opcode, nsid, prp1, prp2, dwords)| {
            let mut sqe = Sqe::new(opcode, nsid).with_prp(prp1, prp2);
            [sqe.cdw10, sqe.cdw11, sqe.cdw12, sqe.cdw13] = dwords.map(Into::into);
            sqe.to_bytes().to_vec()
        },
    )
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        12 => sqe().prop_map(Act::Admin),
        4 => (0..10_u8, 0..4_u32, 0..80_u64).prop_map(|(op, nsid, lba)| Act::Io(op, nsid, lba)),
        3 => (0..100_000_000_000_u64).prop_map(Act::Wait),
        1 => (0..5_u32).prop_map(Act::Add),
        1 => (0..5_u32).prop_map(Act::Remove),
        1 => Just(Act::Reset),
        1 => Just(Act::PowerCut),
    ]
}

fn perform(rig: &mut Rig, act: &Act) {
    match act {
        Act::Admin(bytes) => {
            let sqe = Sqe::from_bytes(bytes.as_slice().try_into().expect("64 bytes"));
            rig.submit(0, sqe);
        }
        Act::Io(op, nsid, lba) => {
            let mut sqe = Sqe::read(*nsid, *lba, 0).with_prp(DATA, DATA + 4096);
            sqe.cdw0 = u32::from(*op).into();
            rig.submit(1, sqe);
        }
        Act::Wait(ns) => {
            rig.wait(u16::MAX, rig.now_ns + ns);
        }
        Act::Add(nsid) => {
            let media = Box::new(RamMedia::new(64, 512));
            let _ = rig.controller.add_namespace(rig.now_ns, *nsid, media, &mut rig.trace);
        }
        Act::Remove(nsid) => {
            let _ = rig.controller.remove_namespace(rig.now_ns, *nsid, &mut rig.trace);
        }
        Act::Reset => restart(rig, |_| {}),
        Act::PowerCut => restart(rig, |rig| {
            rig.controller.power_cut(rig.now_ns, CachePolicy::LoseAll, &mut rig.trace);
            rig.now_ns = 0;
        }),
    }
    rig.reap(0);
    rig.reap(1);
}

/// Forgets the commands that a reset loses, and begins anew.
fn restart(rig: &mut Rig, cut: impl FnOnce(&mut Rig)) {
    check(&rig.trace);
    rig.disable();
    cut(rig);
    rig.trace.clear();
    rig.start();
}

fn check(trace: &[(u64, Event)]) {
    let mut open: BTreeMap<(u16, u16), i64> = BTreeMap::new();
    for (_, event) in trace {
        match event {
            Event::Fetch { sqid, cid, .. } => *open.entry((*sqid, *cid)).or_default() += 1,
            Event::Complete { sqid, cid, .. } => {
                let count = open.entry((*sqid, *cid)).or_default();
                *count -= 1;
                assert!(*count >= 0, "completed twice: {event}");
            }
            _ => {}
        }
    }
}

fn run(acts: &[Act]) -> Rig {
    let config = Config { unallocated_bytes: 1 << 20, ..Config::default() };
    let mut rig = Rig::over(config, &[(1, 64), (3, 64)], FaultPlan::none());
    rig.start();
    for act in acts {
        perform(&mut rig, act);
    }
    rig
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_admin_commands_complete_at_most_once_and_never_panic(
        acts in prop::collection::vec(act(), 1..60),
    ) {
        let mut rig = run(&acts);
        prop_assert_eq!(rig.wait(u16::MAX, u64::MAX), LabWake::Forever);
        check(&rig.trace);
        prop_assert!(rig.controller.host_failure().is_none());
        // The books balance: what namespaces have and what is left is what there is.
        let controller = &rig.controller;
        let sizes = controller.namespaces().map(|(nsid, _)| {
            controller.allocated(nsid).map_or(0, |namespace| namespace.size_bytes())
        });
        let used: u128 = sizes.sum();
        prop_assert_eq!(used + controller.unallocated_bytes(), controller.device.capacity_bytes);
    }

    #[test]
    fn the_same_commands_give_the_same_trace(acts in prop::collection::vec(act(), 1..30)) {
        let bytes = |rig: &Rig| -> Vec<u8> {
            rig.trace.iter().flat_map(|(_, event)| event.to_bytes()).collect()
        };
        prop_assert_eq!(bytes(&run(&acts)), bytes(&run(&acts)));
    }
}
