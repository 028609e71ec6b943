//! The submission queue entry.
// Spec: NVMe-Base-2.0c 3.3.3.1 "Submission Queue Entry"

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::command::{
    Cdw0, Copy12, CreateQueue10, CreateSq11, FormatNvm10, LogPage10, QueueFlags11, Rw12,
};
use crate::sgl::SglDescriptor;
use crate::{AdminOpcode, NvmOpcode};

/// Bytes of a submission queue entry.
pub const SQE_BYTES: usize = 64;

/// A submission queue entry.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Sqe {
    /// Opcode, fused operation, data pointer type and command identifier; see [`Cdw0`].
    pub cdw0: U32,
    /// Namespace.
    pub nsid: U32,
    /// Command-specific.
    pub cdw2: U32,
    /// Command-specific.
    pub cdw3: U32,
    /// Metadata pointer.
    pub mptr: U64,
    /// First PRP entry.
    pub prp1: U64,
    /// Second PRP entry, or the address of a PRP list.
    pub prp2: U64,
    /// Command-specific.
    pub cdw10: U32,
    /// Command-specific.
    pub cdw11: U32,
    /// Command-specific.
    pub cdw12: U32,
    /// Command-specific.
    pub cdw13: U32,
    /// Command-specific.
    pub cdw14: U32,
    /// Command-specific.
    pub cdw15: U32,
}

const _: () = assert!(size_of::<Sqe>() == SQE_BYTES);

/// Reading.
impl Sqe {
    /// Dword 0 in its parts.
    #[must_use]
    pub fn dword0(&self) -> Cdw0 {
        Cdw0(self.cdw0.get())
    }

    /// The opcode.
    #[must_use]
    pub fn opcode(&self) -> u8 {
        self.cdw0.get().to_le_bytes()[0]
    }

    /// The command identifier.
    #[must_use]
    pub fn cid(&self) -> u16 {
        let [_, _, low, high] = self.cdw0.get().to_le_bytes();
        u16::from_le_bytes([low, high])
    }

    /// The starting LBA of an I/O command (dwords 10 and 11).
    #[must_use]
    pub fn slba(&self) -> u64 {
        u64::from(self.cdw11.get()) << 32 | u64::from(self.cdw10.get())
    }

    /// The first descriptor of the data pointer, if that is an SGL.
    #[must_use]
    pub fn sgl(&self) -> SglDescriptor {
        zerocopy::transmute!([self.prp1, self.prp2])
    }

    /// The bytes on the wire.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; SQE_BYTES] {
        zerocopy::transmute!(*self)
    }

    /// The bytes on the wire, to be filled.
    #[must_use]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        self.as_mut_bytes()
    }

    /// The entry in these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; SQE_BYTES]) -> Self {
        zerocopy::transmute!(bytes)
    }
}

/// Making. The command identifier and the data pointer are added by [`Sqe::with_cid`] and
/// [`Sqe::with_prp`].
impl Sqe {
    /// A command with nothing but its opcode and namespace.
    #[must_use]
    pub fn new(opcode: u8, nsid: u32) -> Self {
        Self { cdw0: u32::from(opcode).into(), nsid: nsid.into(), ..Self::default() }
    }

    /// Sets the command identifier.
    #[must_use]
    pub fn with_cid(mut self, cid: u16) -> Self {
        self.cdw0 = self.dword0().with_cid(u32::from(cid)).0.into();
        self
    }

    /// Sets the data pointer.
    #[must_use]
    pub fn with_prp(mut self, prp1: u64, prp2: u64) -> Self {
        self.prp1 = prp1.into();
        self.prp2 = prp2.into();
        self
    }

    /// Makes the data pointer an SGL that begins with `first`; see [`crate::sgl`] for `psdt`.
    #[must_use]
    pub fn with_sgl(mut self, psdt: u32, first: SglDescriptor) -> Self {
        self.cdw0 = self.dword0().with_psdt(psdt).0.into();
        let [prp1, prp2]: [U64; 2] = zerocopy::transmute!(first);
        (self.prp1, self.prp2) = (prp1, prp2);
        self
    }

