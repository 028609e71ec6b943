//! Blocks that one thread takes and another gives back.

use std::sync::mpsc;
use std::thread;

use super::block::CLASS_BYTES;
use super::*;

const THREADS: usize = 4;
const BLOCKS: usize = 3000;

/// Each thread makes blocks, keeps every third for a while, and sends the others on to the next one in a ring. Whose
/// byte a block holds is looked at when it goes.
#[test]
fn threads_give_back_what_others_took() {
    static HEAP: TestHeap = TestHeap::new();
    let (senders, receivers): (Vec<_>, Vec<_>) =
        (0..THREADS).map(|_| mpsc::channel::<Block<'static>>()).unzip();
    thread::scope(|scope| {
        for (number, inbox) in receivers.into_iter().enumerate() {
            let next = senders[(number + 1) % THREADS].clone();
            scope.spawn(move || {
                let mut kept = Vec::new();
                for round in 0..BLOCKS {
                    let fill = (number * BLOCKS + round) as u8;
                    let block = Block::new(&HEAP, CLASS_BYTES, 8, fill);
                    if round % 3 == 0 {
                        kept.push(block);
                    } else {
                        next.send(block).expect("the next one listens");
                    }
                    inbox.try_iter().for_each(drop);
                }
                drop(next);
                drop(kept);
                inbox.iter().for_each(drop);
            });
        }
        drop(senders);
    });
    assert_eq!(HEAP.slabs().mapped(), 1);
}
