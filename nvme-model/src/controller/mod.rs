//! The controller: its state, and the few calls that its owner makes.

mod cid_set;
mod clock;
mod doorbell;
mod execute;
mod fused;
mod holding;
mod inflight;
mod lifecycle;
mod lookahead;
mod mishaps;
mod mmio;
mod pause;
mod pin;
mod post;
mod power;
pub(crate) mod registers;
mod sight;
mod snapshot;
mod step;
mod write_log;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use nvme_spec::aer::AerResult;

pub(crate) use fused::check_fuse;
pub(crate) use inflight::{Outcome, UnderWay};
pub use snapshot::Snapshot;

use crate::admin::Injected;
use crate::admin::reservation::HostIdentity;
use crate::async_events::AsyncEvents;
use crate::cache::WriteCache;
use crate::config::{Config, ConfigError};
use crate::device::Device;
use crate::fault::{FaultEngine, FaultPlan, NamedBlocks};
use crate::features::Features;
use crate::findings::Findings;
use crate::health::Health;
use crate::inventory;
use crate::media::{Media, MediaError};
use crate::namespace::Namespace;
use crate::numbered::Numbered;
use crate::queue::{Coalescing, Queues, ShadowDoorbells, Vectors};
use crate::reservation::Notices;
use inflight::InFlightTable;
use lookahead::Lookahead;
use mishaps::Mishaps;
use registers::Registers;

/// The identifier of the namespace that a controller over one media has.
const NSID: u32 = 1;

/// An NVMe controller with its namespaces.
///
/// Its owner carries register accesses in, calls [`Controller::step`] after every write and whenever
/// [`Controller::next_event`] is due, and says what time it is. Time must not go backwards except
/// across a power cut.
#[derive(Clone, Debug)]
pub struct Controller {
    pub(crate) config: Config,
    registers: Registers,
    pub(crate) queues: Queues,
    in_flight: InFlightTable,
    lookahead: Lookahead,
    /// First commands of fused operations that wait for their second, by queue.
    half_fused: BTreeMap<u16, fused::Half>,
    clock: clock::Channels,
    /// The namespaces that are attached.
    pub(crate) namespaces: Numbered<Namespace, u32>,
    /// Those that are allocated and not attached. Their caches are empty.
    pub(crate) detached: Numbered<Namespace, u32>,
    pub(crate) device: Device,
    pub(crate) features: Features,
    pub(crate) events: AsyncEvents,
    /// The host that is here, and what hosts have to be told of reservations.
    pub(crate) host: HostIdentity,
    pub(crate) notices: Notices,
    pub(crate) health: Health,
    faults: FaultEngine,
    /// Vectors to signal at the end of the step, or when they are unmasked.
    interrupts: Vectors,
    pub(crate) coalescing: Coalescing,
    /// The shadow doorbells, if the host set them up.
    shadow: Option<ShadowDoorbells>,
    /// The owner looks at the shadow doorbells all the time.
    is_polled: bool,
    /// Events about doorbells, and when they are reported: that takes as long as an admin command.
    doorbell_errors: VecDeque<(u64, AerResult)>,
    /// Vectors to signal later, with their times.
    late_interrupts: BTreeSet<(u64, u16)>,
    /// When CSTS.RDY follows CC.EN.
    ready_at: Option<u64>,
    /// When CSTS.RDY follows CC.EN = 0, if a rule delays that.
    unready_at: Option<u64>,
    /// CC.EN = 0 was not noticed: the controller goes on.
    is_reset_ignored: bool,
    /// When CSTS.SHST says complete.
    shutdown_at: Option<u64>,
    /// When processing goes on, if it is paused.
    paused_until: Option<u64>,
    is_removed: bool,
    /// The last step ended because it had done enough, not because there was nothing left.
    pub(crate) has_backlog: bool,
    now_ns: u64,
    commands_fetched: u64,
    work_done: u64,
    host_failure: Option<Arc<MediaError>>,
    /// What faults have left behind.
    mishaps: Mishaps,
    /// Faults that the guest has armed.
    pub(crate) injected: Injected,
    /// What the driver does wrong.
    pub(crate) findings: Findings,
}

impl Controller {
    /// A controller that was just switched on, with namespace 1 over `media`.
    ///
    /// # Errors
    /// [`ConfigError`] if the configuration or the media's geometry is impossible.
    pub fn new(
        config: Config,
        media: Box<dyn Media>,
        faults: FaultPlan,
    ) -> Result<Self, ConfigError> {
        Self::with_namespaces(config, vec![(NSID, media)], faults)
    }