    /// Sets the metadata pointer.
    #[must_use]
    pub fn with_mptr(mut self, mptr: u64) -> Self {
        self.mptr = mptr.into();
        self
    }

    /// Sets the starting LBA.
    #[must_use]
    fn with_slba(mut self, slba: u64) -> Self {
        let [b0, b1, b2, b3, b4, b5, b6, b7] = slba.to_le_bytes();
        self.cdw10 = U32::from_bytes([b0, b1, b2, b3]);
        self.cdw11 = U32::from_bytes([b4, b5, b6, b7]);
        self
    }

    /// Flush.
    #[must_use]
    pub fn flush(nsid: u32) -> Self {
        Self::new(NvmOpcode::FLUSH.0, nsid)
    }

    /// Read `nlb_z + 1` blocks from `slba` on.
    #[must_use]
    pub fn read(nsid: u32, slba: u64, nlb_z: u16) -> Self {
        let mut sqe = Self::new(NvmOpcode::READ.0, nsid).with_slba(slba);
        sqe.cdw12 = u32::from(nlb_z).into();
        sqe
    }

    /// Write `nlb_z + 1` blocks from `slba` on.
    #[must_use]
    pub fn write(nsid: u32, slba: u64, nlb_z: u16, fua: bool) -> Self {
        let mut sqe = Self::new(NvmOpcode::WRITE.0, nsid).with_slba(slba);
        sqe.cdw12 = Rw12(u32::from(nlb_z)).with_fua(u32::from(fua)).0.into();
        sqe
    }

    /// Write Zeroes over `nlb_z + 1` blocks from `slba` on.
    #[must_use]
    pub fn write_zeroes(nsid: u32, slba: u64, nlb_z: u16) -> Self {
        let mut sqe = Self::new(NvmOpcode::WRITE_ZEROES.0, nsid).with_slba(slba);
        sqe.cdw12 = u32::from(nlb_z).into();
        sqe
    }

    /// Compare of `nlb_z + 1` blocks from `slba` on with the host's data.
    #[must_use]
    pub fn compare(nsid: u32, slba: u64, nlb_z: u16) -> Self {
        Self::over_blocks(NvmOpcode::COMPARE, nsid, slba, nlb_z)
    }

    /// Verify of `nlb_z + 1` blocks from `slba` on.
    #[must_use]
    pub fn verify(nsid: u32, slba: u64, nlb_z: u16) -> Self {
        Self::over_blocks(NvmOpcode::VERIFY, nsid, slba, nlb_z)
    }

    /// Write Uncorrectable over `nlb_z + 1` blocks from `slba` on.
    #[must_use]
    pub fn write_uncorrectable(nsid: u32, slba: u64, nlb_z: u16) -> Self {
        Self::over_blocks(NvmOpcode::WRITE_UNCORRECTABLE, nsid, slba, nlb_z)
    }

    fn over_blocks(opcode: NvmOpcode, nsid: u32, slba: u64, nlb_z: u16) -> Self {
        let mut sqe = Self::new(opcode.0, nsid).with_slba(slba);
        sqe.cdw12 = u32::from(nlb_z).into();
        sqe
    }

    /// Copy to `slba` on; the data is the list of ranges, see [`crate::copy`].
    #[must_use]
    pub fn copy(nsid: u32, slba: u64, how: Copy12) -> Self {
        let mut sqe = Self::new(NvmOpcode::COPY.0, nsid).with_slba(slba);
        sqe.cdw12 = how.0.into();
        sqe
    }

    /// Dataset Management, deallocate: the data is `nr_z + 1` ranges, see [`crate::dsm`].
    #[must_use]
    pub fn deallocate(nsid: u32, nr_z: u8) -> Self {
        let mut sqe = Self::new(NvmOpcode::DATASET_MANAGEMENT.0, nsid);
        sqe.cdw10 = u32::from(nr_z).into();
        sqe.cdw11 = crate::dsm::ATTRIBUTE_DEALLOCATE.into();
        sqe
    }

