//! A power cut at every media event of a sequence, times what the cache may lose.
//!
//! What a cut may leave grows with every write up to the next barrier (a completed flush or durable write):
//! the images at one cut are among those at the next. So the last cut before a barrier stands for all before
//! it, if all its images are tried. If they are too many, each cut before it is tried with everything kept
//! (the writes in their order), and the last one with nothing kept and with a seeded sample.

use nvme_model::crash::{CrashImage, CrashPoint, WriteLog};
use nvme_model::media::OverlayMedia;
use std::rc::Rc;

use guest_fs::planted::Planted;
use hal::testing::DmaPool;

use crate::disk::{Disk, Moment, Record, poisoned};
use crate::op::Op;
use crate::player::{Player, close, mkfs, mount, see};
use crate::{Failure, Oracle};

/// Pages of the drive: the smallest journal, and room for a handful of files.
const DISK_BLOCKS: u64 = 420;

/// How thoroughly to look.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Bytes of a logical block: what a power cut never tears.
    pub block_bytes: u32,
    /// The most images of one cut; if there are more, a sample of so many.
    pub images_max: u64,
    /// Of so many images, one has its recovery cut again at every event.
    pub recut_every: u64,
    /// Seeds the samples.
    pub seed: u64,
}

/// What was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Space {
    /// Sequences of operations.
    pub sequences: u64,
    /// Cuts: write events, and ends of sequences.
    pub cuts: u64,
    /// Groups of cuts up to a barrier.
    pub epochs: u64,
    /// Those of which every image was tried.
    pub epochs_whole: u64,
    /// Images that were mounted, compared and checked.
    pub images: u64,
    /// Images that a cut of a recovery left, and that were mounted, compared and checked.
    pub recovery_images: u64,
}

/// Explores sequences.
#[derive(Debug)]
pub struct Explorer {
    effort: Effort,
    bug: Option<Planted>,
    empty: OverlayMedia,
    pool: DmaPool,
    /// What was looked at so far.
    pub space: Space,
}

/// A sequence that was played, with its log.
struct Played {
    player: Player,
    record: Record,
}

impl Explorer {
    /// An explorer of a filesystem with this bug, or without any.
    ///
    /// # Errors
    /// A filesystem that cannot be made.
    pub fn new(effort: Effort, bug: Option<Planted>) -> Result<Self, Failure> {
        let pool = Disk::pool();
        let disk = Disk::new(poisoned(DISK_BLOCKS, effort.block_bytes), &pool);
        mkfs(&disk)?;
        let empty = disk.media();
        drop(disk);
        Ok(Self { effort, bug, empty, pool, space: Space::default() })
    }

    /// Plays `setup` and makes it durable, then plays `ops`, and tries every cut from the beginning of
    /// operation `from` on.
    ///
    /// # Errors
    /// The first failure, with the sequence and the image that led to it.
    pub fn explore(&mut self, setup: &[Op], ops: &[Op], from: usize) -> Result<(), Failure> {
        self.space.sequences += 1;
        let place = || ops.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let played = self.play(setup, ops).map_err(|failure| failure.at(place()))?;
        let start = played.player.marks.get(from).map_or(u64::MAX, |(begun, _)| *begun);
        let mut epoch = Vec::new();
        for moment in &played.record.moments {
            match *moment {
                Moment::Change(cut) if cut > start => epoch.push(cut),
                Moment::Change(_) => {}
                Moment::Barrier(_) => {
                    self.epoch(&played, &epoch).map_err(|failure| failure.at(place()))?;
                    epoch.clear();
                }
            }
        }
        epoch.push(played.record.log.end());
        self.epoch(&played, &epoch).map_err(|failure| failure.at(place()))
    }

