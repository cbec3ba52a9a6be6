//! Items whose places are used again.

use std::ops::{Index, IndexMut};

use super::Pages;

crate::ids! {
    /// Where an item of a [`Pool`] is.
    Spot,
}

/// Items by place; whoever puts one in keeps its place.
#[derive(Clone, Debug)]
pub struct Pool<T> {
    items: Pages<Spot, T>,
    free: Vec<u32>,
}

impl<T> Pool<T> {
    /// No items.
    pub const fn new() -> Self {
        Pool { items: Pages::new(), free: Vec::new() }
    }
    /// Puts an item in; its place.
    pub fn put(&mut self, item: T) -> u32 {
        match self.free.pop() {
            Some(place) => {
                self.items[Spot(place)] = item;
                place
            }
            None => self.items.push(item).0,
        }
    }
    /// Gives a place up; whoever gives it up knows that it has an item.
    pub fn free(&mut self, place: u32) {
        self.free.push(place);
    }
    /// Places, free ones included.
    pub fn len(&self) -> usize {
        self.items.len()
    }
    /// Whether there never was an item.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Pool::new()
    }
}

impl<T> Index<u32> for Pool<T> {
    type Output = T;
    #[inline]
    fn index(&self, place: u32) -> &T {
        &self.items[Spot(place)]
    }
}

impl<T> IndexMut<u32> for Pool<T> {
    #[inline]
    fn index_mut(&mut self, place: u32) -> &mut T {
        &mut self.items[Spot(place)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_given_up_is_used_again() {
        let mut pool = Pool::new();
        let (first, second) = (pool.put("first"), pool.put("second"));
        pool.free(first);
        let third = pool.put("third");
        assert_eq!((third, pool[third], pool[second], pool.len()), (first, "third", "second", 2));
    }
}
