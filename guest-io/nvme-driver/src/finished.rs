//! Completions that nobody has taken yet.

use alloc::collections::VecDeque;

use block::{Done, Ticket};

/// A short list, oldest first: whoever submits, takes soon, and mostly in order.
///
/// Allocates at probe, and later only when more completions lie here than was provided for.
#[derive(Debug)]
pub(crate) struct Finished<D>(VecDeque<(Ticket, Done<D>)>);

impl<D> Finished<D> {
    pub(crate) fn with_capacity(places: usize) -> Self {
        Self(VecDeque::with_capacity(places))
    }

    pub(crate) fn put(&mut self, ticket: Ticket, done: Done<D>) {
        self.0.push_back((ticket, done));
    }

    pub(crate) fn take(&mut self, ticket: Ticket) -> Option<Done<D>> {
        if self.0.front().is_some_and(|(first, _)| *first == ticket) {
            return self.0.pop_front().map(|(_, done)| done);
        }
        let index = self.0.iter().position(|(t, _)| *t == ticket)?;
        self.0.remove(index).map(|(_, done)| done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use block::Bio;

    #[test]
    fn each_completion_is_taken_once_in_any_order() {
        let mut finished = Finished::<u8>::with_capacity(2);
        for block in 0..4 {
            let bio = Bio { block, ..Bio::flush() };
            finished.put(Ticket(block), Done { bio, result: Ok(()) });
        }
        for block in [2, 0, 3, 1] {
            assert_eq!(finished.take(Ticket(block)).map(|done| done.bio.block), Some(block));
            assert!(finished.take(Ticket(block)).is_none());
        }
    }
}
