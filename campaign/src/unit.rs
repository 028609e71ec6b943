//! A unit: one exact run, with what is predicted of it.

use lab::UnitSpec;
use nvme_model::FaultPlan;

use crate::verdict::Oracle;

/// What a scenario predicts for one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prediction {
    /// Swap goes on as if nothing had happened.
    NothingLost,
    /// Every page that was swapped out is lost to its owner, who is told; new swap-outs fail and their
    /// pages stay in memory.
    SwappedLostAndTold,
}

/// Why the unit is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// To see whether the prediction comes true.
    Experiment,
    /// To see the prediction broken, and the right oracle notice it: proof that the experiment can
    /// fail at all.
    Control {
        /// The oracle that must object.
        must_fail: Oracle,
    },
}

/// One run: what the guest does, which faults are armed, what must come out.
#[derive(Clone, Debug)]
pub struct Unit {
    /// What the guest does.
    pub spec: UnitSpec,
    /// How the row is labelled: the path, or the path with its knob.
    pub label: String,
    /// The faults armed in the controller, in their one-line text form.
    pub faults: FaultPlan,
    /// What is predicted.
    pub prediction: Prediction,
    /// Experiment or control.
    pub role: Role,
}

impl Unit {
    /// The verdict that a run must give to be no finding, as text.
    #[must_use]
    pub fn expected(&self) -> String {
        match self.role {
            Role::Experiment => "PASS".to_owned(),
            Role::Control { must_fail } => format!("EXPECTED_FAIL({must_fail})"),
        }
    }
}
