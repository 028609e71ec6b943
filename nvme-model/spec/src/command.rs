//! Bit fields of the command dwords.

bit_fields! {
    /// Dword 0 of every command.
    // Spec: NVMe-Base-2.0c 3.3.3.1 "Command Dword 0 (CDW0)"
    Cdw0(u32) {
        /// Opcode.
        opc, with_opc: 0, 8;
        /// Fused operation: 0 = none, 1 = first, 2 = second.
        fuse, with_fuse: 8, 2;
        /// PRP or SGL for data transfer: 0 = PRP.
        psdt, with_psdt: 14, 2;
        /// Command identifier.
        cid, with_cid: 16, 16;
    }
}

bit_fields! {
    /// Dword 12 of Read, Write and Write Zeroes.
    // Spec: NVM-CS-1.0c 3.2.6 "Write command"
    Rw12(u32) {
        /// Number of logical blocks, zero-based.
        nlb_z, with_nlb_z: 0, 16;
        /// Directive type.
        dtype, with_dtype: 20, 4;
        /// Storage tag check.
        stc, with_stc: 24, 1;
        /// Deallocate (Write Zeroes).
        deac, with_deac: 25, 1;
        /// Protection information.
        prinfo, with_prinfo: 26, 4;
        /// Force unit access.
        fua, with_fua: 30, 1;
        /// Limited retry.
        lr, with_lr: 31, 1;
    }
}

bit_fields! {
    /// Dword 10 of Create I/O Submission Queue and Create I/O Completion Queue.
    // Spec: NVMe-Base-2.0c 5.4 "Create I/O Completion Queue command"
    CreateQueue10(u32) {
        /// Queue identifier.
        qid, with_qid: 0, 16;
        /// Entries, zero-based.
        size_z, with_size_z: 16, 16;
    }
}

bit_fields! {
    /// Dword 11 of Create I/O Completion Queue.
    QueueFlags11(u32) {
        /// Physically contiguous.
        pc, with_pc: 0, 1;
        /// Interrupts enabled.
        ien, with_ien: 1, 1;
        /// Interrupt vector.
        iv, with_iv: 16, 16;
    }
}

bit_fields! {
    /// Dword 11 of Create I/O Submission Queue.
    // Spec: NVMe-Base-2.0c 5.5 "Create I/O Submission Queue command"
    CreateSq11(u32) {
        /// Physically contiguous.
        pc, with_pc: 0, 1;
        /// Queue priority (weighted round robin only).
        qprio, with_qprio: 1, 2;
        /// The completion queue.
        cqid, with_cqid: 16, 16;
    }
}

bit_fields! {
    /// Dword 10 of Identify.
    // Spec: NVMe-Base-2.0c 5.17 "Identify command"
    Identify10(u32) {
        /// Controller or namespace structure; see [`crate::identify`].
        cns, with_cns: 0, 8;
        /// Controller identifier.
        cntid, with_cntid: 16, 16;
    }
}

bit_fields! {
    /// Dword 10 of Get Log Page.
    // Spec: NVMe-Base-2.0c 5.16 "Get Log Page command"
    LogPage10(u32) {
        /// Log page identifier; see [`crate::log`].
        lid, with_lid: 0, 8;
        /// Log specific parameter.
        lsp, with_lsp: 8, 7;
        /// Retain asynchronous event.
        rae, with_rae: 15, 1;
        /// Number of dwords, zero-based, low 16 bits.
        numdl_z, with_numdl_z: 16, 16;
    }
}

bit_fields! {
    /// Dword 10 of Get Features.
    // Spec: NVMe-Base-2.0c 5.15 "Get Features command"
    GetFeatures10(u32) {
        /// Feature identifier; see [`crate::feature`].
        fid, with_fid: 0, 8;
        /// Which value; see [`crate::feature`].
        sel, with_sel: 8, 3;
    }
}

