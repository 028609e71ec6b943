//! Interrupt vectors that have something to say.

/// The vectors, ascending, each once. Mostly there is none or one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Vectors(Vec<u16>);

impl Vectors {
    pub(crate) fn insert(&mut self, vector: u16) {
        if let Err(place) = self.0.binary_search(&vector) {
            self.0.insert(place, vector);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes those out, in order, that `is_done` does not want to keep.
    pub(crate) fn drain(&mut self, mut is_done: impl FnMut(u16) -> bool) {
        self.0.retain(|vector| !is_done(*vector));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_come_in_order_each_once_and_stay_until_they_are_done() {
        let mut vectors = Vectors::default();
        [5, 1, 5, 3].into_iter().for_each(|vector| vectors.insert(vector));
        let mut seen = Vec::new();
        let mut look = |vectors: &mut Vectors, masked: u16| {
            vectors.drain(|vector| {
                seen.push(vector);
                vector != masked
            });
        };
        look(&mut vectors, 3);
        look(&mut vectors, 0);
        assert_eq!(seen, [1, 3, 5, 3]);
        assert!(vectors.is_empty());
    }
}
