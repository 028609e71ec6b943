//! The namespaces as a set: which there are, which are attached, and how the owner changes that while a
//! guest runs.
//!
//! A change that the guest did not ask for is reported as Namespace Attribute Changed, if the guest
//! enabled that, and always stands in the changed namespace list. The event needs a step to be
//! delivered: [`Controller::next_event`] says "now" after each of these calls.
// Spec: NVMe-Base-2.0c 8.12 "Namespace Management"

use std::collections::BTreeMap;

use nvme_spec::aer::{self, AerResult};
use nvme_spec::log::{LID_CHANGED_NAMESPACES, result_code};
use nvme_spec::{NSID_BROADCAST, status};

use crate::config::{Config, ConfigError};
use crate::failure::{Failure, byte};
use crate::media::{Media, MediaError};
use crate::namespace::Namespace;
use crate::numbered::Numbered;
use crate::{Controller, Event, Observer};

/// Why the owner cannot change the namespaces.
#[derive(Debug, thiserror::Error)]
pub enum NamespaceError {
    /// The identifier is 0, too large, or in use; or the media cannot be a namespace.
    #[error(transparent)]
    Impossible(#[from] ConfigError),
    /// There is no namespace with this identifier.
    #[error("no namespace {nsid} to change, see which there are in the allocated namespace list")]
    Missing {
        /// The identifier.
        nsid: u32,
    },
    /// The host's storage failed; nothing changed.
    #[error(transparent)]
    Media(#[from] MediaError),
}

/// A namespace as the owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceInfo {
    /// Its identifier.
    pub nsid: u32,
    /// Whether the host can use it.
    pub is_attached: bool,
    /// How many logical blocks it has.
    pub size_blocks: u64,
    /// Bytes of data of a logical block, without metadata.
    pub block_bytes: u32,
    /// The host's file that it lies in; `None` if it is in memory.
    pub file: Option<String>,
}

impl NamespaceInfo {
    fn new(namespace: &Namespace, is_attached: bool) -> Self {
        Self {
            nsid: namespace.nsid,
            is_attached,
            size_blocks: namespace.size_blocks(),
            block_bytes: namespace.format.data_bytes(),
            file: namespace.media.file().map(str::to_owned),
        }
    }
}

/// The namespaces of a new controller.
pub(crate) fn collect(
    config: &Config,
    media: Vec<(u32, Box<dyn Media>)>,
) -> Result<Numbered<Namespace, u32>, ConfigError> {
    let mut namespaces = Numbered::default();
    for (nsid, media) in media {
        let namespace = checked(config, nsid, media)?;
        if namespaces.insert(nsid, namespace).is_some() {
            return Err(ConfigError::SameNamespace { nsid });
        }
    }
    Ok(namespaces)
}

fn check_geometry(blocks: u64, block_bytes: u32) -> Result<(), ConfigError> {
    if blocks == 0 || blocks > 1 << 48 || ![512, 4096].contains(&block_bytes) {
        return Err(ConfigError::BadMedia { blocks, block_bytes });
    }
    Ok(())
}

fn checked(config: &Config, nsid: u32, media: Box<dyn Media>) -> Result<Namespace, ConfigError> {
    let (value, max) = (u64::from(nsid), u64::from(config.namespaces_max));
    if !(1..=max).contains(&value) {
        return Err(ConfigError::OutOfRange { field: "nsid", value, min: 1, max });
    }
    check_geometry(media.size_blocks(), media.block_bytes())?;
    Ok(Namespace::new(nsid, media, config.cache_blocks_max, config.atomicity()))
}

/// For the owner.
impl Controller {
    /// The namespaces that there are, by identifier, and whether each is attached.
    pub fn namespaces(&self) -> impl Iterator<Item = (u32, bool)> {
        let attached = self.namespaces.keys().map(|nsid| (nsid, true));
        let all = attached.chain(self.detached.keys().map(|nsid| (nsid, false)));
        all.collect::<BTreeMap<u32, bool>>().into_iter()
    }