    fn play(&self, setup: &[Op], ops: &[Op]) -> Result<Played, Failure> {
        let mut player = Player::new(self.empty.clone(), &self.pool, self.bug)?;
        setup.iter().chain([&Op::Sync]).try_for_each(|op| player.play(op))?;
        let state = player.history.now().clone();
        player.history.settle(state);
        player.marks.clear();
        player.disk.start_record();
        ops.iter().try_for_each(|op| player.play(op))?;
        let record = player.disk.take_record();
        let record = record.unwrap_or_else(|| unreachable!("it was started"));
        player.compare()?;
        close(player.fs.clone(), &player.disk)?;
        Ok(Played { player, record })
    }

    /// Tries the cuts between two barriers.
    fn epoch(&mut self, played: &Played, cuts: &[u64]) -> Result<(), Failure> {
        let Some((last, inner)) = cuts.split_last() else { return Ok(()) };
        self.space.epochs += 1;
        self.space.cuts += cuts.len() as u64;
        let log = &played.record.log;
        let point = point(log, *last);
        let count = point.space().count().and_then(|count| u64::try_from(count).ok());
        if let Some(count) = count.filter(|count| *count <= self.effort.images_max) {
            self.space.epochs_whole += 1;
            for index in 0..count {
                let image = point.space().nth(index.into());
                let image = image.unwrap_or_else(|| unreachable!("it was counted"));
                self.image(played, *last, &point, &image)?;
            }
            return Ok(());
        }
        for cut in inner {
            let point = self::point(log, *cut);
            self.image(played, *cut, &point, &point.space().everything())?;
        }
        self.image(played, *last, &point, &point.space().everything())?;
        self.image(played, *last, &point, &point.space().nothing())?;
        for sample in 2..self.effort.images_max {
            let seed = self.effort.seed ^ (self.space.images << 20) ^ sample;
            self.image(played, *last, &point, &point.space().sample(seed))?;
        }
        Ok(())
    }

    fn image(
        &mut self,
        played: &Played,
        cut: u64,
        point: &CrashPoint,
        image: &CrashImage,
    ) -> Result<(), Failure> {
        self.space.images += 1;
        let media = point.media(image).unwrap_or_else(|error| unreachable!("memory: {error}"));
        let place =
            |failure: Failure| failure.at(format!("cut {cut}, image {}", self.space.images));
        let is_recut = self.space.images.is_multiple_of(self.effort.recut_every);
        let record = self.recover(played, cut, media, is_recut).map_err(place)?;
        let Some(record) = record else { return Ok(()) };
        for moment in &record.moments {
            let Moment::Change(again) = *moment else { continue };
            let point = self::point(&record.log, again);
            for image in [point.space().nothing(), point.space().everything()] {
                self.space.recovery_images += 1;
                let media = point.media(&image);
                let media = media.unwrap_or_else(|error| unreachable!("memory: {error}"));
                let place = |failure: Failure| {
                    failure.at(format!("cut {cut}, its recovery cut again at {again}"))
                };
                self.recover(played, cut, media, false).map_err(place)?;
            }
        }
        Ok(())
    }

    /// Mounts what a cut left, compares, unmounts, checks. Gives the log of the mount if asked for.
    fn recover(
        &self,
        played: &Played,
        cut: u64,
        media: OverlayMedia,
        is_recorded: bool,
    ) -> Result<Option<Record>, Failure> {
        let disk = Rc::new(Disk::of(media, &self.pool));
        if is_recorded {
            disk.start_record();
        }
        let fs = mount(&disk, self.bug)?;
        let record = disk.take_record();
        let tree = see(&fs, &disk)?;
        let marks = &played.player.marks;
        let completed = marks.iter().filter(|(_, done)| *done <= cut).count();
        let begun = marks.iter().filter(|(begun, _)| *begun < cut).count();
        played
            .player
            .history
            .judge(&tree, completed, begun, None)
            .map_err(|what| Failure::new(Oracle::Content, what))?;
        close(fs, &disk)?;
        Ok(record)
    }
}

fn point(log: &WriteLog, cut: u64) -> CrashPoint {
    CrashPoint::at(log, cut).unwrap_or_else(|error| unreachable!("memory: {error}"))
}
