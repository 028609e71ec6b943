use super::*;

fn controller(change: impl FnOnce(&mut IdentifyController)) -> ControllerLimits {
    let mut id = IdentifyController::zeroed();
    id.mdts = 5;
    id.oncs = (oncs::WRITE_ZEROES | oncs::DATASET_MANAGEMENT).into();
    change(&mut id);
    ControllerLimits::new(&id, 0)
}

fn namespace(lbads: u8, change: impl FnOnce(&mut IdentifyNamespace)) -> IdentifyNamespace {
    let mut id = IdentifyNamespace::zeroed();
    id.nsze = 1000.into();
    id.lbaf[0].lbads = lbads;
    change(&mut id);
    id
}

#[test]
fn small_logical_blocks_are_shifted() {
    let ns = namespace(9, |id| id.nsze = 8007.into());
    let limits = NamespaceLimits::new(&ns, &controller(|id| id.awupf_z = 15.into()), 1).unwrap();
    assert_eq!((limits.lba_shift, limits.geometry.size_blocks), (3, 1000));
    assert_eq!(limits.geometry.transfer_blocks_max, 32);
    assert_eq!(limits.geometry.atomic_blocks, 2);
}

#[test]
fn a_device_that_tears_inside_a_block_says_so() {
    let limits = NamespaceLimits::new(&namespace(9, |_| ()), &controller(|_| ()), 1).unwrap();
    assert_eq!(limits.geometry.atomic_blocks, 0);
}

#[test]
fn the_namespace_unit_and_its_boundary_win_over_the_controller() {
    let ns = namespace(12, |id| {
        id.nsfeat = NSFEAT_NSABP;
        id.nawupf_z = 7.into();
        id.nabspf = 4.into();
    });
    let limits = NamespaceLimits::new(&ns, &controller(|id| id.awupf_z = 63.into()), 1).unwrap();
    assert_eq!(limits.geometry.atomic_blocks, 4);
}

#[test]
fn mdts_is_bounded_by_the_list_page_and_by_nlb() {
    for (mdts, lbads, blocks) in
        [(0, 12, 513), (1, 12, 2), (9, 12, 512), (31, 12, 513), (255, 12, 513), (0, 9, 513)]
    {
        let controller = controller(|id| id.mdts = mdts);
        let limits = NamespaceLimits::new(&namespace(lbads, |_| ()), &controller, 1).unwrap();
        assert_eq!(limits.geometry.transfer_blocks_max, blocks, "mdts {mdts}");
    }
}

#[test]
fn what_the_driver_cannot_drive_is_named() {
    let judge = |ns: &IdentifyNamespace| NamespaceLimits::new(ns, &controller(|_| ()), 7);
    let missing = |missing| Err(Error::Unsupported(missing));
    assert_eq!(judge(&namespace(12, |id| id.nsze = 0.into())), Err(Error::NoNamespace { nsid: 7 }));
    assert_eq!(judge(&namespace(9, |id| id.nsze = 7.into())), Err(Error::NoNamespace { nsid: 7 }));
    assert_eq!(judge(&namespace(12, |id| id.lbaf[0].ms = 8.into())), missing(Missing::PlainBlocks));
    for lbads in (0..=255).filter(|lbads| ![9, 12].contains(lbads)) {
        assert_eq!(judge(&namespace(lbads, |_| ())), missing(Missing::BlockSize));
    }
}

#[test]
fn retry_delays_are_found_by_number() {
    let limits = controller(|id| (id.crdt1, id.crdt3) = (1.into(), 30.into()));
    let delays = [0, 1, 2, 3, 4].map(|crd| limits.retry_delay(crd).as_millis());
    assert_eq!(delays, [0, 100, 0, 3000, 0]);
}
