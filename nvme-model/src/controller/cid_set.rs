//! The command identifiers of one queue that are in flight. A host that breaks the rules can have one
//! more than once.

/// A bit an identifier, as far as the host has used them, and those that are there once more.
#[derive(Clone, Debug, Default)]
pub(super) struct CidSet {
    words: Vec<u64>,
    again: Vec<u16>,
}

fn place(cid: u16) -> (usize, u64) {
    (usize::from(cid >> 6), 1_u64.wrapping_shl(u32::from(cid & 63)))
}

impl CidSet {
    pub(super) fn insert(&mut self, cid: u16) {
        let (word, bit) = place(cid);
        if word >= self.words.len() {
            self.words.resize(word.saturating_add(1), 0);
        }
        match self.words.get_mut(word) {
            Some(word) if *word & bit == 0 => *word |= bit,
            _ => self.again.push(cid),
        }
    }

    pub(super) fn remove(&mut self, cid: u16) {
        if let Some(at) = self.again.iter().position(|other| *other == cid) {
            self.again.swap_remove(at);
            return;
        }
        let (word, bit) = place(cid);
        if let Some(word) = self.words.get_mut(word) {
            *word &= !bit;
        }
    }

    pub(super) fn has(&self, cid: u16) -> bool {
        let (word, bit) = place(cid);
        self.words.get(word).is_some_and(|word| word & bit != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_there_until_it_was_removed_as_often_as_it_was_inserted() {
        let mut set = CidSet::default();
        for cid in [0, 63, 64, 0xffff] {
            assert!(!set.has(cid));
            set.insert(cid);
            set.insert(cid);
            set.remove(cid);
            assert!(set.has(cid), "{cid}");
            set.remove(cid);
            assert!(!set.has(cid), "{cid}");
        }
    }
}
