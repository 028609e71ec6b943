use proptest::prelude::*;

use super::*;

fn requests<'a>() -> Vec<Request<'a>> {
    let lock = LockRequest {
        fid: 1,
        kind: lock_kind::WRITE,
        flags: 2,
        start: 3,
        length: 4,
        proc_id: 5,
        client_id: "guest",
    };
    vec![
        Request::Version { msize: 1, version: VERSION },
        Request::Attach { fid: 1, afid: NO_FID, uname: "root", aname: "/", n_uname: 0 },
        Request::Walk { fid: 1, new_fid: 2, name: None },
        Request::Walk { fid: 1, new_fid: 2, name: Some("swapfile") },
        Request::Lopen { fid: 1, flags: 2 },
        Request::Lcreate { fid: 1, name: "f", flags: 2, mode: 0o600, gid: 0 },
        Request::Getattr { fid: 1, mask: u64::MAX },
        Request::Read { fid: 1, offset: u64::MAX, count: 4096 },
        Request::Write { fid: 1, offset: 1 << 40, count: 4096 },
        Request::Fsync { fid: 1, datasync: 0 },
        Request::Lock(lock),
        Request::Statfs { fid: 1 },
        Request::Clunk { fid: 1 },
    ]
}

fn replies() -> Vec<Reply> {
    let qid = Qid { kind: 0, version: 1, path: 2 };
    vec![
        Reply::Error { errno: 5 },
        Reply::Version { msize: 1, is_known: true },
        Reply::Version { msize: 1, is_known: false },
        Reply::Attach { qid },
        Reply::Walk { qid: None },
        Reply::Walk { qid: Some(qid) },
        Reply::Lopen { qid, iounit: 1 },
        Reply::Lcreate { qid, iounit: 1 },
        Reply::Getattr(Attributes { qid, size_bytes: 3, blocks: 4 }),
        Reply::Read { count: 5 },
        Reply::Write { count: 6 },
        Reply::Fsync,
        Reply::Lock { status: lock_status::BLOCKED },
        Reply::Statfs(StatFs { block_bytes: 4096, blocks: 1, blocks_free: 2 }),
        Reply::Clunk,
    ]
}

#[test]
fn every_request_reads_back_and_has_a_name() {
    for request in requests() {
        let mut room = [0; MESSAGE_BYTES_MAX];
        let bytes = request.encode(7, &mut room).unwrap();
        let data = match request {
            Request::Write { count, .. } => count as usize,
            _ => 0,
        };
        assert_eq!(Request::decode(&room[..bytes], bytes + data), Ok((7, request)));
        assert!(name_of(request.kind()).is_some(), "{request:?}");
        assert!(KINDS.contains(&request.kind()));
        for cut in 0..bytes {
            assert!(
                Request::decode(&room[..cut], bytes + data).is_err(),
                "{request:?} cut at {cut}"
            );
        }
    }
}

#[test]
fn every_reply_reads_back() {
    for reply in replies() {
        let mut room = [0; MESSAGE_BYTES_MAX];
        let bytes = reply.encode(7, &mut room).unwrap();
        let data = match reply {
            Reply::Read { count } => count as usize,
            _ => 0,
        };
        assert_eq!(Reply::decode(&room[..bytes], bytes + data), Ok((7, reply)));
        for cut in 0..bytes {
            assert!(Reply::decode(&room[..cut], bytes + data).is_err(), "{reply:?} cut at {cut}");
        }
    }
}

#[test]
fn a_write_request_and_a_read_reply_have_the_protocol_s_header_bytes() {
    let mut room = [0; 64];
    let write = Request::Write { fid: 1, offset: 2, count: 4096 };
    assert_eq!(write.encode(3, &mut room), Ok(WRITE_HEADER_BYTES));
    assert_eq!(room[..7], [0x17, 0x10, 0, 0, 118, 3, 0], "size with the data, type, tag");
    let read = Reply::Read { count: 8 };
    assert_eq!(read.encode(3, &mut room), Ok(READ_HEADER_BYTES));
    assert_eq!(Reply::Error { errno: 5 }.encode(3, &mut room), Ok(READ_HEADER_BYTES));
}

#[test]
fn what_does_not_fit_is_refused() {
    let name = "x".repeat(300);
    let walk = Request::Walk { fid: 1, new_fid: 2, name: Some(&name) };
    assert_eq!(walk.encode(1, &mut [0; 64]), Err(Malformed::Room));
    let long = "x".repeat(1 << 16);
    let walk = Request::Walk { fid: 1, new_fid: 2, name: Some(&long) };
    assert_eq!(walk.encode(1, &mut vec![0; 1 << 17]), Err(Malformed::Room));
}

proptest! {
    #[test]
    fn no_bytes_make_decoding_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        size in 0_usize..5000,
        kind in prop::sample::select(&KINDS[..]),
    ) {
        let _ = Request::decode(&bytes, size);
        let _ = Reply::decode(&bytes, size);
        let mut bytes = bytes;
        if let Some(head) = bytes.first_chunk_mut::<5>() {
            let size = (size as u32).to_le_bytes();
            *head = [size[0], size[1], size[2], size[3], kind];
            let _ = Request::decode(&bytes, size_of(&bytes));
            bytes[4] += 1;
            let _ = Reply::decode(&bytes, size_of(&bytes));
        }
    }
}

fn size_of(bytes: &[u8]) -> usize {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize
}
