//! What each status of a rejection leads to: the table of `docs/rfc/rfc5213-mag.md`, with one
//! anchor and with two.

use std::time::Duration;

use kedge_mag::{BindingState, Refusal};
use kedge_wire::registry::{OptionType, Status};

use crate::world::*;

/// What a gateway does next when the first update of a node was rejected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Next {
    /// The same anchor soon, with the same request.
    Again,
    /// The same anchor at once, without an IPv4 home address.
    WithoutIpv4,
    /// The same anchor at once, without prefixes.
    WithoutIpv6,
    /// The same anchor at once, with a GRE key.
    WithKey,
    /// Another anchor at once; without one, this one after ten seconds.
    Elsewhere,
    /// This anchor after ten seconds.
    Later,
    /// Nobody until an operator acts.
    Never,
}

fn next(status: u8) -> Next {
    match status {
        135 | 157 => Next::Again,
        170 | 173 => Next::WithoutIpv4,
        172 => Next::WithoutIpv6,
        163 => Next::WithKey,
        156 => Next::Later,
        151 | 152 => Next::Never,
        _ => Next::Elsewhere,
    }
}

fn state(world: &World) -> BindingState {
    world.mag.bindings(world.now().mono).next().expect("there is a binding").state
}

#[test]
fn every_status_has_the_consequence_of_the_table() {
    for status in 128..=255 {
        for second in [false, true] {
            let what = format!("status {status}, second anchor: {second}");
            let settings = if second { two_anchors() } else { settings() };
            let mut world = World::new(settings);
            world.solicit(IF1, NODE);
            let update = world.take_one();
            world.reject(&update, Status(status));
            let refused = BindingState::Refused(Refusal::Status(Status(status)));
            world.pass(Duration::from_millis(100));
            let sent = world.sent.pop();
            let asks = sent.as_ref().map(|sent| {
                let has_key = sent.packet.options.contains(OptionType::GRE_KEY);
                (sent.prefixes().len(), sent.address().is_some(), has_key)
            });
            let moved = sent.as_ref().is_some_and(|s| s.path.peer != update.path.peer);
            let expected = match next(status) {
                Next::Again => Some((1, true, false)),
                Next::WithoutIpv4 => Some((1, false, false)),
                Next::WithoutIpv6 => Some((0, true, false)),
                Next::WithKey => Some((1, true, true)),
                Next::Elsewhere if second => Some((1, true, false)),
                Next::Elsewhere | Next::Later | Next::Never => None,
            };
            assert_eq!(asks, expected, "{what}");
            assert_eq!(moved, second && next(status) == Next::Elsewhere, "{what}");
            assert_eq!(state(&world) == refused, expected.is_none(), "{what}");
            if expected.is_some() {
                continue;
            }
            world.pass(secs(9));
            assert!(world.sent.is_empty(), "{what}");
            world.pass(secs(1));
            assert_eq!(world.sent.len(), usize::from(next(status) != Next::Never), "{what}");
            world.pass(secs(10_000));
            assert_eq!(world.sent.is_empty(), next(status) == Next::Never, "{what}");
        }
    }
}

#[test]
fn a_rejected_refresh_ends_the_service_unless_it_was_only_too_old() {
    for status in 128..=255 {
        let mut world = World::with_active_node(settings());
        world.pass(secs(300));
        let refresh = world.take_one();
        world.reject(&refresh, Status(status));
        let keeps = matches!(status, 135 | 157);
        assert_eq!(world.forwarding.len(), usize::from(keeps), "status {status}");
    }
}

#[test]
fn every_rejection_is_counted_once_and_under_its_status() {
    let rows = |world: &World, group: &str| {
        let groups = world.mag.statistics();
        let group = groups.into_iter().find(|g| g.key == group).unwrap();
        group.rows.into_iter().map(|row| (row.key, row.value)).collect::<Vec<_>>()
    };
    let mut named = std::collections::BTreeMap::new();
    for status in 128..=255 {
        let mut world = World::new(settings());
        world.solicit(IF1, NODE);
        let update = world.take_one();
        world.reject(&update, Status(status));
        let moved: Vec<_> =
            rows(&world, "mag_denied_by_lma").into_iter().filter(|(_, n)| *n > 0).collect();
        let [(key, 1)] = moved[..] else { panic!("status {status}: {moved:?}") };
        named.entry(key).or_insert_with(Vec::new).push(status);
    }
    let other = named.remove("other").expect("statuses without a name of their own");
    assert!(named.values().all(|statuses| statuses.len() == 1), "{named:?}");
    let own: Vec<u8> = named.into_values().flatten().collect();
    for status in [128, 129, 130, 131, 132, 133, 134, 135, 139, 144, 145, 146, 151, 152, 153, 154]
        .into_iter()
        .chain(155..=163)
        .chain(170..=173)
        .chain([177, 178, 180])
    {
        assert!(own.contains(&status) && !other.contains(&status), "status {status}");
    }
}
