//! Identify.
// Spec: NVMe-Base-2.0c 5.17 "Identify command"

use alloc::vec::Vec;

use hal::{PAGE_BYTES, Platform};
use nvme_spec::identify::{
    CNS_ACTIVE_NAMESPACES, CNS_CONTROLLER, CNS_NAMESPACE, CNS_NAMESPACE_DESCRIPTORS,
};
use nvme_spec::register as reg;
use nvme_spec::{NSID_BROADCAST, Sqe, status};

use super::checks;
use crate::bench::{Bench, NSID, POISON};
use crate::verdict::{Outcome, Trouble, ensure};

checks![
    the_controller_describes_itself_consistently,
    the_namespace_describes_itself_consistently,
    the_list_of_namespaces_ascends_and_is_complete,
    identification_descriptors_are_well_formed,
    a_namespace_that_cannot_be_is_an_invalid_namespace,
    an_unknown_structure_is_an_invalid_field,
    a_structure_is_4096_bytes_and_no_more,
];

/// A CNS value that no standard knows.
const CNS_UNKNOWN: u8 = 0xfb;

fn the_controller_describes_itself_consistently<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    let id = &bench.controller;
    ensure!(id.vid.get() != 0 && id.vid.get() != 0xffff, "VID {:#x}", id.vid.get());
    for (name, text) in [("SN", &id.sn[..]), ("MN", &id.mn[..]), ("FR", &id.fr[..])] {
        let is_ascii = text.iter().all(|byte| (0x20..0x7f).contains(byte));
        ensure!(is_ascii && text[0] != b' ', "{name} is {text:x?}");
    }
    let (ver, vs) = (id.ver.get(), bench.read(reg::VS));
    ensure!(ver == vs, "VER {ver:#x} and the register VS {vs:#x}");
    ensure!(id.sqes & 0xf == 6 && id.cqes & 0xf == 4, "SQES {:#x}, CQES {:#x}", id.sqes, id.cqes);
    ensure!(id.sqes >> 4 >= 6 && id.cqes >> 4 >= 4, "SQES {:#x}, CQES {:#x}", id.sqes, id.cqes);
    ensure!(id.nn.get() >= 1, "no namespaces");
    ensure!(id.cntrltype == 1, "CNTRLTYPE {}: no I/O controller", id.cntrltype);
    ensure!(id.subnqn.starts_with(b"nqn."), "SUBNQN begins with {:x?}", &id.subnqn[..8]);
    Ok(())
}

fn the_namespace_describes_itself_consistently<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    let id = &bench.namespace;
    let (size, capacity, used) = (id.nsze.get(), id.ncap.get(), id.nuse.get());
    ensure!(size > 0 && capacity <= size && used <= capacity, "{size} {capacity} {used}");
    let index = id.flbas & 0xf;
    ensure!(index <= id.nlbaf_z, "FLBAS {index} of {} formats", id.nlbaf_z);
    Ok(())
}

fn the_list_of_namespaces_ascends_and_is_complete<P: Platform>(
    bench: &mut Bench<'_, P>,
) -> Outcome {
    let list = bench.identify(CNS_ACTIVE_NAMESPACES, 0)?;
    let (words, _) = list.as_chunks::<4>();
    let ids = words.iter().map(|word| u32::from_le_bytes(*word));
    let ids: Vec<u32> = ids.take_while(|id| *id != 0).collect();
    ensure!(ids.first() == Some(&NSID), "the list begins with {:?}", ids.first());
    ensure!(ids.is_sorted_by(|a, b| a < b), "not ascending: {ids:?}");
    // Asked for those above the last one, it is empty.
    let last = ids.last().copied().unwrap_or(NSID);
    let list = bench.identify(CNS_ACTIVE_NAMESPACES, last)?;
    ensure!(list.iter().all(|byte| *byte == 0), "more namespaces above the last");
    let beyond = Sqe::identify(CNS_ACTIVE_NAMESPACES, NSID_BROADCAST).with_prp(bench.at(0), 0);
    bench.admin_fails(beyond, status::INVALID_NAMESPACE)
}

fn identification_descriptors_are_well_formed<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    let bytes = bench.identify(CNS_NAMESPACE_DESCRIPTORS, NSID)?;
    let mut rest = &bytes[..];
    let mut kinds = 0_u32;
    while let [kind @ 1..=u8::MAX, length, _, _, body @ ..] = rest {
        let expected = match kind {
            1 => 8,
            2 | 3 => 16,
            4 => 1,
            _ => return Err(Trouble::Wrong(alloc::format!("descriptor of type {kind}"))),
        };
        ensure!(*length == expected, "a descriptor of type {kind} has {length} bytes");
        ensure!(kinds & 1 << kind == 0, "two descriptors of type {kind}");
        kinds |= 1 << kind;
        rest = &body[usize::from(*length)..];
    }
    ensure!(kinds != 0, "no descriptor");
    ensure!(rest.iter().all(|byte| *byte == 0), "something behind the last descriptor");
    Ok(())
}

fn a_namespace_that_cannot_be_is_an_invalid_namespace<P: Platform>(
    bench: &mut Bench<'_, P>,
) -> Outcome {
    for nsid in [0, NSID_BROADCAST - 1] {
        let sqe = Sqe::identify(CNS_NAMESPACE, nsid).with_prp(bench.at(0), 0);
        bench.admin_fails(sqe, status::INVALID_NAMESPACE)?;
    }
    Ok(())
}

fn an_unknown_structure_is_an_invalid_field<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    let sqe = Sqe::identify(CNS_UNKNOWN, NSID).with_prp(bench.at(0), 0);
    bench.admin_fails(sqe, status::INVALID_FIELD)
}

fn a_structure_is_4096_bytes_and_no_more<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    // It begins in the middle of a page, so it ends in the middle of the next.
    let (first, offset) = (PAGE_BYTES, 0x800);
    let (start, second) = (bench.at(first + offset), bench.at(2 * first));
    bench.admin_ok(Sqe::identify(CNS_CONTROLLER, 0).with_prp(start, second))?;
    let id = bench.bytes(first + offset, PAGE_BYTES);
    ensure!(id[4..24] == bench.controller.sn, "another serial number");
    let around = [bench.bytes(first, offset), bench.bytes(2 * first + offset, offset)].concat();
    ensure!(around.iter().all(|byte| *byte == POISON), "bytes around the structure changed");
    Ok(())
}