    /// Identify; see [`crate::identify`] for `cns`.
    #[must_use]
    pub fn identify(cns: u8, nsid: u32) -> Self {
        let mut sqe = Self::new(AdminOpcode::IDENTIFY.0, nsid);
        sqe.cdw10 = u32::from(cns).into();
        sqe
    }

    /// Create I/O Completion Queue, contiguous, of `size_z + 1` entries.
    #[must_use]
    pub fn create_io_cq(cqid: u16, size_z: u16, interrupt_vector: Option<u16>) -> Self {
        let mut sqe = Self::new(AdminOpcode::CREATE_IO_CQ.0, 0);
        sqe.cdw10 = CreateQueue10(0).with_qid(cqid.into()).with_size_z(size_z.into()).0.into();
        let flags = QueueFlags11(0).with_pc(1);
        sqe.cdw11 = match interrupt_vector {
            Some(vector) => flags.with_ien(1).with_iv(vector.into()).0.into(),
            None => flags.0.into(),
        };
        sqe
    }

    /// Create I/O Submission Queue, contiguous, of `size_z + 1` entries, urgent priority.
    #[must_use]
    pub fn create_io_sq(sqid: u16, size_z: u16, cqid: u16) -> Self {
        let mut sqe = Self::new(AdminOpcode::CREATE_IO_SQ.0, 0);
        sqe.cdw10 = CreateQueue10(0).with_qid(sqid.into()).with_size_z(size_z.into()).0.into();
        sqe.cdw11 = CreateSq11(0).with_pc(1).with_cqid(cqid.into()).0.into();
        sqe
    }

    /// Doorbell Buffer Config; the pages of shadow doorbells and of EventIdx are PRP1 and PRP2.
    // Spec: NVMe-Base-2.0c 5.8 "Doorbell Buffer Config command"
    #[must_use]
    pub fn doorbell_buffer_config(values: u64, events: u64) -> Self {
        Self::new(AdminOpcode::DOORBELL_BUFFER_CONFIG.0, 0).with_prp(values, events)
    }

    /// Delete I/O Completion Queue.
    #[must_use]
    pub fn delete_io_cq(cqid: u16) -> Self {
        let mut sqe = Self::new(AdminOpcode::DELETE_IO_CQ.0, 0);
        sqe.cdw10 = u32::from(cqid).into();
        sqe
    }

    /// Delete I/O Submission Queue.
    #[must_use]
    pub fn delete_io_sq(sqid: u16) -> Self {
        let mut sqe = Self::new(AdminOpcode::DELETE_IO_SQ.0, 0);
        sqe.cdw10 = u32::from(sqid).into();
        sqe
    }

    /// Set Features, not saved; see [`crate::feature`] for `fid` and `cdw11`.
    #[must_use]
    pub fn set_features(fid: u8, cdw11: u32) -> Self {
        let mut sqe = Self::new(AdminOpcode::SET_FEATURES.0, 0);
        sqe.cdw10 = u32::from(fid).into();
        sqe.cdw11 = cdw11.into();
        sqe
    }

    /// Get Features; see [`crate::feature`] for `fid` and `sel`.
    #[must_use]
    pub fn get_features(fid: u8, sel: u8) -> Self {
        let mut sqe = Self::new(AdminOpcode::GET_FEATURES.0, 0);
        sqe.cdw10 = (u32::from(sel & 7) << 8 | u32::from(fid)).into();
        sqe
    }

