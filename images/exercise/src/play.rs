//! The exercise itself.

use alloc::vec;
use alloc::vec::Vec;

use block::{BLOCK_BYTES, Bio, BlockDevice, BlockError, Done};
use hal::{DmaBuf, Platform};
use nvme_driver::{Config, NvmeDriver};

use crate::outcome::Report;
use crate::words::{Op, Words};

/// Requests in flight at the same time, one block each, in blocks 0 to 7.
const REQUESTS: u64 = 8;
/// A block that no fault is about.
const OTHER_BLOCK: u64 = 15;

/// Which version of a block's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    Old = 1,
    New = 2,
}

/// Exercises the controller of this machine.
pub fn run<P: Platform>(platform: P, words: Words) -> Report {
    let config = Config { completion: words.completion, ..Config::default() };
    let mut report = Report::default();
    match NvmeDriver::probe(platform, config) {
        Ok(driver) => {
            Play { driver: &driver, report: &mut report }.run(words.op);
            report.counters = driver.counters();
        }
        Err(error) => report.refusal = Some(error),
    }
    report
}

struct Play<'a, P: Platform> {
    driver: &'a NvmeDriver<P>,
    report: &'a mut Report,
}

impl<P: Platform> Play<'_, P> {
    fn run(&mut self, op: Op) {
        let mut written = self.requests(|play, block| play.write(block, Version::Old));
        let prepared = written.iter().all(Result::is_ok);
        match op {
            Op::Read | Op::Admin => {}
            Op::Write => written = self.requests(|play, block| play.write(block, Version::New)),
            Op::Flush => {
                self.requests(|_, _| Bio::flush());
            }
        }
        let version = if op == Op::Write { Version::New } else { Version::Old };
        if prepared {
            self.look(version, &written);
        }
        self.report.is_alive = self.is_alive();
        self.report.unclean = self.driver.shut_down().err();
    }

    /// Submits a request a block, all before the first is waited for; returns how each ended.
    fn requests(
        &mut self,
        make: impl Fn(&Self, u64) -> Bio<P::Dma>,
    ) -> Vec<Result<(), BlockError>> {
        let ended = self.submit(make);
        ended.into_iter().map(|done| self.judged(&done)).collect()
    }

    fn submit(&self, make: impl Fn(&Self, u64) -> Bio<P::Dma>) -> Vec<Done<P::Dma>> {
        let submitted: Vec<_> =
            (0..REQUESTS).map(|block| self.driver.submit(make(self, block))).collect();
        let done = submitted.into_iter().map(|submitted| match submitted {
            Ok(ticket) => self.driver.wait(ticket),
            Err(rejected) => Done { bio: rejected.bio, result: Err(rejected.why) },
        });
        done.collect()
    }

    /// How a request ended, which its report keeps if it failed.
    fn judged(&mut self, done: &Done<P::Dma>) -> Result<(), BlockError> {
        if let Err(error) = done.result {
            self.report.failed(done.bio.op, error);
        }
        done.result
    }

    /// Reads every block twice: what was read right once must not be an accident. A block whose write
    /// failed may hold either version.
    fn look(&mut self, version: Version, written: &[Result<(), BlockError>]) {
        for _ in 0..2 {
            let ended = self.submit(|play, block| play.read(block));
            for (done, written) in ended.into_iter().zip(written) {
                if self.judged(&done).is_err() {
                    continue;
                }
                let is_right =
                    holds(&done.bio, version) || written.is_err() && holds(&done.bio, Version::Old);
                self.report.wrong += u32::from(!is_right);
            }
        }
    }

    /// Whether a block that nobody has touched can be written, flushed and read.
    fn is_alive(&mut self) -> bool {
        let bios = [self.write(OTHER_BLOCK, Version::New), Bio::flush(), self.read(OTHER_BLOCK)];
        let ended = bios.map(|bio| self.driver.execute(bio));
        let served = ended.iter().filter(|done| self.judged(done).is_ok()).count();
        let [.., read] = &ended;
        served == ended.len() && holds(&read.bio, Version::New)
    }

    fn write(&self, block: u64, version: Version) -> Bio<P::Dma> {
        let page = self.driver.alloc_page().expect("memory for a page");
        page.write(0, &content(block, version));
        Bio { op: block::Op::Write { fua: false }, block, pages: vec![page] }
    }

    fn read(&self, block: u64) -> Bio<P::Dma> {
        let page = self.driver.alloc_page().expect("memory for a page");
        Bio { op: block::Op::Read, block, pages: vec![page] }
    }
}

/// What a block holds: bytes that tell block, place and version apart.
fn content(block: u64, version: Version) -> Vec<u8> {
    let seed = (block as u8).wrapping_mul(37) ^ (version as u8).wrapping_mul(0x51);
    let byte = |at: usize| (at as u8).wrapping_mul(13) ^ ((at >> 8) as u8) ^ seed;
    (0..BLOCK_BYTES).map(byte).collect()
}

fn holds<D: DmaBuf>(bio: &Bio<D>, version: Version) -> bool {
    let expected = content(bio.block, version);
    let mut found = vec![0; BLOCK_BYTES];
    bio.pages.iter().all(|page| {
        page.read(0, &mut found);
        found == expected
    })
}
