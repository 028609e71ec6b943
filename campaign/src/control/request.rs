//! Requests, as bytes and as values.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The version of the protocol.
pub const VERSION: u32 = 1;

/// Something to be done to a running machine. `do` on the wire says which.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Arm a rule, in the one-line form.
    Arm {
        /// The rule.
        #[serde(rename = "text")]
        rule: String,
    },
    /// Disarm the rule of this number.
    Disarm {
        /// Its number in the list.
        rule: u32,
    },
    /// List the rules and how far each has come.
    List {},
    /// Show the decisions from this number on.
    Log {
        /// The first number.
        #[serde(default)]
        since: u64,
    },
    /// List the namespaces.
    Namespaces {},
    /// Add a namespace.
    AddNamespace(NewNamespace),
    /// Remove a namespace.
    RemoveNamespace {
        /// Its identifier.
        nsid: u32,
    },
    /// Give a namespace in memory another size.
    ResizeNamespace {
        /// Its identifier.
        nsid: u32,
        /// The size from now on, in bytes.
        bytes: u64,
    },
}

/// A namespace that is to be. Of `bytes` and `disk` it has just one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NewNamespace {
    /// Its identifier; the lowest that is free if none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nsid: Option<u32>,
    /// The size in bytes of one in memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The image, raw or qcow2, of one in a file. The machine's process opens it, from its own folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<PathBuf>,
    /// Bytes of a logical block: 512 or 4096.
    #[serde(default = "lba_bytes")]
    pub lba: u32,
}

fn lba_bytes() -> u32 {
    4096
}

impl Request {
    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong with it, for whoever sent it.
    pub fn parse(line: &str) -> Result<Self, String> {
        let mut wire: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let version = wire.as_object_mut().and_then(|fields| fields.remove("v"));
        match version.ok_or("missing field `v`, the version of the protocol")? {
            version if version == VERSION => {
                serde_json::from_value(wire).map_err(|error| error.to_string())
            }
            version => Err(format!("version {version} is not known: this is {VERSION}")),
        }
    }

    /// The request as a line, without its end.
    #[must_use]
    pub fn to_line(&self) -> String {
        let mut wire = json!(self);
        wire["v"] = VERSION.into();
        wire.to_string()
    }
}
