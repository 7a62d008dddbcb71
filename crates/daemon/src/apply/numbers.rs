//! The numbers that stand for names in the machines and in the data planes.
//!
//! A number means the same customer, or the same routing world, as long as the daemon runs: what
//! was removed a moment ago and still hears answers is never taken for what came after it.

use std::collections::BTreeMap;

use kedge_model::{CustomerId, VrfId, World};

use super::ApplyError;

/// Every customer and every routing world that there has been.
#[derive(Clone, Debug)]
pub struct Numbers {
    customers: BTreeMap<String, CustomerId>,
    worlds: BTreeMap<World, VrfId>,
}

impl Default for Numbers {
    fn default() -> Self {
        let worlds = BTreeMap::from([(World::Own, VrfId::DEFAULT)]);
        Self { customers: BTreeMap::new(), worlds }
    }
}

impl Numbers {
    /// The number of a customer.
    pub fn customer(&mut self, name: &str) -> Result<CustomerId, ApplyError> {
        if let Some(known) = self.customers.get(name) {
            return Ok(*known);
        }
        // The first is the one there is without customers.
        let next = u32::try_from(self.customers.len() + 1).ok().map(CustomerId);
        let next =
            next.filter(|next| *next <= CustomerId::MAX).ok_or(ApplyError::TooManyCustomers)?;
        self.customers.insert(name.to_owned(), next);
        Ok(next)
    }

    /// The number of a routing world. Two names of one world get one number.
    pub fn world(&mut self, world: World) -> VrfId {
        let next = u32::try_from(self.worlds.len()).expect("fewer than 2^32 routing worlds");
        *self.worlds.entry(world).or_insert(VrfId(next))
    }

    /// The routing world of a number.
    pub fn world_of(&self, vrf: VrfId) -> Option<&World> {
        self.worlds.iter().find(|(_, known)| **known == vrf).map(|(world, _)| world)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_number_and_two_names_of_one_world_have_one() {
        let mut numbers = Numbers::default();
        let first = numbers.customer("CUST1").expect("room");
        let second = numbers.customer("CUST2").expect("room");
        assert_eq!([first, second], [CustomerId(1), CustomerId(2)]);
        assert_eq!(numbers.customer("CUST1"), Ok(first));
        assert_eq!(numbers.world(World::Own), VrfId::DEFAULT);
        let red = numbers.world(World::Namespace("red".into()));
        assert_eq!(numbers.world(World::Namespace("red".into())), red);
        assert_ne!(numbers.world(World::Device("red".into())), red);
        assert_eq!(numbers.world_of(red), Some(&World::Namespace("red".into())));
    }
}
