//! A look through very many bindings, by the slice: the loop that signals also looks.
//!
//! ```text
//!   slice ──► packets ──► slice ──► … ──► every binding that stayed was seen once
//! ```
//!
//! Each binding is shown as it is when the look comes to it. One that ends or begins meanwhile may
//! be missing.

use kedge_lma::{Binding, Lma};
use kedge_model::{CustomerId, MnId};

use crate::imsi::Imsi;

/// Places that a slice looks at, at most.
const SEEN: u32 = 4_096;
/// Bindings that a slice shows, at most.
const SHOWN: usize = 32;

/// Which bindings are to be shown.
#[derive(Clone, Debug)]
pub enum Which {
    /// Every one.
    All,
    /// One node's.
    OfNode(MnId),
    /// Those of the nodes of a realm.
    OfRealm(String),
    /// One node's, by its IMSI.
    OfImsi(Imsi),
    /// One gateway's.
    OfPeer(String),
}

impl Which {
    /// Says of a customer's bindings which are meant.
    fn picks(&self, customer: CustomerId, lma: &Lma) -> Box<dyn Fn(&Binding) -> bool + '_> {
        match self {
            Self::All => Box::new(|_| true),
            Self::OfNode(mn_id) => Box::new(move |binding| binding.mn_id == *mn_id),
            Self::OfRealm(realm) => Box::new(lma.is_of_realm(customer, realm)),
            Self::OfImsi(imsi) => Box::new(|binding| imsi.is_in(&binding.mn_id)),
            Self::OfPeer(peer) => Box::new(lma.is_of_peer(peer)),
        }
    }
}

/// How far the look is.
#[derive(Debug)]
pub struct Scan {
    which: Which,
    /// How many come before those that are shown, and how many those are at most.
    skip: usize,
    take: usize,
    /// Whose place comes next, and which.
    next: (CustomerId, u32),
    found: usize,
}

impl Scan {
    /// Nothing has been seen; the first `skip` will not be shown, and then `take` at most.
    pub fn new(which: Which, skip: usize, take: usize) -> Self {
        Self { which, skip, take, next: (CustomerId::DEFAULT, 0), found: 0 }
    }

    /// How many bindings were meant so far.
    pub fn found(&self) -> usize {
        self.found
    }

