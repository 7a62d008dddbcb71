//! What is held, in slots that do not move, found by name.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;
use kedge_model::BindingId;
use kedge_sansio::{Blocks, HashIndex, Tag};

use crate::held::Held;

/// Bindings in slots.
#[derive(Debug, Default)]
pub(crate) struct Slab {
    entries: Blocks<Option<Held>>,
    free: Vec<u32>,
    slots: HashIndex,
    hasher: RandomState,
}

impl Slab {
    /// The slot of a binding.
    pub fn find(&self, binding: BindingId) -> Option<u32> {
        let is_its = |slot| self.get(slot).is_some_and(|held| held.binding == binding);
        self.slots.find(self.tag(binding), is_its)
    }

    /// What is in a slot.
    pub fn get(&self, slot: u32) -> Option<&Held> {
        self.entries.get(slot as usize)?.as_ref()
    }

    /// What is in a slot, to change it.
    pub fn get_mut(&mut self, slot: u32) -> Option<&mut Held> {
        self.entries.get_mut(slot as usize)?.as_mut()
    }

    /// Holds a binding that is not held; in which slot.
    pub fn insert(&mut self, held: Held) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            u32::try_from(self.entries.push(None)).expect("fewer than 2^32 bindings")
        });
        self.slots.insert(self.tag(held.binding), slot);
        *self.entries.get_mut(slot as usize).expect("a slot has an entry") = Some(held);
        slot
    }

    /// Holds what is in a slot no more.
    pub fn remove(&mut self, slot: u32) -> Option<Held> {
        let held = self.entries.get_mut(slot as usize)?.take()?;
        self.slots.remove(self.tag(held.binding), slot);
        self.free.push(slot);
        Some(held)
    }

    /// Reads of each of these bindings what finding it will.
    pub fn look_ahead(&self, bindings: impl Iterator<Item = BindingId>) -> Vec<&Held> {
        let slots = bindings.map(|binding| self.slots.guess(self.tag(binding)));
        let slots: Vec<u32> = slots.flatten().collect();
        let all: Vec<&Held> = slots.into_iter().filter_map(|slot| self.get(slot)).collect();
        all.iter().for_each(|held| held.touch());
        all
    }

    fn tag(&self, binding: BindingId) -> Tag {
        self.hasher.hash_one(binding).into()
    }
}
