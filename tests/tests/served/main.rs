//! The controller behind a vfio-user socket is the same controller: it conforms, its faults reach the driver, and
//! neither a client that leaves nor one that talks nonsense is the end of it.

mod remote;

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use campaign::control::{DriveControl, NewNamespace, Request};
use conformance::{Line, Verdict};
use exercise::{Op, Outcome, Words};
use hal::{DmaBuf, Mmio, PAGE_BYTES, Platform};
use nvme_driver::Completion;
use nvme_model::{Config, Controller, FaultPlan, RamMedia};
use nvme_spec::register as reg;
use tempfile::TempDir;
use vmm::{Control, DriveServer, ServeConfig, SessionEnd};

use remote::Remote;

/// The doorbell of the admin submission queue.
const ADMIN_TAIL: usize = 0x1000;

/// A server in a folder of its own.
struct Served {
    server: DriveServer,
    folder: TempDir,
}

impl Served {
    /// A controller over 32 MiB with these faults.
    fn new(rules: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let rules = rules.iter().map(|rule| rule.parse().expect(rule)).collect();
        let media = RamMedia::new((32 << 20) / 4096, 4096);
        let plan = FaultPlan { seed: 1, rules };
        let controller = Controller::new(Config::default(), Box::new(media), plan);
        let server = DriveServer::new(ServeConfig {
            socket: folder.path().join("nvme"),
            controller: controller.expect("a valid configuration"),
            control: Some(Control {
                path: folder.path().join("control"),
                hook: Box::new(DriveControl),
            }),
        });
        Self { server: server.expect("a server"), folder }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("nvme")
    }

    fn connect(&self) -> Remote {
        Remote::connect(&self.socket())
    }

    /// Says something at the control socket; it must be done.
    #[track_caller]
    fn ask(&self, request: &Request) {
        let control = UnixStream::connect(self.folder.path().join("control")).expect("a socket");
        writeln!(&control, "{}", request.to_line()).expect("room");
        let mut answer = String::new();
        BufReader::new(&control).read_line(&mut answer).expect("an answer");
        assert!(answer.contains("\"ok\""), "{request:?}: {answer}");
    }

    /// What an exercise of the driver comes to.
    fn exercise(&self, op: Op) -> Outcome {
        let words = Words { op, completion: Completion::Interrupts };
        exercise::run(self.connect(), words).outcome()
    }

    /// How often each rule has fired.
    fn fired(self) -> Vec<u64> {
        let controller = self.server.into_controller().expect("nobody has taken it");
        controller.faults().counts().map(|(_, counts)| counts.fired).collect()
    }
}

#[test]
fn the_served_controller_conforms() {
    let served = Served::new(&[]);
    let mut lines: Vec<Line> = Vec::new();
    let summary = conformance::run(&served.connect(), |line| lines.push(line.clone()));
    summary.expect("a controller that can be used");
    let failed: Vec<&Line> =
        lines.iter().filter(|line| matches!(line.verdict, Verdict::Failed(_))).collect();
    assert!(failed.is_empty(), "{failed:?}");
    assert!(lines.len() >= 75, "{} checks", lines.len());
}

#[test]
fn a_fault_reaches_the_driver_as_it_does_in_a_machine() {
    for (rule, op, outcome) in [
        ("flush => expect", Op::Write, Outcome::Fine),
        ("read nth=2 => status=media/unrecovered-read dnr", Op::Read, Outcome::Told),
        ("write nth=9 => status=media/write-fault dnr", Op::Write, Outcome::Told),
        ("read nth=2 => corrupt=3^1", Op::Read, Outcome::Silent),
        // Nobody touches a register until the controller has answered by itself, later.
        ("read nth=2 => delay=2ms", Op::Read, Outcome::Fine),
    ] {
        let served = Served::new(&[rule]);
        assert_eq!(served.exercise(op), outcome, "{rule}");
        assert!(served.fired()[0] > 0, "{rule}");
    }
}

#[test]
fn a_client_that_hangs_up_leaves_a_drive_without_power_for_the_next_one() {
    let mut served = Served::new(&["write => expect"]);
    assert_eq!(served.exercise(Op::Write), Outcome::Fine);
    assert_eq!(served.server.wait(), SessionEnd::HungUp);
    let next = served.connect();
    assert_eq!(next.bar().read32(reg::CC as usize), 0, "as after power-on");
    drop(next);
    assert_eq!(served.exercise(Op::Write), Outcome::Fine);
    assert_eq!(served.fired().len(), 1);
}

/// Enables the controller with an admin queue and rings for a command, when it is ready.
fn enable_and_ring(remote: &Remote) {
    let queues = remote.dma_alloc(2).expect("memory");
    let bar = remote.bar();
    bar.write32(reg::AQA as usize, 0x003f_003f);
    bar.write64(reg::ASQ as usize, queues.iova().0);
    bar.write64(reg::ACQ as usize, queues.iova().0 + PAGE_BYTES as u64);
    bar.write32(reg::CC as usize, 0x0046_0001);
    while bar.read32(reg::CSTS as usize) != 1 {
        std::thread::yield_now();
    }
    bar.write32(ADMIN_TAIL, 1);
}

