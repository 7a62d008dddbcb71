//! The Binding Cache: all bindings, found by node.
//!
//! A binding stays in its slot from its making to its end; slots never move, so growing does not
//! copy a million bindings. The index holds one entry a node: a part of its
//! hash and the first of its bindings, which are linked. The identifier itself is only in the
//! binding, so looking a node up needs no key of its own.

use std::hash::BuildHasher;
use std::ops::{Index, IndexMut};

use foldhash::quality::FixedState;
use kedge_model::{BindingId, CustomerId};
use kedge_sansio::{Blocks, HashIndex, Tag};

use crate::binding::Binding;

pub(crate) use crate::slot::{NodeKey, Slot};

/// A slot comes from the index, a timer or a waiting update, and each of them ends with its
/// binding.
impl Index<Slot> for Cache {
    type Output = Binding;

    fn index(&self, slot: Slot) -> &Binding {
        self.get(slot).expect("a slot is kept no longer than its binding")
    }
}

impl IndexMut<Slot> for Cache {
    fn index_mut(&mut self, slot: Slot) -> &mut Binding {
        self.get_mut(slot).expect("a slot is kept no longer than its binding")
    }
}

/// Where in a binding's name its customer's number is.
const CUSTOMER: u32 = 48;

/// Whose binding this is.
pub(crate) fn customer_of(binding: BindingId) -> CustomerId {
    // What is left has 16 bits.
    CustomerId((binding.0 >> CUSTOMER) as u32)
}

impl<'a> NodeKey<'a> {
    fn of(binding: &'a Binding) -> Self {
        Self::new(binding.customer, &binding.mn_id)
    }
}

#[derive(Debug)]
pub(crate) struct Cache {
    entries: Blocks<Entry>,
    free: Vec<u32>,
    nodes: HashIndex,
    hasher: FixedState,
    len: u32,
}

/// Fills whole cache lines: reading one binding fetches nothing of its neighbours.
#[derive(Debug)]
#[repr(align(64))]
struct Entry {
    /// How many bindings have lived here.
    generation: u32,
    binding: Option<Binding>,
}

// A line more is a tenth of what a binding costs: it is to be somebody's decision.
const _: () = assert!(size_of::<Entry>() <= 7 * 64, "a binding and its generation take 7 lines");

impl Cache {
    /// A binding's name is its customer's number (16 bits), how many bindings have lived in its
    /// slot (24 bits) and its slot (24 bits, as there are 16 million bindings at most).
    const SLOT: u32 = (1 << 24) - 1;
    /// How many nodes are looked ahead at in one go.
    const AHEAD: usize = 64;

    /// An empty cache; `seed` keeps peers from choosing identifiers that collide.
    pub fn new(seed: u64) -> Self {
        Self {
            entries: Blocks::default(),
            free: Vec::new(),
            nodes: HashIndex::default(),
            hasher: FixedState::with_seed(seed),
            len: 0,
        }
    }

    pub fn len(&self) -> u32 {
        self.len
    }

    pub fn get(&self, slot: Slot) -> Option<&Binding> {
        self.entries.get(slot.0 as usize)?.binding.as_ref()
    }

    pub fn get_mut(&mut self, slot: Slot) -> Option<&mut Binding> {
        self.entries.get_mut(slot.0 as usize)?.binding.as_mut()
    }

    /// Where the binding of this name is, if it has not ended.
    pub fn slot_of(&self, id: BindingId) -> Option<Slot> {
        let slot = Slot(id.0 as u32 & Self::SLOT); // as `insert` made it
        self.get(slot).is_some_and(|binding| binding.id == id).then_some(slot)
    }

