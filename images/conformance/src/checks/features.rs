//! Features.
// Spec: NVMe-Base-2.0c 5.27 "Set Features command"

use hal::Platform;
use nvme_spec::command::SetFeatures10;
use nvme_spec::feature as fid;
use nvme_spec::identify::vwc;
use nvme_spec::{Sqe, status};

use super::checks;
use crate::bench::{Bench, NSID};
use crate::verdict::{Outcome, ensure, need};

checks![
    the_number_of_queues_is_granted_once,
    too_many_queues_are_an_invalid_field,
    the_write_cache_can_be_switched,
    a_temperature_threshold_reads_back,
    the_event_configuration_reads_back,
    a_default_differs_from_what_was_set,
    an_unknown_feature_is_an_invalid_field,
    what_cannot_be_saved_is_refused,
    a_feature_of_the_controller_takes_no_namespace,
];

/// A feature that no standard knows.
const FID_UNKNOWN: u8 = 0x70;

fn get<P: Platform>(
    bench: &mut Bench<'_, P>,
    fid: u8,
    sel: u32,
) -> Result<u32, crate::verdict::Trouble> {
    let sqe = Sqe::get_features(fid, sel as u8);
    let cqe = bench.admin(sqe)?;
    crate::bench::expect(&sqe, &cqe, status::SUCCESS)?;
    Ok(cqe.dw0.get())
}

fn the_number_of_queues_is_granted_once<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    bench.reset_admin_only()?;
    let wanted = Sqe::set_features(fid::NUMBER_OF_QUEUES, 1 << 16 | 1);
    let granted = bench.admin(wanted)?;
    crate::bench::expect(&wanted, &granted, status::SUCCESS)?;
    let current = get(bench, fid::NUMBER_OF_QUEUES, fid::SEL_CURRENT)?;
    ensure!(granted.dw0.get() == current, "{:#x} granted, {current:#x} read", granted.dw0.get());
    let create = bench.create_cq();
    bench.admin_ok(create)?;
    // With queues there, it is too late.
    bench.admin_fails(wanted, status::COMMAND_SEQUENCE_ERROR)
}

fn too_many_queues_are_an_invalid_field<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    bench.reset_admin_only()?;
    for value in [0xffff, 0xffff_0000] {
        let sqe = Sqe::set_features(fid::NUMBER_OF_QUEUES, value);
        bench.admin_fails(sqe, status::INVALID_FIELD)?;
    }
    Ok(())
}

fn the_write_cache_can_be_switched<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    need(bench.controller.vwc & vwc::PRESENT != 0, "no volatile write cache")?;
    for is_on in [0, 1] {
        bench.admin_ok(Sqe::set_features(fid::VOLATILE_WRITE_CACHE, is_on))?;
        let found = get(bench, fid::VOLATILE_WRITE_CACHE, fid::SEL_CURRENT)?;
        ensure!(found & 1 == is_on, "set to {is_on}, reads {found:#x}");
    }
    Ok(())
}

fn a_temperature_threshold_reads_back<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    bench.admin_ok(Sqe::set_features(fid::TEMPERATURE_THRESHOLD, 399))?;
    let found = get(bench, fid::TEMPERATURE_THRESHOLD, fid::SEL_CURRENT)?;
    ensure!(found & 0xffff == 399, "threshold {found:#x}");
    Ok(())
}

fn the_event_configuration_reads_back<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    // The SMART warnings, which every controller has.
    bench.admin_ok(Sqe::set_features(fid::ASYNC_EVENT_CONFIG, 0x1f))?;
    let found = get(bench, fid::ASYNC_EVENT_CONFIG, fid::SEL_CURRENT)?;
    ensure!(found == 0x1f, "configuration {found:#x}");
    Ok(())
}

fn a_default_differs_from_what_was_set<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    use nvme_spec::identify::oncs::FEATURE_SAVE_SELECT;
    need(bench.controller.oncs.get() & FEATURE_SAVE_SELECT != 0, "no select in Get Features")?;
    let default = get(bench, fid::TEMPERATURE_THRESHOLD, fid::SEL_DEFAULT)? & 0xffff;
    bench.admin_ok(Sqe::set_features(fid::TEMPERATURE_THRESHOLD, default + 3))?;
    let again = get(bench, fid::TEMPERATURE_THRESHOLD, fid::SEL_DEFAULT)? & 0xffff;
    ensure!(again == default, "the default went from {default} to {again}");
    let capabilities = get(bench, fid::TEMPERATURE_THRESHOLD, fid::SEL_CAPABILITIES)?;
    ensure!(capabilities & fid::CAPABILITY_CHANGEABLE != 0, "capabilities {capabilities:#x}");
    Ok(())
}

fn an_unknown_feature_is_an_invalid_field<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    let get = Sqe::get_features(FID_UNKNOWN, 0);
    bench.admin_fails(get, status::INVALID_FIELD)?;
    bench.admin_fails(Sqe::set_features(FID_UNKNOWN, 0), status::INVALID_FIELD)
}

fn what_cannot_be_saved_is_refused<P: Platform>(bench: &mut Bench<'_, P>) -> Outcome {
    use nvme_spec::identify::oncs::FEATURE_SAVE_SELECT;
    need(bench.controller.oncs.get() & FEATURE_SAVE_SELECT != 0, "no save in Set Features")?;
    let capabilities = get(bench, fid::TEMPERATURE_THRESHOLD, fid::SEL_CAPABILITIES)?;
    need(capabilities & fid::CAPABILITY_SAVEABLE == 0, "the feature can be saved")?;
    let mut sqe = Sqe::set_features(fid::TEMPERATURE_THRESHOLD, 400);
    sqe.cdw10 = SetFeatures10(sqe.cdw10.get()).with_sv(1).0.into();
    bench.admin_fails(sqe, status::FEATURE_NOT_SAVEABLE)
}

fn a_feature_of_the_controller_takes_no_namespace<P: Platform>(
    bench: &mut Bench<'_, P>,
) -> Outcome {
    let mut sqe = Sqe::set_features(fid::TEMPERATURE_THRESHOLD, 400);
    sqe.nsid = NSID.into();
    bench.admin_fails(sqe, status::FEATURE_NOT_NAMESPACE_SPECIFIC)
}