#[test]
fn memory_that_is_no_longer_shared_cannot_be_reached() {
    let served = Served::new(&[]);
    let remote = served.connect();
    remote.unshare_memory();
    enable_and_ring(&remote);
    assert_eq!(remote.bar().read32(reg::CSTS as usize), 0b11, "ready, and in a fatal state");
}

#[test]
fn after_a_power_cut_everything_reads_as_ones_until_the_client_has_gone() {
    let mut served = Served::new(&["doorbell nth=1 => power-cut"]);
    let remote = served.connect();
    enable_and_ring(&remote);
    assert_eq!(served.server.wait(), SessionEnd::PowerLost);
    assert_eq!(remote.bar().read32(reg::CSTS as usize), u32::MAX);
    drop(remote);
    assert_eq!(served.server.wait(), SessionEnd::HungUp);
    assert_eq!(served.exercise(Op::Write), Outcome::Fine);
}

#[test]
fn a_client_that_talks_nonsense_is_cut_off_and_the_next_one_is_served() {
    let mut served = Served::new(&[]);
    // A version of no length; a message of no meaning; the half of a header.
    let version = [[0, 0, 1, 0], [0, 0, 0, 0], [0; 4], [0; 4]].concat();
    for message in [&version[..], &[0xff; 64], &[1, 2, 3]] {
        let mut stream = UnixStream::connect(served.socket()).expect("a server");
        stream.write_all(message).expect("room");
        stream.shutdown(std::net::Shutdown::Write).expect("a connection");
        // Whatever it answers: it comes to an end.
        let _ = stream.read_to_end(&mut Vec::new());
        assert!(matches!(served.server.wait(), SessionEnd::Broken(_) | SessionEnd::HungUp));
    }
    assert_eq!(served.exercise(Op::Read), Outcome::Fine);
}

/// A message that writes four bytes to a region.
fn region_write(region: u32, offset: u64) -> Vec<u8> {
    const REGION_WRITE: u32 = 10 << 16;
    let header = [REGION_WRITE, 36, 0, 0].map(u32::to_le_bytes).concat();
    let body = [region, 4, u32::MAX].map(u32::to_le_bytes).concat();
    [header, offset.to_le_bytes().to_vec(), body].concat()
}

#[test]
fn an_access_outside_of_a_region_is_answered_with_an_error() {
    const HEADER_BYTES: usize = 16;
    const IS_ERROR: u8 = 1 << 5;
    let served = Served::new(&[]);
    let mut stream = UnixStream::connect(served.socket()).expect("a server");
    for (region, offset) in [(0, 1 << 20), (0, u64::MAX), (1, 0), (7, 4094), (8, 0)] {
        stream.write_all(&region_write(region, offset)).expect("room");
        let mut answer = [0; HEADER_BYTES];
        stream.read_exact(&mut answer).expect("an answer");
        assert!(answer[8] & IS_ERROR != 0, "region {region}, offset {offset:#x}: {answer:?}");
    }
    drop(stream);
    assert_eq!(served.exercise(Op::Read), Outcome::Fine);
}

#[test]
fn a_fault_is_armed_while_a_client_is_served() {
    let served = Served::new(&[]);
    let remote = served.connect();
    let rule = "read nth=2 => status=media/unrecovered-read dnr".to_owned();
    served.ask(&Request::Arm { rule });
    let words = Words { op: Op::Read, completion: Completion::Interrupts };
    assert_eq!(exercise::run(remote, words).outcome(), Outcome::Told);
    assert_eq!(served.fired(), [1]);
}

#[test]
fn namespaces_change_while_a_client_is_served_and_while_there_is_none() {
    let served = Served::new(&[]);
    let new = NewNamespace { nsid: None, bytes: Some(1 << 20), disk: None, lba: 512 };
    served.ask(&Request::AddNamespace(new));
    let changes = [
        Request::ResizeNamespace { nsid: 2, bytes: 8192 },
        Request::RemoveNamespace { nsid: 1 },
        Request::RemoveNamespace { nsid: 2 },
    ];
    let (mut changes, mut lines) = (changes.iter(), Vec::new());
    let watched = conformance::watch_namespaces(&served.connect(), |line| {
        lines.push(line.to_owned());
        let is_waiting = line.starts_with("namespaces:");
        if let Some(change) = is_waiting.then(|| changes.next()).flatten() {
            served.ask(change);
        }
    });
    watched.expect("a controller that does what the standard says");
    let expected = [
        "namespaces: 1=8192x4096 2=2048x512",
        "changed: 2",
        "namespaces: 1=8192x4096 2=16x512",
        "changed: 1",
        "namespaces: 2=16x512",
        "changed: 2",
        "namespaces: none",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_server_that_is_stopped_says_so_and_leaves_no_socket() {
    let mut served = Served::new(&[]);
    served.server.stopper().stop();
    assert_eq!(served.server.wait(), SessionEnd::Stopped);
    let Served { server, folder } = served;
    drop(server);
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
}
