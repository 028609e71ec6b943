use super::*;

const A: Host = 1;
const B: Host = 2;
const C: Host = 3;

fn kind(rtype: u32) -> Kind {
    Kind::new(rtype).expect("a type")
}

/// A, B and C are registered with keys ten times their numbers; A has acquired the type.
fn held(rtype: u32) -> Reservations {
    let mut all = Reservations::default();
    for host in [A, B, C] {
        all.register(host, host as u64 * 10).expect("registered");
    }
    all.acquire(A, 10, kind(rtype)).expect("acquired");
    all
}

fn told(notices: &[Notice]) -> Vec<(Host, u8)> {
    notices.iter().map(|notice| (notice.host, notice.kind)).collect()
}

fn keys(all: &Reservations) -> Vec<Host> {
    all.registrants().map(|(host, ..)| host).collect()
}

#[test]
fn registering_again_needs_the_same_key_and_replacing_the_old_one() {
    let mut all = Reservations::default();
    assert_eq!(all.register(A, 10), Ok(Vec::new()));
    assert_eq!(all.register(A, 10), Ok(Vec::new()));
    assert_eq!(all.register(A, 11), Err(Refusal::Conflict));
    assert_eq!(all.replace(A, Some(11), 12), Err(Refusal::Conflict));
    assert_eq!(all.replace(A, Some(10), 12), Ok(Vec::new()));
    assert_eq!(all.replace(A, None, 13), Ok(Vec::new()));
    assert_eq!(all.replace(B, None, 13), Err(Refusal::Conflict));
    assert_eq!(all.unregister(A, Some(12)), Err(Refusal::Conflict));
    assert_eq!(all.unregister(A, Some(13)), Ok(Vec::new()));
    assert_eq!(all.unregister(A, None), Err(Refusal::Conflict));
    assert_eq!(all.generation(), 5, "every change counts");
}

#[test]
fn only_registrants_with_their_key_do_anything() {
    for rtype in 1..=6 {
        let mut all = held(rtype);
        let before = all.clone();
        for (host, key) in [(B, 21), (9, 90)] {
            let refused = Err(Refusal::Conflict);
            assert_eq!(all.acquire(host, key, kind(rtype)), refused);
            assert_eq!(all.preempt(host, key, 10, kind(rtype)), refused);
            assert_eq!(all.release(host, key, kind(rtype)), refused);
            assert_eq!(all.clear(host, key), refused);
        }
        assert_eq!(all, before);
    }
}

#[test]
fn a_reservation_that_is_held_is_acquired_again_by_its_holders_only() {
    for rtype in 1..=6 {
        let mut all = held(rtype);
        assert_eq!(all.acquire(A, 10, kind(rtype)), Ok(Vec::new()));
        assert_eq!(all.acquire(B, 20, kind(rtype)).is_ok(), rtype >= 5);
        assert_eq!(all.acquire(A, 10, kind(rtype % 6 + 1)), Err(Refusal::Conflict));
    }
}

#[test]
fn releasing_tells_the_registrants_that_had_access() {
    for rtype in 1..=6 {
        let mut all = held(rtype);
        assert_eq!(all.release(A, 10, kind(rtype % 6 + 1)), Err(Refusal::InvalidField));
        let notices = all.release(A, 10, kind(rtype)).expect("released");
        let both = [(B, RESERVATION_RELEASED), (C, RESERVATION_RELEASED)];
        assert_eq!(told(&notices), if rtype >= 3 { both.to_vec() } else { Vec::new() });
        assert_eq!(all.kind(), None);
        assert_eq!(all.release(A, 10, kind(rtype)), Ok(Vec::new()), "nothing is held");
    }
    let mut all = held(1);
    assert_eq!(all.release(B, 20, kind(1)), Ok(Vec::new()), "not the holder's");
    assert!(all.kind().is_some());
}

#[test]
fn a_holder_that_unregisters_releases_unless_others_hold_too() {
    for rtype in 1..=6 {
        let mut all = held(rtype);
        let notices = all.unregister(A, Some(10)).expect("registered");
        assert_eq!(all.kind().is_some(), rtype >= 5);
        assert_eq!(notices.len(), if rtype == 3 || rtype == 4 { 2 } else { 0 });
        all.unregister(B, None).expect("registered");
        all.unregister(C, None).expect("registered");
        assert_eq!(all.kind(), None, "nobody is left");
    }
}

#[test]
fn preempting_the_holder_takes_registration_and_reservation() {
    for rtype in 1..=4 {
        let mut all = held(rtype);
        let notices = all.preempt(B, 20, 10, kind(2)).expect("preempted");
        assert_eq!(keys(&all), [B, C]);
        assert_eq!(all.kind(), Some(kind(2)));
        assert!(all.allows(B, Access::Write) && !all.allows(A, Access::Write));
        let mut expected = vec![(A, REGISTRATION_PREEMPTED)];
        expected.extend((rtype != 2).then_some((C, RESERVATION_RELEASED)));
        assert_eq!(told(&notices), expected);
    }
}

#[test]
fn preempting_another_registrant_leaves_the_reservation() {
    for rtype in 1..=6 {
        let mut all = held(rtype);
        let notices = all.preempt(B, 20, 30, kind(2)).expect("preempted");
        assert_eq!((keys(&all), all.kind()), (vec![A, B], Some(kind(rtype))));
        assert_eq!(told(&notices), [(C, REGISTRATION_PREEMPTED)]);
        assert_eq!(all.preempt(B, 20, 77, kind(2)), Err(Refusal::Conflict), "nobody's key");
    }
}

#[test]
fn key_0_preempts_everybody_if_everybody_holds_and_is_invalid_otherwise() {
    for rtype in 1..=6 {
        let mut all = held(rtype);
        if rtype < 5 {
            assert_eq!(all.preempt(B, 20, 0, kind(1)), Err(Refusal::InvalidField));
            continue;
        }
        all.preempt(B, 20, 0, kind(1)).expect("preempted");
        assert_eq!((keys(&all), all.kind()), (vec![B], Some(kind(1))));
    }
}

#[test]
fn clearing_ends_everything_and_tells_the_others() {
    let mut all = held(2);
    let notices = all.clear(B, 20).expect("cleared");
    assert_eq!(told(&notices), [(A, RESERVATION_PREEMPTED), (C, RESERVATION_PREEMPTED)]);
    assert_eq!((keys(&all), all.kind()), (Vec::new(), None));
}

#[test]
fn a_power_cut_ends_what_is_not_persistent() {
    let mut all = held(2);
    all.is_persistent = true;
    let before = all.clone();
    all.power_off();
    assert_eq!(all, before);
    all.is_persistent = false;
    all.power_off();
    assert_eq!(all, Reservations::default());
}
