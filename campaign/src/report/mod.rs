//! Results for people (a table) and for programs (one JSON object a line).

mod json;
mod table;

pub use json::json_line;
pub(crate) use table::ranges;
pub use table::{footer, header, row};
