//! The part of a long list that one answer holds: the loop that signals also answers, so an
//! answer's work is bounded however many bindings there are.

use kedge_config::Extent;
use serde_json::{Value, json};

/// Bindings that one answer holds at most.
const MOST: usize = 2_000;

/// A part of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Page {
    /// How many the whole list has.
    pub total: usize,
    /// How many come before the part.
    pub skip: usize,
    /// How many the part has.
    pub take: usize,
}

/// How many come before the part that is asked for, and how many that has at most.
pub fn bounds(extent: Extent) -> (usize, usize) {
    (extent.from.map_or(0, |from| from.saturating_sub(1)), MOST)
}

impl Page {
    /// The part of a list of `total` that is asked for.
    pub fn new(extent: Extent, total: usize) -> Self {
        let skip = bounds(extent).0.min(total);
        Self { total, skip, take: (total - skip).min(MOST) }
    }

    /// From which one on the next answer goes on.
    pub fn next(self) -> Option<usize> {
        let end = self.skip + self.take;
        (end < self.total).then_some(end + 1)
    }

    /// The line above the list.
    pub fn head(self) -> String {
        let Self { total, skip, take } = self;
        match self.next() {
            None if skip == 0 => format!("Bindings: {total}\n"),
            None => format!("Bindings: {total}, shown from {}\n", skip + 1),
            Some(next) => {
                let (first, last) = (skip + 1, skip + take);
                format!("Bindings: {total}, shown {first} to {last}; 'from {next}' goes on\n")
            }
        }
    }

    /// The whole answer for programs.
    pub fn data(self, bindings: Vec<Value>) -> Value {
        let mut data = json!({ "total": self.total, "next": self.next() });
        // The macro would copy them all.
        data["bindings"] = Value::Array(bindings);
        data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_comes_in_parts_that_miss_nothing() {
        let (total, mut from, mut seen) = (128_000, None, 0);
        loop {
            let page = Page::new(Extent { detail: false, from }, total);
            assert_eq!(page.skip, seen);
            assert!(page.take <= MOST);
            seen += page.take;
            match page.next() {
                Some(next) => from = Some(next),
                None => break,
            }
        }
        assert_eq!(seen, total);
    }

    #[test]
    fn a_part_behind_the_end_is_empty() {
        let extent = Extent { detail: false, from: Some(10) };
        let page = Page::new(extent, 3);
        assert_eq!((page.take, page.next()), (0, None));
        assert_eq!(Page::new(Extent::default(), 3).head(), "Bindings: 3\n");
    }
}
