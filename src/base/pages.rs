//! Long tables in pages: they grow without being copied, and hold no room for twice their length.

use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

use super::Id;

/// Items of a page.
const PAGE: usize = 1 << PAGE_BITS;
const PAGE_BITS: usize = 10;

/// A table indexed by `I` alone, in pages of 1024 items; the first page of a short one is no longer than needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pages<I, T> {
    pages: Vec<Vec<T>>,
    id: PhantomData<fn(I)>,
}

impl<I: Id, T> Pages<I, T> {
    /// An empty table.
    pub const fn new() -> Self {
        Pages { pages: Vec::new(), id: PhantomData }
    }
    /// Appends an item and returns its id.
    pub fn push(&mut self, item: T) -> I {
        let id = I::from_index(self.len());
        match self.pages.last_mut() {
            Some(page) if page.len() < PAGE => page.push(item),
            Some(_) => {
                let mut page = Vec::with_capacity(PAGE);
                page.push(item);
                self.pages.push(page);
            }
            None => self.pages.push(vec![item]),
        }
        id
    }
    /// Number of items.
    pub fn len(&self) -> usize {
        self.pages.last().map_or(0, |last| (self.pages.len() - 1) * PAGE + last.len())
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }
    /// The item, if the id is in range.
    #[inline]
    pub fn get(&self, id: I) -> Option<&T> {
        self.pages.get(id.index() >> PAGE_BITS)?.get(id.index() & (PAGE - 1))
    }
    /// All items in order of id, to change.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.pages.iter_mut().flatten()
    }
    /// All ids in order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = I> + ExactSizeIterator + use<I, T> {
        (0..self.len()).map(I::from_index)
    }
}

impl<I: Id, T: Clone> Pages<I, T> {
    /// The item, to change; as many more of `unknown` as are needed for that come before it.
    #[inline]
    pub fn entry(&mut self, id: I, unknown: T) -> &mut T {
        while self.len() <= id.index() {
            self.push(unknown.clone());
        }
        &mut self[id]
    }
}

impl<I: Id, T> Default for Pages<I, T> {
    fn default() -> Self {
        Pages::new()
    }
}

impl<I: Id, T> Index<I> for Pages<I, T> {
    type Output = T;
    #[inline]
    fn index(&self, id: I) -> &T {
        &self.pages[id.index() >> PAGE_BITS][id.index() & (PAGE - 1)]
    }
}

impl<I: Id, T> IndexMut<I> for Pages<I, T> {
    #[inline]
    fn index_mut(&mut self, id: I) -> &mut T {
        &mut self.pages[id.index() >> PAGE_BITS][id.index() & (PAGE - 1)]
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
    fn items_are_found_where_they_were_put_on_all_pages() {
        let mut table: Pages<Thing, u32> = Pages::new();
        assert!(table.is_empty() && table.get(Thing(0)).is_none());
        for n in 0..3 * PAGE as u32 {
            assert_eq!(table.push(n), Thing(n));
            assert_eq!(table.len(), n as usize + 1);
        }
        assert!(table.ids().all(|id| table[id] == id.0 && table.get(id) == Some(&id.0)));
        assert_eq!(table.get(Thing(3 * PAGE as u32)), None);
        *table.entry(Thing(4 * PAGE as u32), 7) += 1;
        assert_eq!((table[Thing(4 * PAGE as u32 - 1)], table[Thing(4 * PAGE as u32)]), (7, 8));
    }

    #[test]
    fn no_page_but_the_last_has_room_left() {
        let mut table: Pages<Thing, u8> = Pages::new();
        (0..5 * PAGE + 1).for_each(|_| _ = table.push(0));
        assert!(table.pages.iter().all(|page| page.capacity() == PAGE));
        let mut short: Pages<Thing, u8> = Pages::new();
        short.push(0);
        assert!(short.pages[0].capacity() < 16);
    }
}
