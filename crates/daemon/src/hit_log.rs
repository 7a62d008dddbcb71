//! What access lists log: how many packets an entry with `log` has decided about.
//!
//! The first of them are told of within a second, later ones every five minutes at most, as on
//! routers, however many there are: a flood of packets is no flood of lines. A line counts what no
//! earlier one has.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kedge_dataplane::{AccessList, Policy};

use crate::access_entry;

/// How often it is looked whether entries have decided about packets.
const LOOK: Duration = Duration::from_secs(1);

/// What lies between two lines about one entry.
const QUIET: Duration = Duration::from_secs(300);

/// The lists that have such entries, and what was told of each.
#[derive(Default)]
pub struct HitLog {
    lists: Vec<Watched>,
    /// `None` until the first look.
    due: Option<Instant>,
}

/// A list on the packets of one direction.
struct Watched {
    direction: &'static str,
    list: Arc<AccessList>,
    /// One for each of its entries.
    told: Vec<Told>,
}

/// What was told of an entry.
#[derive(Clone, Default)]
struct Told {
    packets: u64,
    /// Nothing is told before then.
    quiet_until: Option<Instant>,
}

/// Something to tell.
#[derive(PartialEq, Eq, Debug)]
pub struct Hits {
    /// Where the packets were going: `into` or `out of`.
    pub direction: &'static str,
    /// The entry, in the words of the configuration.
    pub entry: String,
    /// How many there were since the last line.
    pub packets: u64,
}

