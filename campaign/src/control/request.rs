//! Requests, as bytes and as values.

use serde::{Deserialize, Serialize};

/// The version of the protocol.
pub const VERSION: u32 = 1;

/// Something to be done to a running machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Arm a rule, in the one-line form.
    Arm {
        /// The rule.
        rule: String,
    },
    /// Disarm the rule of this number.
    Disarm {
        /// Its number in the list.
        rule: u32,
    },
    /// List the rules and how far each has come.
    List,
    /// Show the decisions from this number on.
    Log {
        /// The first number.
        since: u64,
    },
}

/// A request on the wire. Which of the last three there are depends on `do`.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    v: u32,
    #[serde(rename = "do")]
    action: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<u64>,
}

impl Request {
    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong with it, for whoever sent it.
    pub fn parse(line: &str) -> Result<Self, String> {
        let wire: Wire = serde_json::from_str(line).map_err(|error| error.to_string())?;
        if wire.v != VERSION {
            return Err(format!("version {} is not known: this is {VERSION}", wire.v));
        }
        match (wire.action.as_str(), wire.text, wire.rule, wire.since) {
            ("arm", Some(rule), None, None) => Ok(Self::Arm { rule }),
            ("disarm", None, Some(rule), None) => Ok(Self::Disarm { rule }),
            ("list", None, None, None) => Ok(Self::List),
            ("log", None, None, since) => Ok(Self::Log { since: since.unwrap_or(0) }),
            (action, ..) => Err(format!(
                "{action:?} with these fields is not known: there are arm with text, disarm with \
                 rule, list, and log with or without since"
            )),
        }
    }

    /// The request as a line, without its end.
    #[must_use]
    pub fn to_line(&self) -> String {
        let none = Wire { v: VERSION, action: String::new(), text: None, rule: None, since: None };
        let wire = match self {
            Self::Arm { rule } => Wire { action: "arm".into(), text: Some(rule.clone()), ..none },
            Self::Disarm { rule } => Wire { action: "disarm".into(), rule: Some(*rule), ..none },
            Self::List => Wire { action: "list".into(), ..none },
            Self::Log { since } => Wire { action: "log".into(), since: Some(*since), ..none },
        };
        serde_json::to_string(&wire).unwrap_or_default()
    }
}
