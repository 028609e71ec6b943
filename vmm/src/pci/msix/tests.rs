use std::sync::Mutex;

use proptest::prelude::*;

use super::*;
use crate::pci::config_space::{COMMAND_BUS_MASTER, Identity, reg};

/// Notes what is sent.
#[derive(Debug, Default)]
struct Sent(Mutex<Vec<(u32, u32)>>);

impl MsiSink for Sent {
    fn send(&self, line: Line, message: MsiMessage) {
        self.0.lock().expect("not poisoned").push((line.0, message.data));
    }
}

/// Eight entries are less than 2 KiB.
const PBA: u64 = 0x800;

struct Fixture {
    config: ConfigSpace,
    msix: Msix,
    sent: Arc<Sent>,
}

const IDENTITY: Identity =
    Identity { vendor: 1, device: 2, subsystem: 0, class: 0x01_08_02, revision: 0 };

impl Fixture {
    fn new() -> Self {
        let sent = Arc::new(Sent::default());
        let mut config = ConfigSpace::new(IDENTITY);
        let sink: Arc<dyn MsiSink> = Arc::clone(&sent) as _;
        let msix = Msix::new(&mut config, 4, 8, Line(100), sink);
        let mut fixture = Self { config, msix, sent };
        fixture.set_config(reg::COMMAND, COMMAND_BUS_MASTER);
        fixture
    }

    /// Eight vectors with data 0x30 and up, none masked, MSI-X enabled.
    fn programmed() -> Self {
        let mut fixture = Self::new();
        for vector in 0..8_u64 {
            fixture.msix.bar_write(vector * 16, &0xfee0_0000_u64.to_le_bytes());
            let data_and_unmasked = 0x30 + vector;
            fixture.msix.bar_write(vector * 16 + 8, &data_and_unmasked.to_le_bytes());
        }
        fixture.set_control(CONTROL_ENABLE);
        fixture
    }

    fn set_config(&mut self, offset: usize, value: u16) {
        self.config.write(offset, &value.to_le_bytes());
        self.msix.config_changed(&self.config);
    }

    fn set_control(&mut self, control: u16) {
        self.set_config(self.msix.capability + 2, control);
    }

    fn set_masked(&mut self, vector: u64, is_masked: bool) {
        self.msix.bar_write(vector * 16 + 12, &u32::from(is_masked).to_le_bytes());
    }

    fn sent(&self) -> Vec<(u32, u32)> {
        std::mem::take(&mut *self.sent.0.lock().expect("not poisoned"))
    }

    fn pending(&self) -> u64 {
        let mut bytes = [0; 8];
        self.msix.bar_read(PBA, &mut bytes);
        u64::from_le_bytes(bytes)
    }
}

#[test]
fn an_unmasked_vector_is_sent_at_once() {
    let mut fixture = Fixture::programmed();
    fixture.msix.signal(3);
    assert_eq!(fixture.sent(), [(103, 0x33)]);
    assert_eq!(fixture.pending(), 0);
}

#[test]
fn a_masked_vector_stays_pending_and_is_sent_once_when_unmasked() {
    let mut fixture = Fixture::programmed();
    fixture.set_masked(3, true);
    fixture.msix.signal(3);
    fixture.msix.signal(3);
    assert_eq!(fixture.sent(), []);
    assert_eq!(fixture.pending(), 1 << 3);
    fixture.set_masked(3, false);
    assert_eq!(fixture.sent(), [(103, 0x33)]);
    assert_eq!(fixture.pending(), 0);
}

#[test]
fn the_function_mask_holds_back_every_vector() {
    let mut fixture = Fixture::programmed();
    fixture.set_control(CONTROL_ENABLE | CONTROL_FUNCTION_MASK);
    fixture.msix.signal(7);
    fixture.msix.signal(0);
    assert_eq!(fixture.sent(), []);
    assert_eq!(fixture.pending(), 0x81);
    fixture.set_control(CONTROL_ENABLE);
    assert_eq!(fixture.sent(), [(100, 0x30), (107, 0x37)]);
}

#[test]
fn nothing_is_sent_while_disabled_nor_without_bus_mastering() {
    let mut fixture = Fixture::programmed();
    fixture.set_control(0);
    fixture.msix.signal(1);
    fixture.set_control(CONTROL_ENABLE);
    fixture.set_config(reg::COMMAND, 0);
    fixture.msix.signal(2);
    assert_eq!(fixture.sent(), []);
    assert_eq!(fixture.pending(), 0);
}

#[test]
fn after_reset_every_vector_is_masked() {
    let mut fixture = Fixture::programmed();
    fixture.msix.reset();
    fixture.config.reset();
    fixture.set_config(reg::COMMAND, COMMAND_BUS_MASTER);
    fixture.set_control(CONTROL_ENABLE);
    for vector in 0..10 {
        fixture.msix.signal(vector);
    }
    assert_eq!(fixture.sent(), []);
    assert_eq!(fixture.pending(), 0xff, "only vectors that the table has");
}

#[test]
fn a_table_entry_reads_back_without_its_reserved_bits() {
    let mut fixture = Fixture::new();
    fixture.msix.bar_write(0x10, &[0xff; 8]);
    fixture.msix.bar_write(0x18, &[0xff; 8]);
    let mut bytes = [0; 8];
    fixture.msix.bar_read(0x10, &mut bytes);
    assert_eq!(u64::from_le_bytes(bytes), !3);
    fixture.msix.bar_read(0x18, &mut bytes);
    assert_eq!(u64::from_le_bytes(bytes), 0x1_ffff_ffff);
    fixture.msix.bar_write(PBA, &[0xff; 8]);
    assert_eq!(fixture.pending(), 0, "pending bits are read-only");
}

proptest! {
    #[test]
    fn no_sequence_of_accesses_panics_or_sends_a_masked_vector(
        steps in prop::collection::vec((0_u8..4, 0_u64..0x1000, any::<[u8; 8]>(), 0_usize..=8), 0..80),
    ) {
        let mut fixture = Fixture::new();
        for (what, offset, data, size) in steps {
            match what {
                0 => fixture.msix.bar_write(offset, &data[..size]),
                1 => fixture.msix.bar_read(offset, &mut [0; 8][..size]),
                2 => fixture.set_control(u16::from_le_bytes([data[0], data[1]])),
                _ => fixture.msix.signal(offset as u16),
            }
            let masked = |line: u32| fixture.msix.entries[line as usize - 100].control & 1 != 0;
            prop_assert!(!fixture.sent().iter().any(|(line, _)| masked(*line)));
        }
    }
}