impl HitLog {
    /// Watches the lists of these policies from here on, and no others. What was told of those that
    /// were watched before is not told again.
    pub fn watch<'a>(&mut self, policies: impl Iterator<Item = &'a Policy>) {
        let mut before = std::mem::take(&mut self.lists);
        for policy in policies {
            let lists = [("into", &policy.into_tunnels), ("out of", &policy.out_of_tunnels)];
            for (direction, list) in lists {
                let Some(list) = list else { continue };
                let is_it =
                    |one: &Watched| one.direction == direction && Arc::ptr_eq(&one.list, list);
                if self.lists.iter().any(is_it) || !list.rules().any(|(rule, _)| rule.log) {
                    continue;
                }
                let known = before.iter().position(is_it).map(|at| before.swap_remove(at));
                self.lists.push(known.unwrap_or_else(|| Watched {
                    direction,
                    list: Arc::clone(list),
                    told: vec![Told::default(); list.rules().count()],
                }));
            }
        }
    }

    /// When [`Self::handle_timeout`] has something to do again.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.due.filter(|_| !self.lists.is_empty())
    }

    /// What there is to tell.
    pub fn handle_timeout(&mut self, now: Instant) -> Vec<Hits> {
        let mut hits = Vec::new();
        if self.lists.is_empty() || self.due.is_some_and(|due| now < due) {
            return hits;
        }
        self.due = Some(now + LOOK);
        for Watched { direction, list, told } in &mut self.lists {
            for ((rule, packets), told) in list.rules().zip(told) {
                let is_quiet = told.quiet_until.is_some_and(|until| now < until);
                let more = packets.saturating_sub(told.packets);
                if !rule.log || is_quiet || more == 0 {
                    continue;
                }
                *told = Told { packets, quiet_until: Some(now + QUIET) };
                hits.push(Hits { direction, entry: access_entry::text(rule), packets: more });
            }
        }
        hits
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use kedge_dataplane::{Addresses, Between, Forwarder, Local, Rule, Side, Tables, Verdict};
    use kedge_model::{BindingId, Encapsulation, Forwarding, Path, Tunnel, VrfId};

    use super::*;

    const VRF: VrfId = VrfId::DEFAULT;
    const DENIED: &str = "into deny ip host 192.0.2.7 any log";
    const PERMITTED: &str = "into permit ip host 192.0.2.8 any log";

    #[test]
    fn the_first_packet_is_told_of_at_once_and_the_next_thousand_in_one_line() {
        let list = Arc::new(AccessList::new([
            entry([192, 0, 2, 7], false, true),
            entry([192, 0, 2, 8], true, true),
            entry([192, 0, 2, 9], true, false),
        ]));
        let mut forwarder = forwarder(&list);
        let mut log = HitLog::default();
        log.watch([into_tunnels(&list)].iter());
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(told(&mut log, start), []);
        assert!(!arrives(&mut forwarder, 7) && arrives(&mut forwarder, 9));
        assert_eq!(log.poll_timeout(), Some(start + LOOK));
        assert_eq!(told(&mut log, start), [], "it is not looked before that");
        assert_eq!(told(&mut log, after(1)), [(DENIED.to_owned(), 1)]);
        for _ in 0..1000 {
            assert!(!arrives(&mut forwarder, 7));
        }
        assert!(arrives(&mut forwarder, 8), "another entry has its own line");
        assert_eq!(told(&mut log, after(2)), [(PERMITTED.to_owned(), 1)]);
        assert_eq!(told(&mut log, after(300)), []);
        assert_eq!(told(&mut log, after(301)), [(DENIED.to_owned(), 1000)]);
        assert_eq!(told(&mut log, after(999)), [], "none came");
    }

    #[test]
    fn a_list_that_stays_is_not_told_of_again_and_one_that_went_no_more() {
        let list = Arc::new(AccessList::new([entry([192, 0, 2, 7], false, true)]));
        let mut forwarder = forwarder(&list);
        let mut log = HitLog::default();
        let policies = [into_tunnels(&list), into_tunnels(&list)];
        log.watch(policies.iter());
        arrives(&mut forwarder, 7);
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(told(&mut log, start), [(DENIED.to_owned(), 1)], "once for two worlds");
        log.watch(policies.iter());
        assert_eq!(told(&mut log, after(400)), []);
        arrives(&mut forwarder, 7);
        log.watch([Policy::default()].iter());
        assert_eq!((told(&mut log, after(800)), log.poll_timeout()), (vec![], None));
    }

    /// An entry for what comes from one host.
    fn entry(source: [u8; 4], permit: bool, log: bool) -> Rule {
        Rule {
            permit,
            protocol: None,
            between: Between::Ipv4 {
                source: Addresses { address: source.into(), wildcard: Ipv4Addr::UNSPECIFIED },
                destination: Addresses {
                    address: Ipv4Addr::UNSPECIFIED,
                    wildcard: Ipv4Addr::BROADCAST,
                },
            },
            source_ports: None,
            destination_ports: None,
            messages: None,
            established: false,
            code_points: None,
            log,
        }
    }

    fn into_tunnels(list: &Arc<AccessList>) -> Policy {
        Policy { into_tunnels: Some(Arc::clone(list)), ..Policy::default() }
    }

    /// An anchor's data plane with one node and this list.
    fn forwarder(list: &Arc<AccessList>) -> Forwarder {
        let (local, peer) = (Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2));
        let mut tables = Tables::new(Side::Anchor);
        tables.add_device(VRF).unwrap();
        let end = Local { vrf: VRF, address: local.into(), udp_port: 5437, signalling_port: None };
        tables.add_local(end).unwrap();
        let tunnel = Tunnel {
            transport: VRF,
            local: local.into(),
            peer: peer.into(),
            encapsulation: Encapsulation::IpInIp,
            mtu: 1400,
        };
        let inner = vec!["10.64.0.5/32".parse().unwrap()];
        let paths = vec![Path { tunnel, weight: 1 }];
        tables.bind(BindingId(1), &Forwarding { vrf: VRF, inner, paths }, 0).unwrap();
        tables.set_policy(VRF, into_tunnels(list)).unwrap();
        Forwarder::new(tables, Arc::default())
    }

    /// A packet to the node from `192.0.2.HOST` arrives; says whether it passes.
    fn arrives(forwarder: &mut Forwarder, host: u8) -> bool {
        let mut packet = vec![0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, host];
        packet.extend([10, 64, 0, 5, 0, 9, 0, 9, 0, 8, 0, 0]);
        let sum = kedge_dataplane::checksum::Sum::default().bytes(&packet[..20]).checksum();
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
        matches!(forwarder.encapsulate(VRF, &packet, Instant::now()), Verdict::Forward(_))
    }

    fn told(log: &mut HitLog, at: Instant) -> Vec<(String, u64)> {
        let hits = log.handle_timeout(at).into_iter();
        hits.map(|hits| (format!("{} {}", hits.direction, hits.entry), hits.packets)).collect()
    }
}
