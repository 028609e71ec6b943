//! Counts how often something changed, by what it looks like whenever somebody looks.

/// The last content and its number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Generation {
    content: Vec<u8>,
    number: u16,
}

impl Generation {
    /// The number of this content: the last one, or the next if it changed.
    pub(crate) fn generation_of(&mut self, content: &[u8]) -> u16 {
        if self.content != content {
            self.content = content.to_vec();
            self.number = self.number.wrapping_add(1);
        }
        self.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_change_counts() {
        let mut generation = Generation::default();
        let numbers = [&b"a"[..], b"a", b"b", b"a"].map(|now| generation.generation_of(now));
        assert_eq!(numbers, [1, 1, 2, 3]);
    }
}
