//! Containers that take their memory once and never grow.
//!
//! "No allocation inside swap I/O" as a type: a push beyond the capacity is a bug of this crate and
//! an assertion, not a call of the allocator. Only [`Fixed::reserve`] allocates,
//! and its callers are system calls.

use alloc::vec::Vec;
use core::ops::{Deref, DerefMut};

/// A vector that never grows.
#[derive(Debug)]
pub(crate) struct Fixed<T>(Vec<T>);

impl<T> Fixed<T> {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    pub(crate) fn push(&mut self, item: T) {
        assert!(self.0.len() < self.0.capacity(), "a pool of {} is full", self.0.len());
        self.0.push(item);
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        self.0.pop()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Makes room for `capacity` items in all. Allocates.
    pub(crate) fn reserve(&mut self, capacity: usize) {
        self.0.reserve_exact(capacity.saturating_sub(self.0.len()));
    }
}

impl<T> Default for Fixed<T> {
    /// No room at all; takes no memory.
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Deref for Fixed<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T> DerefMut for Fixed<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "is full")]
    fn a_fixed_vector_refuses_to_grow() {
        let mut fixed = Fixed::with_capacity(1);
        for item in 0..=fixed.0.capacity() {
            fixed.push(item);
        }
    }
}
