//! Which images of a cut are looked at, and their names.

use std::fmt;
use std::str::FromStr;

use nvme_model::crash::{CrashImage, CrashSpace};

/// How many images of a cut are looked at.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// All of a cut that has no more than so many; else so many of it, at least the two extremes.
    pub images_max: u32,
    /// Chooses them then.
    pub seed: u64,
}

/// An image of a cut: the same name is the same image, on every engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageName {
    /// Nothing survived that is not guaranteed.
    Nothing,
    /// Everything survived that was submitted.
    Everything,
    /// By its number, from 0.
    Nth(u128),
    /// By chance, with this seed.
    Sample(u64),
}

/// Images of one cut.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) names: Vec<ImageName>,
    /// They are all that the cut has.
    pub(super) is_whole: bool,
}

impl Choice {
    /// The images of a cut that are looked at.
    pub(super) fn names(self, space: &CrashSpace) -> Names {
        match space.count() {
            Some(count) if count <= self.images_max.into() => {
                Names { names: (0..count).map(ImageName::Nth).collect(), is_whole: true }
            }
            _ => {
                let samples = u64::from(self.images_max.saturating_sub(2));
                let samples = (0..samples).map(|n| ImageName::Sample(self.seed.wrapping_add(n)));
                let extremes = [ImageName::Nothing, ImageName::Everything];
                Names { names: extremes.into_iter().chain(samples).collect(), is_whole: false }
            }
        }
    }
}

impl ImageName {
    /// The image of this name; `None` if the cut has fewer.
    #[must_use]
    pub fn of(self, space: &CrashSpace) -> Option<CrashImage> {
        Some(match self {
            Self::Nothing => space.nothing(),
            Self::Everything => space.everything(),
            Self::Nth(index) => return space.nth(index),
            Self::Sample(seed) => space.sample(seed),
        })
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::Everything => f.write_str("everything"),
            Self::Nth(index) => write!(f, "{index}"),
            Self::Sample(seed) => write!(f, "sample:{seed}"),
        }
    }
}

impl FromStr for ImageName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || {
            format!("unknown image {text}: known are a number, nothing, everything, sample:SEED")
        };
        match (text, text.split_once(':')) {
            ("nothing", _) => Ok(Self::Nothing),
            ("everything", _) => Ok(Self::Everything),
            (_, Some(("sample", seed))) => seed.parse().map(Self::Sample).map_err(|_| unknown()),
            _ => text.parse().map(Self::Nth).map_err(|_| unknown()),
        }
    }
}