    /// What the owner sees of each namespace, by identifier.
    #[must_use]
    pub fn namespace_infos(&self) -> Vec<NamespaceInfo> {
        let info = |(nsid, is_attached)| {
            self.allocated(nsid).map(|namespace| NamespaceInfo::new(namespace, is_attached))
        };
        self.namespaces().filter_map(info).collect()
    }

    /// Adds a namespace over `media`, attached.
    ///
    /// # Errors
    /// [`NamespaceError::Impossible`] if the identifier or the media's geometry is.
    pub fn add_namespace(
        &mut self,
        now_ns: u64,
        nsid: u32,
        media: Box<dyn Media>,
        observer: &mut dyn Observer,
    ) -> Result<(), NamespaceError> {
        self.advance(now_ns, observer);
        if self.is_allocated(nsid) {
            return Err(ConfigError::SameNamespace { nsid }.into());
        }
        let namespace = checked(&self.config, nsid, media)?;
        self.device.capacity_bytes =
            self.device.capacity_bytes.saturating_add(namespace.size_bytes());
        let blocks = namespace.size_blocks();
        self.namespaces.insert(nsid, namespace);
        self.owner_changed(nsid, blocks, observer);
        Ok(())
    }

    /// Removes a namespace and gives its media back, with everything that was written to it. Commands
    /// of it that are in flight complete with Invalid Namespace or Format.
    ///
    /// # Errors
    /// [`NamespaceError`] if there is no such namespace, or its cache cannot be written to the media.
    pub fn remove_namespace(
        &mut self,
        now_ns: u64,
        nsid: u32,
        observer: &mut dyn Observer,
    ) -> Result<Box<dyn Media>, NamespaceError> {
        self.advance(now_ns, observer);
        if let Some(namespace) = self.namespaces.get_mut(nsid) {
            namespace.flush(now_ns, observer)?;
        }
        let namespace = self.take_namespace(nsid).ok_or(NamespaceError::Missing { nsid })?;
        self.device.capacity_bytes =
            self.device.capacity_bytes.saturating_sub(namespace.size_bytes());
        observer.event(now_ns, &Event::Namespace { nsid, blocks: 0 });
        Ok(namespace.media)
    }

    /// Puts other media in the place of a namespace's, usually of another size: `make` gets the old
    /// media, with everything that was written to it, and gives the new, which should hold the same as far as both reach,
    /// for instance [`Media::resized`].
    ///
    /// # Errors
    /// [`NamespaceError`] if there is no such namespace, the new media's geometry is impossible or its
    /// block size another, or the host fails.
    pub fn resize_namespace(
        &mut self,
        now_ns: u64,
        nsid: u32,
        make: impl FnOnce(&dyn Media) -> Result<Box<dyn Media>, MediaError>,
        observer: &mut dyn Observer,
    ) -> Result<(), NamespaceError> {
        self.advance(now_ns, observer);
        let attached = self.namespaces.get_mut(nsid);
        let namespace = match attached {
            Some(namespace) => namespace,
            None => self.detached.get_mut(nsid).ok_or(NamespaceError::Missing { nsid })?,
        };
        let (before, block_bytes) = (namespace.size_bytes(), namespace.block_bytes());
        // A cached write beyond the new end must not reach the media later.
        namespace.flush(now_ns, observer)?;
        let media = make(namespace.media.as_ref())?;
        let blocks = media.size_blocks();
        if blocks == 0 || blocks > 1 << 48 || media.block_bytes() != block_bytes {
            let block_bytes = media.block_bytes();
            return Err(ConfigError::BadMedia { blocks, block_bytes }.into());
        }
        namespace.replace_media(media);
        let after = namespace.size_bytes();
        self.device.capacity_bytes =
            self.device.capacity_bytes.saturating_sub(before).saturating_add(after);
        self.owner_changed(nsid, blocks, observer);
        Ok(())
    }

    /// Bytes that no namespace has: what the host can make namespaces of.
    #[must_use]
    pub fn unallocated_bytes(&self) -> u128 {
        let all = self.namespaces.values().chain(self.detached.values());
        let allocated = all.map(Namespace::size_bytes).fold(0, u128::saturating_add);
        self.device.capacity_bytes.saturating_sub(allocated)
    }

