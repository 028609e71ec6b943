//! Which features there are, as a table.

use nvme_spec::feature as fid;
use nvme_spec::log::FeatureEffects;

/// The last power state, see Identify Controller.
pub(crate) const POWER_STATES_Z: u32 = 2;

/// The keep alive timer counts in these steps: KAS = 1 in units of 100 ms.
pub(crate) const KEEP_ALIVE_STEP_MS: u32 = 100;

/// What may be done with a feature.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) fid: u8,
    pub(crate) is_saveable: bool,
    pub(crate) is_changeable: bool,
    pub(crate) is_per_namespace: bool,
}

impl Kind {
    const fn saveable(fid: u8) -> Self {
        Self { fid, is_saveable: true, is_changeable: true, is_per_namespace: false }
    }

    const fn volatile(fid: u8) -> Self {
        Self { is_saveable: false, ..Self::saveable(fid) }
    }

    /// What Get Features says with "select capabilities".
    pub(crate) fn capabilities(&self) -> u32 {
        let bit = |is_set: bool, bit: u32| if is_set { bit } else { 0 };
        bit(self.is_saveable, fid::CAPABILITY_SAVEABLE)
            | bit(self.is_per_namespace, fid::CAPABILITY_NAMESPACE)
            | bit(self.is_changeable, fid::CAPABILITY_CHANGEABLE)
    }

    /// What the feature effects log says.
    pub(crate) fn effects(&self) -> FeatureEffects {
        // Bit 0: namespace, bit 1: controller, bit 5: NVM subsystem.
        let scope = match self.fid {
            _ if self.is_per_namespace => 1,
            fid::SANITIZE_CONFIG => 1 << 5,
            _ => 1 << 1,
        };
        let changes_controller = self.fid == fid::NUMBER_OF_QUEUES;
        FeatureEffects(0).with_fsupp(1).with_ccc(changes_controller.into()).with_fsp(scope)
    }
}

/// Every feature.
pub(crate) const KINDS: &[Kind] = &[
    Kind::saveable(fid::ARBITRATION),
    Kind::saveable(fid::POWER_MANAGEMENT),
    Kind::saveable(fid::TEMPERATURE_THRESHOLD),
    Kind { is_per_namespace: true, ..Kind::saveable(fid::ERROR_RECOVERY) },
    Kind::saveable(fid::VOLATILE_WRITE_CACHE),
    Kind::volatile(fid::NUMBER_OF_QUEUES),
    Kind::saveable(fid::INTERRUPT_COALESCING),
    Kind::saveable(fid::INTERRUPT_VECTOR),
    Kind::saveable(fid::WRITE_ATOMICITY),
    Kind::saveable(fid::ASYNC_EVENT_CONFIG),
    Kind::volatile(fid::TIMESTAMP),
    Kind::volatile(fid::KEEP_ALIVE_TIMER),
    Kind::saveable(fid::NON_OPERATIONAL_POWER_STATE),
    Kind::volatile(fid::HOST_BEHAVIOR),
    Kind::saveable(fid::SANITIZE_CONFIG),
    // These three are kept with the reservations, see `admin::reservation`.
    Kind::volatile(fid::HOST_IDENTIFIER),
    Kind { is_per_namespace: true, ..Kind::volatile(fid::RESERVATION_MASK) },
    Kind { is_per_namespace: true, ..Kind::volatile(fid::RESERVATION_PERSISTENCE) },
    Kind::volatile(fid::OCP_ERROR_INJECTION),
    // There is one combination of command sets.
    Kind { is_changeable: false, ..Kind::volatile(fid::COMMAND_SET_PROFILE) },
];

/// A keep alive time-out, rounded up to what the timer can do.
pub(crate) fn rounded_keep_alive_ms(value: u32) -> u32 {
    value.div_ceil(KEEP_ALIVE_STEP_MS).saturating_mul(KEEP_ALIVE_STEP_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keep_alive_time_out_is_rounded_up() {
        let cases = [(0, 0), (1, 100), (100, 100), (101, 200), (u32::MAX, u32::MAX)];
        for (value, rounded) in cases {
            assert_eq!(rounded_keep_alive_ms(value), rounded);
        }
    }
}
