use kedge_radius::{Attribute, PacketRef, Request};

use super::*;
use crate::clock::sample;

fn tunnel(peer: &str, send_key: Option<u32>) -> Tunnel {
    Tunnel {
        transport: VrfId::DEFAULT,
        local: "2001:db8::1".parse().unwrap(),
        peer: peer.parse().unwrap(),
        encapsulation: Encapsulation::Gre { send_key, receive_key: send_key },
        mtu: 1400,
    }
}

fn octets(received_bytes: u64) -> BindingCounters {
    BindingCounters { received_bytes, ..BindingCounters::default() }
}

/// A value of a record as a number.
fn value(record: &Record, kind: AttributeType) -> Option<u32> {
    let mut packet = vec![4, 0];
    packet.extend_from_slice(&(record.attributes.len() as u16 + 20).to_be_bytes());
    packet.resize(20, 0);
    packet.extend_from_slice(&record.attributes);
    PacketRef::decode(&packet).unwrap().get(kind).as_ref().and_then(Attribute::integer)
}

struct World {
    tunnels: Tunnels,
    nas: Nas,
    ids: SessionIds,
    now: Now,
}

impl World {
    fn new() -> Self {
        let nas = Nas { identifier: "lma1".to_owned(), addresses: Vec::new() };
        let (tunnels, ids) = (Tunnels::default(), SessionIds::new(3));
        Self { tunnels, nas, ids, now: sample() }
    }

    fn place(&mut self, binding: u64, at: Option<Tunnel>, carried: u64) -> Vec<Record> {
        let interim = Some(Duration::from_secs(60));
        let world = (&self.nas, &self.ids, interim, self.now);
        let parties =
            |_| Parties { customer: "CUST1".to_owned(), gateway: Some("mag1".to_owned()) };
        let carried = octets(carried);
        let cause = Cause::PortUnneeded;
        self.tunnels.place(BindingId(binding), at.as_ref(), carried, cause, parties, world)
    }

    fn statuses(records: &[Record]) -> Vec<Status> {
        records.iter().map(|record| record.status).collect()
    }
}

#[test]
fn a_tunnel_lives_from_its_first_binding_to_its_last_whatever_their_keys() {
    let mut world = World::new();
    let begun = world.place(1, Some(tunnel("2001:db8::11", Some(1))), 0);
    assert_eq!(World::statuses(&begun), [Status::Start]);
    assert_eq!(begun[0].session.text(), "0000030000000000");
    assert!(world.place(2, Some(tunnel("2001:db8::11", Some(2))), 0).is_empty());
    assert!(world.place(1, None, 100).is_empty());
    let ended = world.place(2, None, 30);
    assert_eq!(World::statuses(&ended), [Status::Stop(Cause::PortUnneeded)]);
    assert_eq!(value(&ended[0], AttributeType::ACCT_INPUT_OCTETS), Some(130));
    assert_eq!(world.tunnels.iter().count(), 0);
    assert_eq!(world.tunnels.poll_timeout(), None);
}

#[test]
fn what_a_binding_carried_counts_for_the_tunnel_it_was_in() {
    let mut world = World::new();
    world.place(1, Some(tunnel("2001:db8::11", None)), 0);
    let moved = world.place(1, Some(tunnel("2001:db8::12", None)), 1_000);
    assert_eq!(
        World::statuses(&moved),
        [Status::Stop(Cause::PortUnneeded), Status::Start],
        "it leaves one and opens the other"
    );
    assert_eq!(value(&moved[0], AttributeType::ACCT_INPUT_OCTETS), Some(1_000));
    let ended = world.place(1, None, (5 << 32) + 1_007);
    assert_eq!(value(&ended[0], AttributeType::ACCT_INPUT_OCTETS), Some(7));
    assert_eq!(value(&ended[0], AttributeType::ACCT_INPUT_GIGAWORDS), Some(5));
    assert_eq!(value(&ended[0], AttributeType::ACCT_TERMINATE_CAUSE), Some(12));
}