    /// Get Log Page: `numd_z + 1` dwords from byte `offset` on; see [`crate::log`] for `lid`.
    #[must_use]
    pub fn get_log_page(lid: u8, nsid: u32, numd_z: u32, offset: u64) -> Self {
        let mut sqe = Self::new(AdminOpcode::GET_LOG_PAGE.0, nsid);
        sqe.cdw10 = LogPage10(0).with_lid(lid.into()).with_numdl_z(numd_z & 0xffff).0.into();
        sqe.cdw11 = (numd_z >> 16).into();
        let [b0, b1, b2, b3, b4, b5, b6, b7] = offset.to_le_bytes();
        sqe.cdw12 = U32::from_bytes([b0, b1, b2, b3]);
        sqe.cdw13 = U32::from_bytes([b4, b5, b6, b7]);
        sqe
    }

    /// Format NVM.
    #[must_use]
    pub fn format_nvm(nsid: u32, how: FormatNvm10) -> Self {
        let mut sqe = Self::new(AdminOpcode::FORMAT_NVM.0, nsid);
        sqe.cdw10 = how.0.into();
        sqe
    }

    /// Abort the command `cid` of queue `sqid`.
    #[must_use]
    pub fn abort(sqid: u16, cid: u16) -> Self {
        let mut sqe = Self::new(AdminOpcode::ABORT.0, 0);
        sqe.cdw10 = (u32::from(cid) << 16 | u32::from(sqid)).into();
        sqe
    }

    /// Asynchronous Event Request.
    #[must_use]
    pub fn async_event_request() -> Self {
        Self::new(AdminOpcode::ASYNC_EVENT_REQUEST.0, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_has_these_bytes() {
        let sqe = Sqe::write(1, 0x0102_0304_0506_0708, 7, true)
            .with_cid(0xabcd)
            .with_prp(0x1111_2222_3333_4000, 0x5555);
        let mut expected = [0; SQE_BYTES];
        expected[0] = 0x01;
        expected[2..4].copy_from_slice(&[0xcd, 0xab]);
        expected[4] = 1;
        expected[24..32].copy_from_slice(&[0x00, 0x40, 0x33, 0x33, 0x22, 0x22, 0x11, 0x11]);
        expected[32..34].copy_from_slice(&[0x55, 0x55]);
        expected[40..48].copy_from_slice(&[8, 7, 6, 5, 4, 3, 2, 1]);
        expected[48..52].copy_from_slice(&[7, 0, 0, 0x40]);
        assert_eq!(sqe.to_bytes(), expected);
        let back = Sqe::from_bytes(expected);
        assert_eq!((back.opcode(), back.cid(), back.slba()), (1, 0xabcd, 0x0102_0304_0506_0708));
    }

    #[test]
    fn queue_creation_has_these_dwords() {
        let cq = Sqe::create_io_cq(3, 0x00ff, Some(5));
        assert_eq!((cq.opcode(), cq.cdw10.get(), cq.cdw11.get()), (5, 0x00ff_0003, 0x0005_0003));
        assert_eq!(Sqe::create_io_cq(3, 0x00ff, None).cdw11.get(), 1);
        let sq = Sqe::create_io_sq(2, 0x003f, 3);
        assert_eq!((sq.opcode(), sq.cdw10.get(), sq.cdw11.get()), (1, 0x003f_0002, 0x0003_0001));
    }

    #[test]
    fn admin_commands_have_these_dwords() {
        let log = Sqe::get_log_page(2, 0xffff_ffff, 0x0001_007f, 0x1_0000_0010);
        assert_eq!(log.cdw10.get(), 0x007f_0002);
        assert_eq!((log.cdw11.get(), log.cdw12.get(), log.cdw13.get()), (1, 0x10, 1));
        assert_eq!(Sqe::abort(1, 0x0203).cdw10.get(), 0x0203_0001);
        assert_eq!(Sqe::get_features(6, 3).cdw10.get(), 0x0306);
        assert_eq!(Sqe::set_features(7, 0x0001_0001).cdw11.get(), 0x0001_0001);
        assert_eq!(Sqe::identify(2, 9).cdw10.get(), 2);
        assert_eq!(Sqe::deallocate(1, 255).cdw10.get(), 255);
        assert_eq!(Sqe::deallocate(1, 0).cdw11.get(), 4);
    }
}
