//! The form of a campaign file: TOML, every key and word checked, every error with its place.

use std::fmt;
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use serde_spanned::Spanned;

use super::faults::FaultsFile;
use super::soak::SoakFile;

/// A text of a file, with its place.
pub(super) type Text = Spanned<String>;

/// A campaign file as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct CampaignFile {
    pub(super) name: Text,
    /// What the campaign is to find out, in one sentence.
    pub(super) question: String,
    #[serde(default)]
    pub(super) units: Vec<UnitsFile>,
    /// Fresh units from a seed, besides.
    pub(super) soak: Option<SoakFile>,
    /// Units that must fail, as text, besides the controls of the scenarios.
    #[serde(default)]
    pub(super) controls: Vec<Text>,
}

/// A block of units: the product of its lists.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct UnitsFile {
    /// Names of scenarios, or `all`.
    pub(super) scenarios: Vec<Text>,
    /// Cases of the scenarios; all if nothing is said.
    pub(super) cases: Option<Vec<Text>>,
    /// Swap paths; all for which the scenario predicts something if nothing is said.
    pub(super) paths: Option<Vec<Text>>,
    /// Seeds; 1 if nothing is said.
    pub(super) seeds: Option<Vec<u64>>,
    /// What a power cut leaves of the drive's cache; nothing if nothing is said.
    pub(super) cache_policies: Option<Vec<Text>>,
    /// Whether the scenarios' controls belong to it; they do if nothing is said.
    #[serde(default = "yes")]
    pub(super) controls: bool,
    /// One fault a unit, at every point; none if nothing is said.
    pub(super) faults: Option<FaultsFile>,
}

const fn yes() -> bool {
    true
}

/// What is wrong in a campaign file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CampaignError {
    file: String,
    /// Line and column, from 1; none if the file could not be read.
    place: Option<(usize, usize)>,
    message: String,
}

impl fmt::Display for CampaignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some((line, column)) => {
                write!(f, "{}:{line}:{column}: {}", self.file, self.message)
            }
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

impl std::error::Error for CampaignError {}

/// A campaign's text with its name, to find places in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    pub(super) file: &'a Path,
    pub(super) text: &'a str,
}

impl Source<'_> {
    /// An error at a place of the text.
    pub(super) fn error(&self, span: &Range<usize>, message: impl fmt::Display) -> CampaignError {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
        CampaignError {
            file: self.file.display().to_string(),
            place: Some((line, column)),
            message: message.to_string(),
        }
    }

    /// Reads the form of the file; words are checked by whoever uses them.
    pub(super) fn parse(&self) -> Result<CampaignFile, CampaignError> {
        toml::from_str(self.text).map_err(|error| {
            let span = error.span().unwrap_or_default();
            self.error(&span, error.message())
        })
    }
}

impl CampaignError {
    /// The file cannot be read at all.
    #[must_use]
    pub fn unreadable(file: &Path, error: &std::io::Error) -> Self {
        Self { file: file.display().to_string(), place: None, message: error.to_string() }
    }
}
