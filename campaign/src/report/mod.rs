//! Results for people (a table) and for programs (one JSON object a line).

mod json;
mod matrix;
mod story;
mod table;

pub use json::json_line;
pub use matrix::matrix;
pub use story::story;
pub use table::{footer, header, row};
pub(crate) use table::{outcome_name, ranges};
