//! A configuration as a TOML file: every field has its default, and a mistake has its place.

use std::ops::Range;

use toml::de::DeTable;

use super::{Config, ConfigError};
use crate::place::line_and_column;

/// What is wrong in a configuration file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {message}")]
pub struct ConfigFileError {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What it is, and what could stand there.
    pub message: String,
}

impl ConfigFileError {
    fn at(text: &str, span: &Range<usize>, message: String) -> Self {
        let (line, column) = line_and_column(text, span.start);
        Self { line, column, message }
    }
}

impl Config {
    /// Reads a configuration; what is not said is as [`Config::default`] has it.
    ///
    /// # Errors
    /// Line, column, and what is wrong: no TOML, an unknown field, a value out of its range.
    pub fn from_toml(text: &str) -> Result<Self, ConfigFileError> {
        let config: Self = toml::from_str(text).map_err(|error| {
            let span = error.span().unwrap_or_default();
            ConfigFileError::at(text, &span, error.message().trim_end().to_owned())
        })?;
        match config.validate() {
            Ok(()) => Ok(config),
            Err(error) => {
                Err(ConfigFileError::at(text, &span_of_field(text, &error), error.to_string()))
            }
        }
    }
}

/// Where the field is that an error is about.
fn span_of_field(text: &str, error: &ConfigError) -> Range<usize> {
    let field = match error {
        ConfigError::OutOfRange { field, .. } | ConfigError::BadText { field, .. } => *field,
        ConfigError::SameNamespace { .. } | ConfigError::BadMedia { .. } => return 0..0,
    };
    let document = DeTable::parse(text).ok();
    let key = document
        .as_ref()
        .and_then(|document| document.get_ref().keys().find(|key| key.get_ref().as_ref() == field));
    key.map_or(0..0, |key| key.span())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CachePolicy, Timing};

    const ALL: &str = include_str!("../../../docs/controller.toml");

    #[test]
    fn the_documented_file_is_the_default_with_every_field_in_it() {
        assert_eq!(Config::from_toml(ALL), Ok(Config::default()));
        // No field can be forgotten: `Debug` names all of them.
        let debug = format!("{:#?}", Config::default());
        for line in debug.lines().filter_map(|line| line.split_once(": ")) {
            let field = line.0.trim();
            let is_there = ALL.lines().any(|line| {
                line.starts_with(&format!("{field} = ")) || line == format!("[{field}]")
            });
            assert!(is_there, "{field}");
        }
    }

    #[test]
    fn fields_can_be_left_out() {
        let text = "atomic_blocks = 4\ncache_policy = \"sample:7\"\n[timing]\nread_ns = 1\n";
        let timing = Timing { read_ns: 1, ..Timing::default() };
        let cache_policy = CachePolicy::Sample { seed: 7 };
        let expected = Config { atomic_blocks: 4, cache_policy, timing, ..Config::default() };
        assert_eq!(Config::from_toml(text), Ok(expected));
    }

    #[test]
    fn a_mistake_has_its_place_and_says_what_could_stand_there() {
        for (text, place, hint) in [
            (
                "serial = \"a\"\nqueues = 3\n",
                (2, 1),
                "unknown field `queues`, expected one of `serial`",
            ),
            ("mdts = \"big\"\n", (1, 8), "expected u8"),
            ("\n mdts = 11\n", (2, 2), "must be 1 to 10"),
            ("model = \"\u{e9}\"\n", (1, 1), "at most 40 printable ASCII characters"),
            ("cache_policy = \"sample\"\n", (1, 16), "there are lose-all, keep-all, sample:SEED"),
            ("[timing]\nread = 1\n", (2, 1), "`read_ns`"),
            ("mdts = \n", (1, 8), ""),
        ] {
            let error = Config::from_toml(text).expect_err(text);
            assert_eq!((error.line, error.column), place, "{error}");
            assert!(error.message.contains(hint), "{error}");
        }
    }
}
