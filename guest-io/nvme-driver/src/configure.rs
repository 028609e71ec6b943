//! Setting an enabled controller up, one admin command after the other. The same steps run at probe
//! and after every reset.

use block::DeviceStatus;
use hal::{DmaBuf, Instant, Platform};
use nvme_spec::feature::{self, AsyncEventConfig, NumberOfQueues};
use nvme_spec::identify::{
    CNS_CONTROLLER, CNS_NAMESPACE, IDENTIFY_BYTES, IdentifyController, IdentifyNamespace,
};
use nvme_spec::{AdminOpcode, Sqe, Status};

use crate::admin::Purpose;
use crate::config::Completion;
use crate::error::Error;
use crate::events::Event;
use crate::identity::{ControllerLimits, NamespaceLimits};
use crate::phase::Phase;
use crate::registers::Registers;
use crate::state::{Core, IO_QID, IO_VECTOR};

/// Set Features: Host Behavior Support. Its data is one page; byte 0 is ACRE.
// Spec: NVMe-Base-2.0c 5.27.1.18 "Host Behavior Support"
const HOST_BEHAVIOR_SUPPORT: u8 = 0x16;
/// Identify Controller, OAES bit 8: namespace attribute notices.
const OAES_NAMESPACE: u32 = 1 << 8;
/// The SMART critical warnings that exist (bits 4:0).
const SMART_WARNINGS: u32 = 0x1f;

/// A step of the set-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    IdentifyController,
    IdentifyNamespace,
    HostBehavior,
    NumberOfQueues,
    CreateCq,
    CreateSq,
    DoorbellBuffer,
    AsyncEvents,
}

impl Step {
    pub(crate) const FIRST: Self = Self::IdentifyController;

    fn next(self) -> Option<Self> {
        Some(match self {
            Self::IdentifyController => Self::IdentifyNamespace,
            Self::IdentifyNamespace => Self::HostBehavior,
            Self::HostBehavior => Self::NumberOfQueues,
            Self::NumberOfQueues => Self::CreateCq,
            Self::CreateCq => Self::CreateSq,
            Self::CreateSq => Self::DoorbellBuffer,
            Self::DoorbellBuffer => Self::AsyncEvents,
            Self::AsyncEvents => return None,
        })
    }

    /// Whether the controller is of no use when it refuses the command.
    fn is_vital(self) -> bool {
        !matches!(self, Self::HostBehavior | Self::DoorbellBuffer | Self::AsyncEvents)
    }
}

impl<P: Platform> Core<P> {
    /// Sends the command of `step`, or of the first step after it that has one.
    pub(crate) fn send_step(&mut self, platform: &P, now: Instant, step: Step) {
        let mut step = Some(step);
        while let Some(this) = step {
            if let Some(sqe) = self.step_command(this) {
                let deadline = now.after(self.config.admin_timeout);
                self.phase = Phase::Configuring(this);
                let registers = Registers(platform.bar());
                let is_sent = self.admin.send(&registers, sqe, Purpose::Configure, deadline);
                assert!(is_sent, "the admin queue was empty before the set-up");
                return;
            }
            step = this.next();
        }
        self.go_live(platform, now);
    }

