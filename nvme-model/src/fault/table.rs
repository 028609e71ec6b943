//! The TOML form of a plan.
//!
//! ```toml
//! seed = 7
//! rules = ["flush nth=2 => drop"]      # the one-line form
//!
//! [[rule]]                             # the same, spelled out; after those of `rules`
//! match = { op = "read", lba = "0x1000..0x2000" }
//! when = { nth = 3 }
//! do = { status = "media/unrecovered-read", dnr = true }
//! until = { count = 1 }
//! ```

use std::collections::BTreeMap;

use serde::Deserialize;

use super::parse::{Place, RuleError};
use super::rule::{FaultPlan, Rule};
use super::words::{Builder, Section};

/// A plan that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// It is not TOML, or has a field that a plan has not.
    #[error("fault plan: {0}")]
    Toml(String),
    /// One of its rules is wrong.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// A rule waits for one that is not there.
    #[error("fault rule {rule}: after={after:?} names no rule; known: {known}")]
    UnknownAfter {
        /// The rule's number, from 1.
        rule: usize,
        /// The name it gives.
        after: String,
        /// The names there are.
        known: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanTable {
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    rules: Vec<String>,
    #[serde(default)]
    rule: Vec<RuleTable>,
}

type Keys = BTreeMap<String, Scalar>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleTable {
    name: Option<String>,
    #[serde(default, rename = "match")]
    matcher: Keys,
    #[serde(default)]
    when: Keys,
    #[serde(default, rename = "do")]
    action: Keys,
    #[serde(default)]
    until: Keys,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Flag(bool),
    Number(u64),
    Fraction(f64),
    Text(String),
}

impl RuleTable {
    fn into_rule(self, index: usize) -> Result<Rule, RuleError> {
        let mut builder = Builder::default();
        let at = |key: &str| Place::Key(index, key.into());
        if let Some(name) = &self.name {
            let named = builder.apply(Section::Match, "name", Some(name));
            named.map_err(|complaint| RuleError::new(at("name"), name, complaint))?;
        }
        let sections = [
            (Section::Match, "match", &self.matcher),
            (Section::When, "when", &self.when),
            (Section::Do, "do", &self.action),
            (Section::Until, "until", &self.until),
        ];
        for (section, name, keys) in sections {
            for (key, value) in keys {
                let text = match value {
                    Scalar::Flag(false) if section.has(key) => continue,
                    Scalar::Flag(_) => None,
                    Scalar::Number(number) => Some(number.to_string()),
                    Scalar::Fraction(number) => Some(number.to_string()),
                    Scalar::Text(text) => Some(text.clone()),
                };
                let applied = builder.apply(section, key, text.as_deref());
                applied.map_err(|complaint| {
                    let word = text.as_deref().unwrap_or(key);
                    RuleError::new(at(&format!("{name}.{key}")), word, complaint)
                })?;
            }
        }
        builder.finish().map_err(|complaint| RuleError::new(at("rule"), "", complaint))
    }
}

impl TryFrom<PlanTable> for FaultPlan {
    type Error = PlanError;

    fn try_from(table: PlanTable) -> Result<Self, PlanError> {
        let mut rules = Vec::new();
        for line in &table.rules {
            rules.push(line.parse()?);
        }
        for rule in table.rule {
            rules.push(rule.into_rule(rules.len().saturating_add(1))?);
        }
        let plan = Self { seed: table.seed, rules };
        plan.check()?;
        Ok(plan)
    }
}

impl FaultPlan {
    /// Reads a plan.
    ///
    /// # Errors
    /// [`PlanError`] names the place, the bad word and the known ones.
    pub fn from_toml(text: &str) -> Result<Self, PlanError> {
        let table: PlanTable =
            toml::from_str(text).map_err(|error| PlanError::Toml(error.to_string()))?;
        table.try_into()
    }

    /// Checks what one rule alone cannot know: that `after` names a rule.
    ///
    /// # Errors
    /// [`PlanError::UnknownAfter`].
    pub fn check(&self) -> Result<(), PlanError> {
        let names: Vec<&str> = self.rules.iter().filter_map(|rule| rule.name.as_deref()).collect();
        for (number, rule) in (1..).zip(&self.rules) {
            if let Some(after) = rule.when.after.as_deref().filter(|after| !names.contains(after)) {
                let (after, known) = (after.into(), names.join(", "));
                return Err(PlanError::UnknownAfter { rule: number, after, known });
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for FaultPlan {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let table = PlanTable::deserialize(deserializer)?;
        Self::try_from(table).map_err(serde::de::Error::custom)
    }
}
