//! Items of some ids: dense, found by id, the places of those that were taken out used again.

use super::{Id, IdVec};

/// Marks an id without an item.
const NONE: u32 = u32::MAX;

/// Items of ids that come and go: four bytes an id, and an item for each that is there.
#[derive(Clone, Debug)]
pub struct Slots<I, T> {
    places: IdVec<I, u32>,
    items: Vec<T>,
    free: Vec<u32>,
}

impl<I: Id, T> Slots<I, T> {
    /// No items.
    pub const fn new() -> Self {
        Slots { places: IdVec::new(), items: Vec::new(), free: Vec::new() }
    }
    /// An id's item.
    pub fn get(&self, id: I) -> Option<&T> {
        let place = self.places.get(id).copied().filter(|place| *place != NONE)?;
        self.items.get(place as usize)
    }
    /// An id's item, to change.
    pub fn get_mut(&mut self, id: I) -> Option<&mut T> {
        let place = self.places.get(id).copied().filter(|place| *place != NONE)?;
        self.items.get_mut(place as usize)
    }
    /// Adds the item of an id that has none.
    pub fn insert(&mut self, id: I, item: T) {
        debug_assert!(self.get(id).is_none(), "one item an id");
        while self.places.len() <= id.index() {
            self.places.push(NONE);
        }
        self.places[id] = match self.free.pop() {
            Some(place) => {
                self.items[place as usize] = item;
                place
            }
            None => {
                self.items.push(item);
                (self.items.len() - 1) as u32
            }
        };
    }
    /// Takes an id's item out; whether there was one.
    pub fn remove(&mut self, id: I) -> bool {
        let there = self.get(id).is_some();
        if there {
            self.free.push(std::mem::replace(&mut self.places[id], NONE));
        }
        there
    }
}

impl<I: Id, T> Default for Slots<I, T> {
    fn default() -> Self {
        Slots::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::ids! {
        /// For these tests.
        Thing,
    }

    #[test]
    fn places_are_used_again_and_nobody_finds_another_s_item() {
        let mut slots: Slots<Thing, &str> = Slots::new();
        slots.insert(Thing(3), "three");
        slots.insert(Thing(7), "seven");
        assert!(slots.remove(Thing(3)) && !slots.remove(Thing(3)) && !slots.remove(Thing(99)));
        assert_eq!((slots.get(Thing(3)), slots.get(Thing(7))), (None, Some(&"seven")));
        slots.insert(Thing(9), "nine");
        assert_eq!((slots.get(Thing(9)), slots.items.len()), (Some(&"nine"), 2));
        assert_eq!((slots.get(Thing(3)), slots.get(Thing(7))), (None, Some(&"seven")));
    }
}
