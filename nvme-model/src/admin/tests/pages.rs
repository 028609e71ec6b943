//! Every byte of the Identify pages: what is not in the table here is zero.

use nvme_spec::Sqe;

use crate::rig::Rig;
use crate::{Config, FaultPlan};

/// Where a field is and what it holds, little-endian.
type Field = (usize, Vec<u8>);

fn byte(at: usize, value: u8) -> Field {
    (at, vec![value])
}

fn word(at: usize, value: u16) -> Field {
    (at, value.to_le_bytes().into())
}

fn dword(at: usize, value: u32) -> Field {
    (at, value.to_le_bytes().into())
}

fn bytes(at: usize, value: u64) -> Field {
    (at, value.to_le_bytes().into())
}

/// Fails with the first byte that is not what the fields say.
fn check(page: &[u8], fields: &[Field]) {
    let mut expected = vec![0; 4096];
    for (at, value) in fields {
        expected[*at..at + value.len()].copy_from_slice(value);
    }
    let wrong = page.iter().zip(&expected).position(|(is, should)| is != should);
    let wrong = wrong.map(|at| (at, page[at], expected[at]));
    assert_eq!(wrong, None, "byte, what it holds, what it should hold");
}

fn configured() -> Config {
    Config {
        atomic_blocks: 8,
        error_log_entries: 40,
        async_events_max: 6,
        mdts: 5,
        namespaces_max: 19,
        ..Config::default()
    }
}

fn text(at: usize, length: usize, text: &str) -> Field {
    (at, format!("{text:<length$}").into_bytes())
}

/// The first half of Identify Controller: who it is, and its admin commands.
fn device_fields(config: &Config) -> Vec<Field> {
    vec![
        word(0, 0x5357),
        word(2, 0x5357),
        text(4, 20, &config.serial),
        text(24, 40, &config.model),
        text(64, 8, "1"),
        // MDTS, VER 2.0, OAES (namespaces, firmware, telemetry), CTRATT, an I/O controller.
        byte(77, 5),
        dword(80, 0x0002_0000),
        dword(92, 0x700),
        dword(96, 0x8003),
        byte(111, 1),
        // CRDT1 to 3: 100 ms, 500 ms, 2 s.
        word(128, 1),
        word(130, 5),
        word(132, 20),
        // OACS, ACL, AERL, FRMW, LPA, ELPE, NPSS.
        word(256, 0x33e),
        byte(258, 3),
        byte(259, 5),
        byte(260, 0x37),
        byte(261, 0x3e),
        byte(262, 39),
        byte(263, 2),
        // WCTEMP and CCTEMP: 70 and 80 degrees; MTFA; TNVMCAP; EDSTT in minutes.
        word(266, 343),
        word(268, 353),
        word(270, 2),
        bytes(280, 1024 * 4096),
        word(316, 10),
        // DSTO: one self-test at a time. FWUG, KAS, SANICAP, PELS.
        byte(318, 1),
        byte(319, 1),
        word(320, 1),
        dword(328, 0x6000_0007),
        dword(352, 1),
    ]
}

/// The other half: the I/O commands, its name, and power states.
fn io_fields(config: &Config) -> Vec<Field> {
    let nqn = format!("nqn.2026-01.invalid.swaplab:{}", config.serial);
    vec![
        // SQES, CQES, NN, ONCS, FUSES, FNA, VWC with both bits of the broadcast.
        byte(512, 0x66),
        byte(513, 0x44),
        dword(516, 19),
        word(520, 0x1ff),
        word(522, 1),
        byte(524, 4),
        byte(525, 7),
        // AWUN, AWUPF, ACWU, zero-based; CDFS; SGLS; MNAN.
        word(526, 7),
        word(528, 7),
        word(532, 7),
        word(534, 0xf),
        dword(536, 0x000b_0001),
        dword(540, 19),
        text(768, nqn.len(), &nqn),
        // Power, entry and exit latency, the last one without I/O.
        word(2048, 800),
        word(2080, 400),
        dword(2084, 100),
        dword(2088, 100),
        word(2112, 30),
        byte(2115, 2),
        dword(2116, 1_000),
        dword(2120, 5_000),
    ]
}

// Spec: NVMe-Base-2.0c 5.17.2.1 "Identify Controller data structure (CNS 01h)"
#[test]
fn identify_controller_is_known_to_the_last_byte() {
    let config = configured();
    let fields = [device_fields(&config), io_fields(&config)].concat();
    let mut rig = Rig::with(config, FaultPlan::none());
    check(&rig.admin_page(Sqe::identify(1, 0)).1, &fields);
}

#[test]
fn a_controller_without_a_volatile_cache_says_so() {
    let config = Config { has_volatile_cache: false, ..configured() };
    let mut rig = Rig::with(config, FaultPlan::none());
    assert_eq!(rig.admin_page(Sqe::identify(1, 0)).1[525], 0);
}

// Spec: NVM-CS-1.0c 4.1.5.1 "NVM Command Set Identify Namespace Data Structure (CNS 00h)"
#[test]
fn identify_namespace_is_known_to_the_last_byte() {
    let mut rig = Rig::with(configured(), FaultPlan::none());
    let page = rig.admin_page(Sqe::identify(0, 1)).1;
    let (nguid, eui64) = (page[104..120].to_vec(), page[120..128].to_vec());
    let mut fields = vec![
        bytes(0, 1024),
        bytes(8, 1024),
        bytes(16, 1024),
        // NSFEAT: DULBE. NLBAF, FLBAS, MC, DPC, RESCAP, DLFEAT: zeros, and Write Zeroes deallocates.
        byte(24, 4),
        byte(25, 10),
        byte(26, 1),
        byte(27, 3),
        byte(28, 0x1f),
        byte(31, 0xff),
        byte(33, 9),
        // NVMCAP, MSSRL, MCL, MSRC.
        bytes(48, 1024 * 4096),
        word(74, 256),
        dword(76, 1024),
        byte(80, 127),
        // Names are what other tests are about.
        (104, nguid),
        (120, eui64),
    ];
    let formats = [
        (0, 9),
        (0, 12),
        (8, 9),
        (8, 12),
        (64, 9),
        (64, 12),
        (16, 12),
        (16, 9),
        (16, 12),
        (64, 12),
        (16, 12),
    ];
    for (index, (metadata_bytes, lbads)) in formats.into_iter().enumerate() {
        let at = 128 + index * 4;
        let performance = u8::from(lbads == 9);
        fields.extend([word(at, metadata_bytes), byte(at + 2, lbads), byte(at + 3, performance)]);
    }
    check(&page, &fields);
}