    /// The bindings of a node, the latest first.
    pub fn of_node<'c>(
        &'c self,
        key: NodeKey<'_>,
    ) -> impl Iterator<Item = (Slot, &'c Binding)> + Clone + use<'c> {
        let mut next = self.find(key);
        std::iter::from_fn(move || {
            let slot = next?;
            let binding = self.get(slot)?;
            next = binding.next;
            Some((slot, binding))
        })
    }

    /// Reads what an update of each of these nodes will. A million bindings are in no processor's
    /// cache: here the waits for memory overlap, where they would follow one another as each
    /// update is handled on its own.
    pub fn look_ahead<'k>(&self, keys: impl Iterator<Item = NodeKey<'k>>) {
        let mut tags = [None; Self::AHEAD];
        let mut keys = keys.peekable();
        while keys.peek().is_some() {
            let mut count = 0;
            for (place, key) in tags.iter_mut().zip(&mut keys) {
                *place = Some(self.tag(key));
                count += 1;
            }
            let slots = tags[..count].iter().map(|tag| self.nodes.guess((*tag)?));
            let mut found = [None; Self::AHEAD];
            found.iter_mut().zip(slots).for_each(|(place, slot)| *place = slot);
            for slot in found.into_iter().flatten() {
                self.get(Slot(slot)).map(Binding::touch);
            }
        }
    }

    /// Reads where the index has the node of a binding.
    pub fn look_ahead_at(&self, binding: &Binding) {
        std::hint::black_box(self.nodes.guess(self.tag(NodeKey::of(binding))));
    }

    /// Every binding, in the order of their slots.
    pub fn iter(&self) -> impl Iterator<Item = (Slot, &Binding)> {
        self.entries.iter().enumerate().filter_map(|(at, entry)| {
            // There are fewer than 2^24 slots: `insert` gives them their numbers.
            Some((Slot(at as u32), entry.binding.as_ref()?))
        })
    }

    /// How many slots there are, vacant ones included.
    pub fn slots(&self) -> u32 {
        self.len + self.free.len() as u32 // fewer than 2^24, as `insert` sees to
    }

    /// The binding in the slot of this place.
    pub fn at(&self, place: u32) -> Option<(Slot, &Binding)> {
        let slot = Slot(place);
        self.get(slot).map(|binding| (slot, binding))
    }

    /// The slot that the next inserted binding gets.
    pub fn vacant(&mut self) -> Slot {
        let slot = self.free.last().copied().unwrap_or_else(|| {
            let slot = self.entries.push(Entry { generation: 0, binding: None });
            let slot = u32::try_from(slot).expect("fewer than 2^24 bindings");
            self.free.push(slot);
            slot
        });
        Slot(slot)
    }

    /// Keeps a binding in the slot that [`Self::vacant`] gave last, and names it.
    pub fn insert(&mut self, mut binding: Binding) -> Slot {
        let slot = self.vacant();
        self.free.pop();
        let entry = self.entry_mut(slot);
        let generation = u64::from(entry.generation & Self::SLOT);
        let customer = u64::from(binding.customer.0);
        binding.id = BindingId(customer << CUSTOMER | generation << 24 | u64::from(slot.0));
        entry.generation = entry.generation.wrapping_add(1);
        let key = NodeKey::of(&binding);
        let tag = self.tag(key);
        let first = self.find(key);
        match first {
            Some(first) => drop(self.nodes.replace(tag, first.0, slot.0)),
            None => self.nodes.insert(tag, slot.0),
        }
        binding.next = first;
        self.entry_mut(slot).binding = Some(binding);
        self.len += 1;
        slot
    }

    pub fn remove(&mut self, slot: Slot) -> Option<Binding> {
        let binding = self.get(slot)?;
        let key = NodeKey::of(binding);
        let tag = self.tag(key);
        let next = binding.next;
        let before =
            self.of_node(key).find_map(|(at, earlier)| (earlier.next == Some(slot)).then_some(at));
        match (before.and_then(|before| self.get_mut(before)), next) {
            (Some(before), _) => before.next = next,
            (None, Some(next)) => drop(self.nodes.replace(tag, slot.0, next.0)),
            (None, None) => self.nodes.remove(tag, slot.0),
        }
        self.free.push(slot.0);
        self.len -= 1;
        self.entry_mut(slot).binding.take()
    }

    fn find(&self, key: NodeKey<'_>) -> Option<Slot> {
        let is_it = |slot| self.get(Slot(slot)).is_some_and(|b| NodeKey::of(b) == key);
        self.nodes.find(self.tag(key), is_it).map(Slot)
    }

    fn tag(&self, key: NodeKey<'_>) -> Tag {
        self.hasher.hash_one(key).into()
    }

    fn entry_mut(&mut self, slot: Slot) -> &mut Entry {
        self.entries.get_mut(slot.0 as usize).expect("a slot has an entry")
    }
}
