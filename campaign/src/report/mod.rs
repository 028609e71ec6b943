//! Results for people (a table) and for programs (one JSON object a line).

mod html;
mod json;
mod latency;
mod linux_compared;
mod matrix;
mod story;
mod table;

pub use html::{CampaignPage, Cost, FailureStory, Page, Space};
pub use json::json_line;
pub use latency::{Latency, latency_table};
pub use linux_compared::{ROWS, Row, linux_compared};
pub use matrix::matrix;
pub use story::story;
pub use table::{footer, header, row, wrapped};
pub(crate) use table::{outcome_name, ranges};