    /// Looks at some of the machines' bindings, and says whether those were the last. The machines
    /// come in the order of their customers.
    pub fn slice<'a>(
        &mut self,
        machines: impl Iterator<Item = (CustomerId, &'a Lma)>,
        mut show: impl FnMut(&'a Binding),
    ) -> bool {
        if matches!(self.which, Which::All) && self.found >= self.skip.saturating_add(self.take) {
            // How many there are is known without a look.
            self.found = machines.map(|(_, lma)| lma.len() as usize).sum();
            return true;
        }
        let (mut seen, mut shown) = (0, 0);
        for (customer, lma) in machines {
            if let Which::OfNode(mn_id) = &self.which {
                // These are found without a look.
                let bindings = lma.find(customer, mn_id).inspect(|_| self.found += 1);
                bindings.skip(self.skip).take(self.take).for_each(&mut show);
                continue;
            }
            if customer < self.next.0 {
                continue;
            }
            if customer > self.next.0 {
                self.next = (customer, 0);
            }
            let picks = self.which.picks(customer, lma);
            while self.next.1 < lma.places() {
                if seen == SEEN || shown == SHOWN {
                    return false;
                }
                let binding = lma.binding_at(self.next.1);
                (seen, self.next.1) = (seen + 1, self.next.1 + 1);
                let Some(binding) = binding.filter(|binding| picks(binding)) else { continue };
                self.found += 1;
                if self.found > self.skip && self.found - self.skip <= self.take {
                    shown += 1;
                    show(binding);
                }
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::SocketAddr;

    use kedge_lma::{Ipv6Pool, Network, Now, Profile, Service, Settings};
    use kedge_model::{Datagram, Ipv6Net, Lifetime, Sequence, SignalPath, Timestamp, VrfId};
    use kedge_wire::registry::{AccessTechnologyType, HandoffIndicatorValue};
    use kedge_wire::{
        AccessTechnology, BindingUpdate, BuFlags, Encoder, HandoffIndicator, HomeNetworkPrefix,
        MnIdOption, TimestampOption,
    };

    use super::*;
    use crate::clock::sample;

    /// An anchor with so many bindings.
    fn crowded(bindings: usize) -> Lma {
        let start = "2001:db8::".parse().expect("an address");
        let network =
            Network { ipv6: vec![Ipv6Pool { start, prefix_len: 40 }], ..Network::default() };
        let settings = Settings {
            bce_maximum: 100_000,
            dynamic_mag_learning: true,
            networks: [("home".to_owned(), network)].into(),
            default_profile: Some(Profile {
                service: Service::Ipv6,
                network: Some("home".to_owned()),
                ..Profile::default()
            }),
            ..Settings::default()
        };
        let mut lma = Lma::new(settings, 7);
        (0..bindings).for_each(|number| register(&mut lma, number, sample()));
        lma
    }

    fn register(lma: &mut Lma, number: usize, now: Now) {
        let path = SignalPath {
            transport: VrfId::DEFAULT,
            local: SocketAddr::from(([192, 0, 2, 254], 5436)),
            peer: SocketAddr::from(([192, 0, 2, 1], 5436)),
        };
        let update = BindingUpdate {
            sequence: Sequence(0),
            flags: BuFlags::A | BuFlags::P,
            lifetime: Lifetime::from_secs(300),
        };
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, update);
        let mn_id = MnId::nai(&format!("n{number}@even{}.example", number % 2)).expect("short");
        encoder.option(MnIdOption::from(&mn_id));
        encoder.option(HomeNetworkPrefix::new(Ipv6Net::default()));
        encoder.option(HandoffIndicator(HandoffIndicatorValue::NEW_INTERFACE));
        encoder.option(AccessTechnology(AccessTechnologyType::IEEE_802_3));
        encoder.option(TimestampOption(Timestamp::from_system_time(now.wall)));
        encoder.finish();
        assert_eq!(lma.handle_datagram(Datagram { path, dscp: 0, bytes: &bytes }, now), Ok(()));
        while lma.poll_output().is_some() {}
    }

    #[test]
    fn between_the_slices_of_a_look_nodes_register_and_those_that_stay_are_each_seen_once() {
        const MANY: usize = 10_000;
        let mut lma = crowded(MANY);
        let mut scan = Scan::new(Which::OfRealm("even0.example".to_owned()), 10, 100);
        let (mut slices, mut shown) = (1, Vec::new());
        while !scan
            .slice([(CustomerId::DEFAULT, &lma)].into_iter(), |b| shown.push(b.mn_id.clone()))
        {
            // Of the other realm.
            register(&mut lma, MANY + 1 + 2 * slices, sample());
            slices += 1;
        }
        assert_eq!((scan.found(), shown.len()), (MANY / 2, 100));
        assert_eq!(shown.iter().collect::<BTreeSet<_>>().len(), 100);
        assert_eq!(shown[0].to_string(), "n20@even0.example", "behind the ten that are skipped");
        assert!(slices > MANY / SEEN as usize && slices >= 100 / SHOWN, "{slices} slices");
    }

    #[test]
    fn how_many_all_are_is_known_when_as_many_as_are_wanted_are_seen() {
        let lma = crowded(1_000);
        let mut scan = Scan::new(Which::All, 0, SHOWN);
        let mut slices = 1;
        while !scan.slice([(CustomerId::DEFAULT, &lma)].into_iter(), drop) {
            slices += 1;
        }
        assert_eq!((scan.found(), slices), (1_000, 2));
    }

    #[test]
    fn one_node_is_found_without_a_look() {
        let lma = crowded(2 * SEEN as usize);
        let mn_id = MnId::nai("n8000@even0.example").expect("short");
        let mut scan = Scan::new(Which::OfNode(mn_id.clone()), 0, 10);
        let mut shown = Vec::new();
        let machines = [(CustomerId::DEFAULT, &lma)].into_iter();
        assert!(scan.slice(machines, |binding| shown.push(binding.mn_id.clone())));
        assert_eq!((scan.found(), shown), (1, vec![mn_id]));
    }
}
