//! The numbers of routing worlds.
//!
//! Machines and data planes know a world by its number. A number is given once, and means the same
//! world while the daemon runs: a name of the configuration that leads elsewhere after a commit
//! has another number from then on, and two names for one world have one.

use std::collections::BTreeMap;

use kedge_model::{VrfId, World};

/// The worlds that the daemon has heard of.
#[derive(Debug)]
pub struct Worlds(BTreeMap<World, VrfId>);

impl Default for Worlds {
    fn default() -> Self {
        Self(BTreeMap::from([(World::Own, VrfId::DEFAULT)]))
    }
}

impl Worlds {
    /// The number of a world.
    pub fn number(&mut self, world: &World) -> VrfId {
        let next = VrfId(self.0.len() as u32);
        *self.0.entry(world.clone()).or_insert(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_keeps_its_number_and_no_other_gets_it() {
        let mut worlds = Worlds::default();
        let red = worlds.number(&World::Namespace("red".to_owned()));
        let device = worlds.number(&World::Device("red".to_owned()));
        assert_eq!(worlds.number(&World::Own), VrfId::DEFAULT);
        assert_eq!((red, device), (VrfId(1), VrfId(2)));
        assert_eq!(worlds.number(&World::Namespace("red".to_owned())), red);
    }
}
