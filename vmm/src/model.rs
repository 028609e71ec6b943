//! Stand-in until the controller is there.

/// An event of the controller.
#[derive(Debug)]
pub enum Event {}
