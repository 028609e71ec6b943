//! Supported log pages, and commands supported with their effects.

bit_fields! {
    /// One entry of the commands supported and effects log.
    // Spec: NVMe-Base-2.0c 5.16.1.6 "Commands Supported and Effects (Log Identifier 05h)"
    CommandEffects(u32) {
        /// The command is supported.
        csupp, with_csupp: 0, 1;
        /// It may change logical block content.
        lbcc, with_lbcc: 1, 1;
        /// It may change the capabilities of a namespace.
        ncc, with_ncc: 2, 1;
        /// It may change the number of namespaces.
        nic, with_nic: 3, 1;
        /// It may change the capabilities of the controller.
        ccc, with_ccc: 4, 1;
        /// Submission and execution: 0 = no restriction.
        cse, with_cse: 16, 3;
    }
}

bit_fields! {
    /// One entry of the supported log pages log.
    // Spec: NVMe-Base-2.0c 5.16.1.1 "Supported Log Pages (Log Identifier 00h)"
    SupportedPage(u32) {
        /// The page is supported.
        lsupp, with_lsupp: 0, 1;
        /// An index offset is supported.
        ios, with_ios: 1, 1;
        /// Specific to the page.
        lidsp, with_lidsp: 16, 16;
    }
}

bit_fields! {
    /// One entry of the feature identifiers supported and effects log.
    // Spec: NVMe-Base-2.0c 5.16.1.18 "Feature Identifiers Supported and Effects (Log Identifier 12h)"
    FeatureEffects(u32) {
        /// The feature is supported.
        fsupp, with_fsupp: 0, 1;
        /// It may change user data content.
        udcc, with_udcc: 1, 1;
        /// It may change the capabilities of a namespace.
        ncc, with_ncc: 2, 1;
        /// It may change the number of namespaces.
        nic, with_nic: 3, 1;
        /// It may change the capabilities of the controller.
        ccc, with_ccc: 4, 1;
        /// Scope: bit 0 = namespace, bit 1 = controller, bit 5 = NVM subsystem.
        fsp, with_fsp: 20, 12;
    }
}

/// Bytes of the effects log: 256 admin entries, 256 I/O entries, 2048 reserved.
pub const EFFECTS_LOG_BYTES: usize = 4096;

/// Bytes of the supported log pages log: one entry per identifier.
pub const SUPPORTED_PAGES_BYTES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_have_these_bits() {
        assert_eq!(CommandEffects(0).with_csupp(1).with_lbcc(1).with_cse(2).0, 0x0002_0003);
        assert_eq!(SupportedPage(0).with_lsupp(1).with_ios(1).0, 3);
    }
}
