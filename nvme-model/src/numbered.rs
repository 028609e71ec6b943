//! Things by number, where the numbers mostly follow each other: what a `BTreeMap` does, in one look.
//!
//! What it does not do: many things. Whatever is put in or taken out moves those behind it.

/// The things, ascending by number.
#[derive(Clone, Debug)]
pub(crate) struct Numbered<T, N = u16>(Vec<(N, T)>);

impl<T, N> Default for Numbered<T, N> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, N: Copy + Ord + Into<u64>> Numbered<T, N> {
    /// Where a number is, or would be.
    fn place(&self, number: N) -> Result<usize, usize> {
        let first = self.0.first().map_or(0, |(first, _)| (*first).into());
        let likely = usize::try_from(number.into().wrapping_sub(first)).unwrap_or(usize::MAX);
        if self.0.get(likely).is_some_and(|(there, _)| *there == number) {
            return Ok(likely);
        }
        match self.0.last() {
            Some((last, _)) if *last > number => {
                self.0.binary_search_by_key(&number, |(there, _)| *there)
            }
            Some((last, _)) if *last == number => Ok(self.0.len().saturating_sub(1)),
            _ => Err(self.0.len()),
        }
    }

    pub(crate) fn get(&self, number: N) -> Option<&T> {
        let place = self.place(number).ok()?;
        self.0.get(place).map(|(_, thing)| thing)
    }

    pub(crate) fn get_mut(&mut self, number: N) -> Option<&mut T> {
        let place = self.place(number).ok()?;
        self.0.get_mut(place).map(|(_, thing)| thing)
    }

    pub(crate) fn has(&self, number: N) -> bool {
        self.place(number).is_ok()
    }

    /// Puts a thing in; returns the one that had its number.
    pub(crate) fn insert(&mut self, number: N, thing: T) -> Option<T> {
        match self.get_mut(number) {
            Some(there) => Some(std::mem::replace(there, thing)),
            None => {
                let place = self.place(number).unwrap_or_else(|place| place);
                self.0.insert(place, (number, thing));
                None
            }
        }
    }

    /// The thing of this number, which is made if there is none.
    pub(crate) fn get_or_default(&mut self, number: N) -> &mut T
    where
        T: Default,
    {
        let place = self.place(number).unwrap_or_else(|place| {
            self.0.insert(place, (number, T::default()));
            place
        });
        match self.0.get_mut(place) {
            Some((_, thing)) => thing,
            None => unreachable!("it was made"),
        }
    }

    pub(crate) fn remove(&mut self, number: N) -> Option<T> {
        let place = self.place(number).ok()?;
        Some(self.0.remove(place).1)
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Keeps the things of these numbers.
    pub(crate) fn retain(&mut self, is_kept: impl Fn(N) -> bool) {
        self.0.retain(|(number, _)| is_kept(*number));
    }

    /// All of them, ascending by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (N, &T)> {
        self.0.iter().map(|(number, thing)| (*number, thing))
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = N> {
        self.0.iter().map(|(number, _)| *number)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|(_, thing)| thing)
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut().map(|(_, thing)| thing)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (N, &mut T)> {
        self.0.iter_mut().map(|(number, thing)| (*number, thing))
    }

    /// Those from `number` on, to be changed.
    pub(crate) fn starting_at(&mut self, number: N) -> impl Iterator<Item = (N, &mut T)> {
        let place = self.place(number).unwrap_or_else(|place| place);
        self.0.iter_mut().skip(place).map(|(number, thing)| (*number, thing))
    }

    /// The places of all of them, once around: those from `number` on, then those below.
    pub(crate) fn places_around(&self, number: N) -> impl Iterator<Item = usize> + use<T, N> {
        let (place, count) = (self.place(number).unwrap_or_else(|place| place), self.0.len());
        let mut next = if place < count { place } else { 0 };
        (0..count).map(move |_| {
            let place = next;
            next = next.saturating_add(1);
            next = if next < count { next } else { 0 };
            place
        })
    }

    /// What is at a place.
    pub(crate) fn at(&self, place: usize) -> Option<(N, &T)> {
        self.0.get(place).map(|(number, thing)| (*number, thing))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_a_map_holds(
            steps in prop::collection::vec((any::<bool>(), 0_u16..12, any::<u8>()), 0..40),
            probe in 0_u16..13,
        ) {
            let (mut things, mut map) = (Numbered::default(), BTreeMap::new());
            for (is_insert, number, value) in steps {
                if is_insert {
                    prop_assert_eq!(things.insert(number, value), map.insert(number, value));
                } else {
                    prop_assert_eq!(things.remove(number), map.remove(&number));
                }
            }
            prop_assert_eq!(things.get(probe), map.get(&probe));
            prop_assert_eq!(things.has(probe), map.contains_key(&probe));
            let pair = |(number, value): (&u16, &u8)| (*number, *value);
            let all: Vec<_> = things.iter().map(|(number, value)| (number, *value)).collect();
            prop_assert_eq!(all, map.iter().map(pair).collect::<Vec<_>>());
            let around = things.places_around(probe).filter_map(|place| things.at(place));
            let around: Vec<_> = around.map(|(number, v)| (number, *v)).collect();
            let other = map.range(probe..).chain(map.range(..probe));
            prop_assert_eq!(around, other.map(pair).collect::<Vec<_>>());
            let from: Vec<_> = things.starting_at(probe).map(|(number, v)| (number, *v)).collect();
            prop_assert_eq!(from, map.range(probe..).map(pair).collect::<Vec<_>>());
            *things.get_or_default(probe) = 7;
            prop_assert_eq!(things.get(probe), Some(&7));
        }
    }
}
