//! Which namespaces changed since the host last asked.
// Spec: NVMe-Base-2.0c 5.16.1.5 "Changed Namespace List (Log Identifier 04h)"

use std::collections::BTreeSet;

use nvme_spec::identify::NAMESPACE_LIST_ENTRIES;
use nvme_spec::log::CHANGED_NAMESPACES_TOO_MANY;

/// The namespaces. Lost at a reset: a host that starts looks at every namespace anyway.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChangedNamespaces(BTreeSet<u32>);

impl ChangedNamespaces {
    pub(crate) fn add(&mut self, nsid: u32) {
        self.0.insert(nsid);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The log page.
    pub(crate) fn page(&self) -> Vec<u8> {
        let too_many = [CHANGED_NAMESPACES_TOO_MANY];
        let is_too_long = self.0.len() > NAMESPACE_LIST_ENTRIES;
        let listed = self.0.iter().copied().filter(|_| !is_too_long);
        let head = too_many.into_iter().filter(|_| is_too_long);
        let list = head.chain(listed).chain(std::iter::repeat(0)).take(NAMESPACE_LIST_ENTRIES);
        list.flat_map(u32::to_le_bytes).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_changes_than_fit_are_one_word() {
        let mut changed = ChangedNamespaces::default();
        for nsid in 1..=1024 {
            changed.add(nsid);
        }
        assert_eq!(changed.page()[4092..], 1024_u32.to_le_bytes());
        changed.add(1025);
        let page = changed.page();
        assert_eq!((page.len(), &page[..8]), (4096, &[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0][..]));
    }
}