bit_fields! {
    /// Dword 10 of Set Features.
    // Spec: NVMe-Base-2.0c 5.27 "Set Features command"
    SetFeatures10(u32) {
        /// Feature identifier; see [`crate::feature`].
        fid, with_fid: 0, 8;
        /// Save across resets.
        sv, with_sv: 31, 1;
    }
}

bit_fields! {
    /// Dword 10 of Abort.
    // Spec: NVMe-Base-2.0c 5.1 "Abort command"
    Abort10(u32) {
        /// Submission queue of the command to abort.
        sqid, with_sqid: 0, 16;
        /// The command to abort.
        cid, with_cid: 16, 16;
    }
}

bit_fields! {
    /// Dword 10 of Firmware Commit.
    // Spec: NVMe-Base-2.0c 5.12 "Firmware Commit command"
    FirmwareCommit10(u32) {
        /// The slot; 0 = the controller chooses.
        fs, with_fs: 0, 3;
        /// Commit action: 0 = replace, 1 = replace and activate at reset, 2 = activate at reset,
        /// 3 = replace and activate now.
        ca, with_ca: 3, 3;
        /// Boot partition.
        bpid, with_bpid: 31, 1;
    }
}

bit_fields! {
    /// Dword 10 of Device Self-test.
    // Spec: NVMe-Base-2.0c 5.9 "Device Self-test command"
    SelfTest10(u32) {
        /// Self-test code; see [`crate::log`].
        stc, with_stc: 0, 4;
    }
}

bit_fields! {
    /// Dword 10 of Sanitize.
    // Spec: NVMe-Base-2.0c 5.24 "Sanitize command"
    Sanitize10(u32) {
        /// Action: 1 = exit failure mode, 2 = block erase, 3 = overwrite, 4 = crypto erase.
        sanact, with_sanact: 0, 3;
        /// Allow unrestricted exit: a failure can be left without a successful sanitize.
        ause, with_ause: 3, 1;
        /// Overwrite passes; 0 = 16.
        owpass, with_owpass: 4, 4;
        /// Invert the pattern between passes.
        oipbp, with_oipbp: 8, 1;
        /// Do not deallocate afterwards.
        ndas, with_ndas: 9, 1;
    }
}

/// [`Sanitize10::sanact`]: leave the failure of an earlier sanitize.
pub const SANACT_EXIT_FAILURE: u32 = 1;
/// [`Sanitize10::sanact`]: block erase.
pub const SANACT_BLOCK_ERASE: u32 = 2;
/// [`Sanitize10::sanact`]: overwrite.
pub const SANACT_OVERWRITE: u32 = 3;
/// [`Sanitize10::sanact`]: crypto erase.
pub const SANACT_CRYPTO_ERASE: u32 = 4;

bit_fields! {
    /// Dword 11 of Directive Send and Directive Receive.
    // Spec: NVMe-Base-2.0c 5.10 "Directive Receive command"
    Directive11(u32) {
        /// Operation.
        doper, with_doper: 0, 8;
        /// Directive type: 0 = identify.
        dtype, with_dtype: 8, 8;
        /// Specific to the directive.
        dspec, with_dspec: 16, 16;
    }
}

/// Dword 0 of an Abort completion, bit 0: the command was *not* aborted.
pub const ABORT_NOT_ABORTED: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dwords_have_these_bits() {
        assert_eq!(Cdw0(0).with_opc(2).with_fuse(1).with_psdt(1).with_cid(7).0, 0x0007_4102);
        assert_eq!(Rw12(0).with_nlb_z(7).with_deac(1).with_fua(1).with_lr(1).0, 0xc200_0007);
        assert_eq!(LogPage10(0).with_lid(1).with_rae(1).with_numdl_z(15).0, 0x000f_8001);
        assert_eq!(SetFeatures10(0).with_fid(6).with_sv(1).0, 0x8000_0006);
        assert_eq!(Identify10(0).with_cns(0x10).with_cntid(2).0, 0x0002_0010);
    }
}