    fn owner_changed(&mut self, nsid: u32, blocks: u64, observer: &mut dyn Observer) {
        observer.event(self.now_ns(), &Event::Namespace { nsid, blocks });
        self.namespace_changed(nsid);
    }
}

/// For the commands.
impl Controller {
    /// Whether a namespace with this identifier exists, attached or not.
    pub(crate) fn is_allocated(&self, nsid: u32) -> bool {
        self.namespaces.has(nsid) || self.detached.has(nsid)
    }

    /// A namespace, attached or not.
    pub(crate) fn allocated(&self, nsid: u32) -> Option<&Namespace> {
        self.namespaces.get(nsid).or_else(|| self.detached.get(nsid))
    }

    /// The identifiers of all namespaces, ascending.
    pub(crate) fn allocated_nsids(&self) -> Vec<u32> {
        self.namespaces().map(|(nsid, _)| nsid).collect()
    }

    /// An identifier that some namespace could have.
    // Spec: NVMe-Base-2.0c 3.2.1.2 "Valid and Invalid NSIDs"
    pub(crate) fn check_valid(&self, nsid: u32) -> Result<(), Failure> {
        if (1..=self.config.namespaces_max).contains(&nsid) {
            return Ok(());
        }
        Err(Failure::permanent(status::INVALID_NAMESPACE).at(byte::NSID))
    }

    /// The identifier of a namespace that is attached.
    // Spec: NVMe-Base-2.0c 3.2.1.4 "Active and Inactive NSID Types"
    pub(crate) fn check_active(&self, nsid: u32) -> Result<(), Failure> {
        self.active(nsid).map(|_| ())
    }

    /// The namespace of such an identifier.
    pub(crate) fn active(&self, nsid: u32) -> Result<&Namespace, Failure> {
        match self.namespaces.get(nsid) {
            Some(ns) => Ok(ns),
            None => self.check_valid(nsid).and(Err(inactive())),
        }
    }

    /// The identifier of an attached namespace, or of all.
    pub(crate) fn check_active_or_all(&self, nsid: u32) -> Result<(), Failure> {
        if nsid == NSID_BROADCAST { Ok(()) } else { self.check_active(nsid) }
    }

    /// Takes a namespace out of the set. What is left of its commands in flight is refused.
    pub(crate) fn take_namespace(&mut self, nsid: u32) -> Option<Namespace> {
        let attached = self.namespaces.remove(nsid);
        if attached.is_some() {
            self.namespace_went(nsid);
        }
        self.faults_mut().forget_namespace(nsid);
        attached.or_else(|| self.detached.remove(nsid))
    }

    /// A namespace is no longer attached.
    pub(crate) fn namespace_went(&mut self, nsid: u32) {
        self.refuse_commands_of(nsid);
        let is_tested = self
            .device
            .self_test
            .run()
            .is_some_and(|run| run.nsid == nsid || run.nsid == NSID_BROADCAST);
        if is_tested {
            let hours = self.power_on_hours();
            self.device.self_test.abort(result_code::ABORTED_BY_REMOVAL, hours);
        }
        self.namespace_changed(nsid);
    }

    /// The host has to look at a namespace, or at the list of them, again.
    pub(crate) fn namespace_changed(&mut self, nsid: u32) {
        self.device.changed.add(nsid);
        if self.features.async_events().namespace_notices() != 0 {
            self.raise_event(
                AerResult(0)
                    .with_event_type(aer::TYPE_NOTICE)
                    .with_info(aer::NOTICE_NAMESPACE_CHANGED)
                    .with_log_page(LID_CHANGED_NAMESPACES.into()),
            );
        }
    }

    /// Something happened outside of a command: it is reported in the next step, which is due now.
    pub(crate) fn raise_event(&mut self, event: AerResult) {
        self.events.raise(event);
        self.has_backlog |= self.events.is_deliverable();
    }
}

/// The identifier names no namespace that is attached.
pub(crate) fn inactive() -> Failure {
    Failure::field(byte::NSID, 0)
}