    /// A controller that was just switched on, with these namespaces attached, by identifier. The
    /// identifiers need not be dense; there may be none.
    ///
    /// # Errors
    /// [`ConfigError`] if the configuration, an identifier or a media's geometry is impossible.
    pub fn with_namespaces(
        config: Config,
        media: Vec<(u32, Box<dyn Media>)>,
        faults: FaultPlan,
    ) -> Result<Self, ConfigError> {
        config.validate()?;
        let namespaces = inventory::collect(&config, media)?;
        let allocated = namespaces.values().map(Namespace::size_bytes).sum::<u128>();
        let capacity_bytes = allocated.saturating_add(config.unallocated_bytes.into());
        Ok(Self {
            registers: Registers::default(),
            queues: Queues::default(),
            in_flight: InFlightTable::default(),
            lookahead: Lookahead::default(),
            half_fused: BTreeMap::new(),
            clock: clock::Channels::new(config.channels),
            namespaces,
            detached: Numbered::default(),
            device: Device::new(&config, capacity_bytes),
            features: Features::new(&config),
            events: AsyncEvents::default(),
            host: HostIdentity::default(),
            notices: Notices::default(),
            health: Health::new(),
            faults: FaultEngine::new(faults),
            interrupts: Vectors::default(),
            coalescing: Coalescing::default(),
            shadow: None,
            is_polled: false,
            doorbell_errors: VecDeque::new(),
            late_interrupts: BTreeSet::new(),
            ready_at: None,
            unready_at: None,
            is_reset_ignored: false,
            shutdown_at: None,
            paused_until: None,
            is_removed: false,
            has_backlog: false,
            now_ns: 0,
            commands_fetched: 0,
            work_done: 0,
            host_failure: None,
            mishaps: Mishaps::default(),
            injected: Injected::default(),
            findings: Findings::default(),
            config,
        })
    }

    /// What the controller is like.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The fault plan and what came of it.
    #[must_use]
    pub fn faults(&self) -> &FaultEngine {
        &self.faults
    }

    /// The fault engine, to arm a rule in a running machine.
    pub fn faults_mut(&mut self) -> &mut FaultEngine {
        &mut self.faults
    }

    /// These blocks were written: rules until a rewrite lose them.
    pub(crate) fn blocks_were_rewritten(&mut self, nsid: u32, slba: u64, blocks: u64) {
        let (attached, detached) = (&self.namespaces, &self.detached);
        let all = || attached.keys().chain(detached.keys());
        self.faults.on_rewrite(NamedBlocks { nsid, slba, blocks }, all);
    }

    /// The media of a namespace, as a power cut would leave it.
    #[must_use]
    pub fn media(&self, nsid: u32) -> Option<&dyn Media> {
        self.namespaces.get(nsid).map(|ns| ns.media.as_ref())
    }

    /// The media of a namespace, to look at it or to damage it from outside.
    pub fn media_mut(&mut self, nsid: u32) -> Option<&mut dyn Media> {
        match self.namespaces.get_mut(nsid) {
            Some(ns) => Some(ns.media.as_mut()),
            None => None,
        }
    }

    /// What a power cut would lose of a namespace.
    #[must_use]
    pub fn cache(&self, nsid: u32) -> Option<&WriteCache> {
        self.namespaces.get(nsid).map(|ns| &ns.cache)
    }

    /// The first failure of the host's own storage, if there was any. The run's results are void then.
    #[must_use]
    pub fn host_failure(&self) -> Option<&MediaError> {
        self.host_failure.as_deref()
    }

    /// Whether the device was pulled out.
    #[must_use]
    pub fn is_removed(&self) -> bool {
        self.is_removed
    }

    /// Whether no register write can be answered in the host's memory before time moves: every command
    /// takes time, and nothing waits for room in a queue. As long as that holds, an owner may carry
    /// register writes in late, as long as it does so in order and before time moves.
    #[must_use]
    pub fn answers_take_time(&self) -> bool {
        let is_due = self.next_event().is_some_and(|at| at <= self.now_ns);
        let is_quiet = !is_due && !self.events.is_deliverable() && !self.faults.happens_at_once();
        self.config.timing.is_never_zero() && is_quiet
    }

    /// Commands fetched and completed so far, in both together: whether it stands still tells an owner that
    /// polls when to stop.
    #[must_use]
    pub fn work_done(&self) -> u64 {
        self.work_done
    }

    /// The virtual time of the next thing that happens by itself; `None` if nothing will.
    #[must_use]
    pub fn next_event(&self) -> Option<u64> {
        if self.is_removed {
            return self.mishaps.returns_at();
        }
        let is_working = self.is_running() && !self.is_paused();
        let due = if is_working { self.in_flight.next_due() } else { None };
        let has_more = self.has_backlog || is_working && self.faults.has_released();
        let backlog = has_more.then_some(self.now_ns);
        let late = self.late_interrupts.first().map(|(at, _)| *at);
        let error = self.doorbell_errors.front().map(|(at, _)| *at);
        let coalesced = self.coalescing.next_due();
        let background = self.device.next_due();
        let mishap = self.mishaps.next_due();
        let own = [self.ready_at, self.unready_at, self.shutdown_at, self.paused_until, due];
        let others = [late, error, coalesced, backlog, background, mishap];
        own.into_iter().chain(others).flatten().min()
    }
}

#[cfg(test)]
mod tests;
