//! More than one namespace.

use nvme_spec::identify::IdentifyNamespace;
use nvme_spec::{NSID_BROADCAST, Sqe, status};

use crate::rig::{DATA, Rig};
use crate::{CachePolicy, Config, ConfigError, Controller, FaultPlan, Media, RamMedia};

fn rig() -> Rig {
    let mut rig = Rig::over(Config::default(), &[(3, 64), (1, 128), (17, 32)], FaultPlan::none());
    rig.enable();
    rig.create_pair(1, 1);
    rig
}

#[test]
fn namespaces_need_not_be_dense_and_keep_their_blocks_apart() {
    let mut rig = rig();
    let (_, active) = rig.admin_page(Sqe::identify(2, 0));
    assert_eq!(active[..16], [1, 0, 0, 0, 3, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(rig.admin_page(Sqe::identify(2, 3)).1[..8], [17, 0, 0, 0, 0, 0, 0, 0]);
    for nsid in [1, 3, 17] {
        rig.memory_write(DATA, &[nsid as u8; 4096]);
        assert!(rig.run(1, Sqe::write(nsid, 5, 0, false).with_prp(DATA, 0)).0.is_success());
    }
    for nsid in [1, 3, 17] {
        assert!(rig.run(1, Sqe::read(nsid, 5, 0).with_prp(DATA, 0)).0.is_success());
        assert_eq!(rig.data(4096), [nsid as u8; 4096]);
    }
    let (status, _) = rig.run(1, Sqe::read(17, 32, 0).with_prp(DATA, 0));
    assert_eq!(status.code, status::LBA_OUT_OF_RANGE);
    for nsid in [2, 32] {
        let (status, _) = rig.run(1, Sqe::read(nsid, 0, 0).with_prp(DATA, 0));
        assert_eq!(status.code, status::INVALID_FIELD, "{nsid} is inactive");
    }
    let (status, _) = rig.run(1, Sqe::read(33, 0, 0).with_prp(DATA, 0));
    assert_eq!(status.code, status::INVALID_NAMESPACE);
    assert!(rig.run(1, Sqe::flush(NSID_BROADCAST)).0.is_success());
    let dirty = [1, 3, 17].map(|nsid| rig.controller.cache(nsid).map(|cache| cache.dirty_blocks()));
    assert_eq!(dirty, [Some(0); 3]);
}

#[test]
fn identifiers_are_the_same_after_every_boot_and_no_two_alike() {
    let names = |rig: &mut Rig| {
        [1, 3, 17].map(|nsid| {
            let (_, page) = rig.admin_page(Sqe::identify(0, nsid));
            let id = IdentifyNamespace::from_prefix(&page).expect("4096 bytes");
            let (_, page) = rig.admin_page(Sqe::identify(3, nsid));
            assert_eq!(page[4..12], id.eui64);
            assert_eq!((&page[12..16], &page[16..32]), (&[2, 16, 0, 0][..], &id.nguid[..]));
            assert_eq!(page[32..36], [3, 16, 0, 0]);
            // Version 8, variant 1.
            assert_eq!((page[42] >> 4, page[44] >> 6), (8, 2));
            page[..56].to_vec()
        })
    };
    let mut first = rig();
    let once = names(&mut first);
    first.controller.power_cut(first.now_ns, CachePolicy::LoseAll, &mut ());
    first.now_ns = 0;
    first.enable();
    assert_eq!(names(&mut first), once);
    assert_eq!(names(&mut rig()), once);
    assert!(once[0] != once[1] && once[1] != once[2] && once[0] != once[2]);
    let config = Config { serial: "OTHER".into(), ..Config::default() };
    let mut other = Rig::over(config, &[(3, 64), (1, 128), (17, 32)], FaultPlan::none());
    other.enable();
    assert!(names(&mut other).iter().zip(&once).all(|(a, b)| a != b));
}

#[test]
fn impossible_sets_of_namespaces_are_refused() {
    let media = || -> Box<dyn Media> { Box::new(RamMedia::new(8, 512)) };
    let make = |nsids: &[u32]| {
        let media = nsids.iter().map(|nsid| (*nsid, media())).collect();
        Controller::with_namespaces(Config::default(), media, FaultPlan::none()).map(|_| ())
    };
    assert_eq!(make(&[]), Ok(()));
    assert_eq!(make(&[2, 5, 2]), Err(ConfigError::SameNamespace { nsid: 2 }));
    for nsid in [0, 33, u32::MAX] {
        let value = nsid.into();
        let error = ConfigError::OutOfRange { field: "nsid", value, min: 1, max: 32 };
        assert_eq!(make(&[nsid]), Err(error));
    }
}