    fn step_command(&self, step: Step) -> Option<Sqe> {
        let nsid = self.config.nsid;
        let data = self.data.iova().0;
        Some(match step {
            Step::IdentifyController => Sqe::identify(CNS_CONTROLLER, 0).with_prp(data, 0),
            Step::IdentifyNamespace => Sqe::identify(CNS_NAMESPACE, nsid).with_prp(data, 0),
            Step::HostBehavior => {
                // Without ACRE the controller may not use its retry delays.
                self.controller.filter(ControllerLimits::has_retry_delay)?;
                self.data.write(0, &[0; IDENTIFY_BYTES]);
                self.data.write(0, &[1]);
                Sqe::set_features(HOST_BEHAVIOR_SUPPORT, 0).with_prp(data, 0)
            }
            Step::NumberOfQueues => {
                let one = NumberOfQueues(0);
                Sqe::set_features(feature::NUMBER_OF_QUEUES, one.0)
            }
            Step::CreateCq => {
                let has_interrupt = self.config.completion == Completion::Interrupts;
                let vector = has_interrupt.then_some(IO_VECTOR);
                let sqe = Sqe::create_io_cq(IO_QID, self.io.depth_z(), vector);
                sqe.with_prp(self.io.cq_address(), 0)
            }
            Step::CreateSq => {
                let sqe = Sqe::create_io_sq(IO_QID, self.io.depth_z(), IO_QID);
                sqe.with_prp(self.io.sq_address(), 0)
            }
            Step::DoorbellBuffer => {
                self.controller.filter(|limits| limits.has_doorbell_buffer)?;
                let (values, events) = self.shadow.as_ref()?.addresses();
                Sqe::doorbell_buffer_config(values, events)
            }
            Step::AsyncEvents => {
                let oaes = self.controller.map_or(0, |limits| limits.oaes);
                let config = AsyncEventConfig(0)
                    .with_smart(SMART_WARNINGS)
                    .with_namespace_notices(u32::from(oaes & OAES_NAMESPACE != 0));
                Sqe::set_features(feature::ASYNC_EVENT_CONFIG, config.0)
            }
        })
    }

    /// The controller answered the command of the current step.
    pub(crate) fn step_answered(
        &mut self,
        platform: &P,
        now: Instant,
        opcode: AdminOpcode,
        status: Status,
    ) {
        let Phase::Configuring(step) = self.phase else {
            return;
        };
        if !status.is_success() {
            let raw = status.to_raw();
            platform.tracer().emit(Event::AdminFailed { status: raw, opcode: opcode.0 });
            if step.is_vital() {
                let status = DeviceStatus(raw);
                return self.end(platform, Error::AdminFailed { opcode, status });
            }
            if let (Step::HostBehavior, Some(limits)) = (step, &mut self.controller) {
                limits.forget_retry_delays();
            }
        } else if let Err(error) = self.take_answer(step) {
            return self.end(platform, error);
        }
        match step.next() {
            Some(next) => self.send_step(platform, now, next),
            None => self.go_live(platform, now),
        }
    }

    fn take_answer(&mut self, step: Step) -> Result<(), Error> {
        let mut bytes = [0; IDENTIFY_BYTES];
        match step {
            Step::IdentifyController => {
                self.data.read(0, &mut bytes);
                // A page always holds the structure.
                if let Some(id) = IdentifyController::from_prefix(&bytes) {
                    let page_shift = u32::try_from(self.cap.mpsmin()).unwrap_or(0);
                    self.controller = Some(ControllerLimits::new(&id, page_shift));
                }
            }
            Step::IdentifyNamespace => {
                self.data.read(0, &mut bytes);
                let id = IdentifyNamespace::from_prefix(&bytes);
                if let (Some(id), Some(controller)) = (id, &self.controller) {
                    let limits = NamespaceLimits::new(&id, controller, self.config.nsid)?;
                    // Bios in flight and the layers above were promised the old limits.
                    match &self.namespace {
                        Some(old) if !old.is_compatible(&limits) => return Err(Error::Changed),
                        Some(_) => {}
                        None => self.namespace = Some(limits),
                    }
                }
            }
            Step::DoorbellBuffer => {
                if let Some(shadow) = &mut self.shadow {
                    shadow.go_live();
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn go_live(&mut self, platform: &P, now: Instant) {
        self.phase = Phase::Live;
        let size_blocks = self.namespace.map_or(0, |limits| limits.geometry.size_blocks);
        platform.tracer().emit(Event::Live { depth: self.io.depth(), size_blocks });
        self.park_event_requests(platform);
        self.send_waiting(platform, now);
    }
}