#[test]
fn interim_records_come_once_an_interval_and_have_what_was_carried_until_then() {
    let mut world = World::new();
    world.place(1, Some(tunnel("2001:db8::11", None)), 50);
    let interval = Duration::from_secs(60);
    let interim = |world: &mut World, carried: u64| {
        let World { tunnels, nas, now, .. } = world;
        tunnels.interim(nas, interval, |_| octets(carried), 100, *now)
    };
    assert!(interim(&mut world, 60).is_empty());
    for round in 1..=2 {
        world.now.mono = world.tunnels.poll_timeout().unwrap();
        let records = interim(&mut world, 50 + 7 * u64::from(round));
        assert_eq!(World::statuses(&records), [Status::Interim], "one");
        assert_eq!(value(&records[0], AttributeType::ACCT_INPUT_OCTETS), Some(7 * round));
        assert_eq!(value(&records[0], AttributeType::ACCT_SESSION_TIME), Some(60 * round));
        assert!(interim(&mut world, 0).is_empty());
    }
}

#[test]
fn a_large_tunnel_is_added_up_some_at_a_time_and_each_octet_once() {
    const MEMBERS: u64 = 1_000;
    let (mut world, interval) = (World::new(), Duration::from_secs(60));
    for binding in 0..MEMBERS {
        world.place(binding, Some(tunnel("2001:db8::11", None)), 0);
    }
    world.place(MEMBERS, Some(tunnel("2001:db8::12", None)), 0);
    world.now.mono += interval;
    let mut made = Vec::new();
    for turn in 1.. {
        let asked = std::cell::Cell::new(0);
        let World { tunnels, nas, now, .. } = &mut world;
        let carried = |_| {
            asked.set(asked.get() + 1);
            octets(3)
        };
        made.extend(tunnels.interim(nas, interval, carried, 100, *now));
        assert!(asked.get() <= 100, "{} in a turn", asked.get());
        // One that is added up already and one that is not leave, having carried more.
        if turn == 5 {
            assert!(world.place(7, None, 10).is_empty());
            assert!(world.place(900, None, 10).is_empty());
        }
        if world.tunnels.poll_timeout().unwrap() > world.now.mono {
            assert!((11..=13).contains(&turn), "{turn} turns");
            break;
        }
    }
    let sums: Vec<_> =
        made.iter().map(|r| value(r, AttributeType::ACCT_INPUT_OCTETS).unwrap()).collect();
    assert_eq!(sums, [3 * (MEMBERS as u32 - 2) + 20, 3]);
    let last: Vec<Record> =
        (0..MEMBERS).flat_map(|binding| world.place(binding, None, 10)).collect();
    assert_eq!(World::statuses(&last), [Status::Stop(Cause::PortUnneeded)]);
    let sum = value(&last[0], AttributeType::ACCT_INPUT_OCTETS);
    assert_eq!(sum, Some(10 * MEMBERS as u32), "interim records take nothing away");
}

#[test]
fn nothing_is_due_once_there_are_no_interim_records_any_more() {
    let (mut world, interval) = (World::new(), Duration::from_secs(60));
    for binding in 0..10 {
        world.place(binding, Some(tunnel("2001:db8::11", None)), 0);
    }
    world.now.mono += interval;
    let World { tunnels, nas, now, .. } = &mut world;
    assert!(tunnels.interim(nas, interval, |_| octets(3), 5, *now).is_empty(), "half of one");
    tunnels.set_interim(None, *now);
    assert_eq!(tunnels.poll_timeout(), None);
    tunnels.set_interim(Some(interval), *now);
    assert_eq!(tunnels.poll_timeout(), Some(now.mono + interval));
    now.mono += interval;
    let records = tunnels.interim(nas, interval, |_| octets(4), 100, *now);
    assert_eq!(value(&records[0], AttributeType::ACCT_INPUT_OCTETS), Some(40));
}

#[test]
fn a_record_is_taken_by_the_client_as_it_is() {
    let mut world = World::new();
    let begun = world.place(1, Some(tunnel("192.0.2.11", None)), 0);
    assert!(Request::accounting_of(world.now.mono, &begun[0].attributes).is_ok());
    assert_eq!(value(&begun[0], AttributeType::TUNNEL_TYPE), Some(10));
    assert_eq!(value(&begun[0], AttributeType::TUNNEL_MEDIUM_TYPE), Some(1));
}
