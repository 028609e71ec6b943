//! Whatever a client asks, in whatever order, it gets an answer.

use std::fs::File;

use nvme_model::{Config, FaultPlan, RamMedia};
use proptest::prelude::*;
use vfio_user::{DmaMapFlags, DmaUnmapFlags, ServerBackend};

use super::*;

/// A message of a client's.
#[derive(Clone, Debug)]
enum Message {
    Read { region: u32, offset: u64, length: usize },
    Write { region: u32, offset: u64, data: Vec<u8> },
    Map { flags: u32, offset: u64, address: u64, size: u64, has_file: bool },
    Unmap { flags: u32, address: u64, size: u64 },
    Interrupts { index: u32, flags: u32, start: u32, count: u32, fds: usize },
    Reset,
    HangUp,
}

/// Small numbers, page and region boundaries, the ends of everything.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        0_u64..64,
        (0_u64..6).prop_map(|page| page << 12),
        Just(u64::MAX - 4095),
        any::<u64>()
    ]
}

fn message() -> impl Strategy<Value = Message> {
    let region = prop_oneof![Just(0_u32), Just(4), Just(7), 0_u32..12, any::<u32>()];
    let index = prop_oneof![Just(2_u32), 0_u32..6, any::<u32>()];
    let short = prop_oneof![0_u32..70, any::<u32>()];
    let data = prop::collection::vec(any::<u8>(), 0..20);
    prop_oneof![
        (region.clone(), number(), 0_usize..5000)
            .prop_map(|(region, offset, length)| Message::Read { region, offset, length }),
        (region, number(), data).prop_map(|(region, offset, data)| Message::Write {
            region,
            offset,
            data
        }),
        (any::<u32>(), number(), number(), number(), any::<bool>()).prop_map(
            |(flags, offset, address, size, has_file)| Message::Map {
                flags,
                offset,
                address,
                size,
                has_file
            }
        ),
        (any::<u32>(), number(), number()).prop_map(|(flags, address, size)| Message::Unmap {
            flags,
            address,
            size
        }),
        (
            index,
            prop_oneof![Just(0x21_u32), Just(0x24), any::<u32>()],
            short.clone(),
            short,
            0_usize..3
        )
            .prop_map(|(index, flags, start, count, fds)| Message::Interrupts {
                index,
                flags,
                start,
                count,
                fds
            }),
        Just(Message::Reset),
        Just(Message::HangUp),
    ]
}

fn client() -> Client {
    let media = RamMedia::new(256, 4096);
    let controller = Controller::new(Config::default(), Box::new(media), FaultPlan::none());
    let (controller, alarm) = (controller.expect("valid"), Alarm::new().expect("a descriptor"));
    Client::new(controller, Arc::new(alarm), channel().0)
}

fn file() -> File {
    let file = tempfile::tempfile().expect("a file");
    file.set_len(0x4000).expect("room");
    file
}

/// Sends a message. Whether it is refused is its own business.
fn send(client: &mut Client, message: Message) {
    let _ = match message {
        Message::Read { region, offset, length } => {
            client.region_read(region, offset, &mut vec![0; length])
        }
        Message::Write { region, offset, data } => client.region_write(region, offset, &data),
        Message::Map { flags, offset, address, size, has_file } => {
            let flags = DmaMapFlags::from_bits_retain(flags);
            client.dma_map(flags, offset, address, size, has_file.then(file))
        }
        Message::Unmap { flags, address, size } => {
            client.dma_unmap(DmaUnmapFlags::from_bits_retain(flags), address, size)
        }
        Message::Interrupts { index, flags, start, count, fds } => {
            client.set_irqs(index, flags, start, count, (0..fds).map(|_| file()).collect())
        }
        Message::Reset => client.reset(),
        Message::HangUp => {
            client.hang_up();
            Ok(())
        }
    };
}

proptest! {
    #[test]
    fn no_message_of_a_client_panics(messages in prop::collection::vec(message(), 0..40)) {
        let mut client = client();
        for message in messages {
            send(&mut client, message);
        }
        client.hang_up();
        let mut version = [0; 4];
        client.region_read(0, 8, &mut version).expect("a register");
        prop_assert_eq!(u32::from_le_bytes(version), 0x0002_0000);
    }
}
