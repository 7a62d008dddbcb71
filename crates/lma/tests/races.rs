//! Revocations and updates that cross each other on the way: RFC 5846 §8.1.

mod kit;

use kedge_lma::{Discard, Rejection, Release, Revocation, Settings, What};
use kedge_model::{CustomerId, Lifetime, MnId};
use kedge_wire::registry::{RevocationStatus as Status, RevocationTrigger as Trigger};
use kit::*;

const HNP: &str = "2001:db8:100::/64";
const MAG3: &str = "2001:db8:3::1";
const UNMATCHED: Result<(), Rejection> = Err(Rejection::Discarded(Discard::NoMatchingRequest));

fn mn() -> MnId {
    MnId::nai(MN).unwrap()
}

mod a_gateway_that_gives_up_what_is_being_taken_back {
    use super::*;

    #[test]
    fn ends_it_at_once_and_is_not_told_again() {
        let mut world = World::new();
        world.accepted(&attach(MAG1));
        assert_eq!(world.lma.clear(CustomerId::DEFAULT, &mn(), world.now), 1);
        let bri = world.drain().indication();
        let (_, outcome) = world.accepted(&attach(MAG1).deregister());
        let [What::Released { reason, .. }] = outcome.what()[..] else { panic!("{outcome:?}") };
        assert_eq!(*reason, Release::Cleared);
        assert_eq!(world.moved("disconnects"), [("admin_drops", 1)]);
        assert_nothing_left(&mut world);
        assert_eq!(world.acknowledge(&bri, Status::BINDING_DOES_NOT_EXIST).0, UNMATCHED);
        assert_eq!(world.moved("binding_revocation"), [("sent", 1)]);
    }

    #[test]
    fn and_asks_again_is_answered_again_for_as_long_as_the_wait_would_have_lasted() {
        let mut world = World::new();
        world.accepted(&attach(MAG1).ipv4("0.0.0.0/0"));
        world.lma.clear(CustomerId::DEFAULT, &mn(), world.now);
        world.drain().indication();
        let leaves = attach(MAG1).prefixes(&[HNP]).ipv4("10.0.0.2/24").deregister();
        world.accepted(&leaves);
        world.wait(secs(9));
        let (ack, outcome) = world.accepted(&leaves);
        assert_eq!((ack.prefixes(), ack.body.lifetime), (vec![HNP.to_owned()], Lifetime::ZERO));
        assert!(outcome.what().is_empty(), "nothing ends twice: {outcome:?}");
        assert_eq!(world.moved("disconnects"), [("admin_drops", 1)]);
        assert_eq!(
            world.moved("binding_updates_deregistration"),
            [("received", 2), ("accepted", 2)]
        );
        assert_nothing_left(&mut world);
        world.wait(secs(1));
        world.discarded(&leaves, Discard::SessionNotFound);
    }

    #[test]
    fn is_not_answered_about_what_it_never_had_nor_to_another_nor_to_an_old_message() {
        let mut world = World::new();
        world.accepted(&attach(MAG1));
        world.lma.clear(CustomerId::DEFAULT, &mn(), world.now);
        world.drain().indication();
        world.accepted(&attach(MAG1).prefixes(&[HNP]).deregister());
        for other in [
            attach(MAG2).prefixes(&[HNP]),
            attach(MAG1).prefixes(&["2001:db8:100:9::/64"]),
            attach(MAG1).prefixes(&[HNP]).mn("b@example.com"),
            attach(MAG1).prefixes(&[HNP]).sequence(0),
        ] {
            world.discarded(&other.deregister(), Discard::SessionNotFound);
        }
    }

    #[test]
    fn may_have_done_so_before_it_was_taken_back() {
        let mut world = World::new();
        world.accepted(&attach(MAG1));
        let leaves = attach(MAG1).prefixes(&[HNP]).deregister();
        world.accepted(&leaves);
        assert_eq!(world.lma.clear(CustomerId::DEFAULT, &mn(), world.now), 1);
        assert_nothing_left(&mut world);
        world.accepted(&leaves);
    }

    #[test]
    fn and_registers_the_node_anew_begins_a_session_that_ends_like_any_other() {
        let mut world = World::new();
        world.accepted(&attach(MAG1));
        world.lma.clear(CustomerId::DEFAULT, &mn(), world.now);
        world.drain().indication();
        let leaves = attach(MAG1).prefixes(&[HNP]).deregister();
        world.accepted(&leaves);
        world.accepted(&attach(MAG1));
        world.accepted(&leaves);
        assert!(!world.only_binding().is_active(), "this one is kept for another gateway");
    }

    #[test]
    fn by_an_indication_of_its_own_does_so_too() {
        let mut world = World::new();
        world.accepted(&attach(MAG1));
        world.lma.clear(CustomerId::DEFAULT, &mn(), world.now);
        let ours = world.drain().indication();
        let theirs = ours.bytes.clone();
        let (result, _) = world.deliver(attach(MAG1).path(), &mirrored(theirs));
        assert_eq!(result, Ok(()));
        assert_nothing_left(&mut world);
    }

    /// Octets from the anchor as if the gateway had sent them.
    fn mirrored(mut bytes: Vec<u8>) -> Vec<u8> {
        kedge_wire::set_checksum(v6(MAG1), v6(LMA), &mut bytes);
        bytes
    }

    #[test]
    fn with_many_others_leaves_those_to_their_answer() {
        let mut world = World::new();
        world.accepted(&attach(MAG1));
        world.accepted(&attach(MAG1).mn("b@example.com"));
        assert_eq!(world.lma.clear_all(world.now), 2);
        let bri = world.drain().indication();
        world.accepted(&attach(MAG1).deregister());
        assert_eq!(world.only_binding().mn_id, MnId::nai("b@example.com").unwrap());
        let again = world.wait(secs(1)).indication();
        assert_eq!(again.bytes, bri.bytes, "the others' gateway has not answered yet");
        assert_eq!(world.acknowledge(&bri, Status::SUCCESS).0, Ok(()));
        assert_nothing_left(&mut world);
        assert_eq!(world.moved("disconnects"), [("admin_drops", 2)]);
    }

    #[test]
    fn is_not_told_again_of_the_ipv4_address_either() {
        for alone in [false, true] {
            let mut world = World::new();
            world.accepted(&attach(MAG1).ipv4("0.0.0.0/0"));
            let trigger = Trigger::USER_INITIATED_SESSION_TERMINATION;
            world.lma.revoke_ipv4(CustomerId::DEFAULT, &mn(), trigger, world.now);
            world.drain().indication();
            let given_up = match alone {
                true => attach(MAG1).prefixes::<&str>(&[]).ipv4("10.0.0.2/24").deregister(),
                false => attach(MAG1).ipv4("0.0.0.0/0").deregister(),
            };
            world.accepted(&given_up);
            assert_eq!(world.only_binding().addresses.ipv4, None);
            assert_eq!(world.only_binding().is_active(), alone, "the prefix goes on");
            assert!(world.wait(secs(5)).sent.is_empty());
        }
    }

    #[test]
    fn may_still_have_to_be_told_by_the_one_that_the_node_had_left_before() {
        let mut world = World::new();
        world.accepted(&attach(MAG1));
        let (_, outcome) = world.accepted(&attach(MAG2).handoff(3));
        let bri = outcome.indication();
        world.accepted(&attach(MAG2).deregister());
        let again = world.wait(secs(1)).indication();
        assert_eq!((again.path, &again.bytes), (bri.path, &bri.bytes), "mag1 has not answered");
    }
}

mod a_gateway_that_was_asked_for_a_node {
    use super::*;

    /// A second gateway does not know how the node came; the first is asked, and the wait for its
    /// answer is over before its retries are.
    fn waited_too_long() -> (World, Bri) {
        let revocation = Revocation { retries: 3, ..Revocation::default() };
        let mut world = World::with(Settings { revocation, ..settings() });
        world.accepted(&attach(MAG1));
        world.waits(&attach(MAG2).handoff(4).link_layer_id(&[2, 0, 0, 0, 0, 2]));
        let bri = world.indications.pop().expect("the question");
        let outcome = world.wait(ms(1_500));
        assert_ne!(outcome.ack().unwrap().prefixes(), [HNP]);
        assert_eq!(world.lma.len(), 2);
        (world, bri)
    }

    #[test]
    fn and_answers_after_the_wait_that_it_has_given_it_up_is_believed() {
        let (mut world, bri) = waited_too_long();
        let (result, outcome) = world.acknowledge(&bri, Status::SUCCESS);
        assert_eq!(result, Ok(()));
        let (_, want) = &outcome.forwards[0];
        assert_eq!(*want, None, "it would drop the packets of what it does not have");
        world.wait(secs(10));
        assert_eq!(world.only_binding().care_of(), v6(MAG2));
    }

    #[test]
    fn and_answers_after_the_wait_that_it_has_it_keeps_it() {
        let (mut world, bri) = waited_too_long();
        world.acknowledge(&bri, Status::REVOCATION_FAILED_MN_IS_ATTACHED).0.unwrap();
        assert!(world.wait(secs(60)).is_empty());
        assert!(world.lma.bindings().all(|binding| binding.is_active()));
    }

    #[test]
    fn and_never_answers_keeps_it_after_the_last_retry() {
        let (mut world, bri) = waited_too_long();
        let again = world.wait(secs(60)).indications();
        assert_eq!(again.len(), 2, "one of three was sent during the wait");
        assert!(again.iter().all(|again| again.bytes == bri.bytes));
        assert_eq!(world.count("binding_revocation.not_acknowledged"), 1);
        assert!(world.lma.bindings().all(|binding| binding.is_active()));
    }

    #[test]
    fn and_has_lost_it_to_a_third_has_nothing_to_say_and_the_third_is_asked() {
        let mut settings = settings();
        settings.dynamic_mag_learning = true;
        let mut world = World::with(settings);
        world.accepted(&attach(MAG1));
        world.waits(&attach(MAG2).handoff(4).link_layer_id(&[2, 0, 0, 0, 0, 2]));
        let question = world.indications.pop().expect("the question");
        let (_, outcome) = world.accepted(&attach(MAG3).handoff(3));
        let to = |mag| outcome.indications().into_iter().find(|b| b.path == attach(mag).path());
        let (departed, asked) = (to(MAG1).expect("told"), to(MAG3).expect("asked"));
        assert_eq!(departed.body.trigger, Trigger::INTER_MAG_HANDOVER_SAME_ACCESS_TYPE);
        assert_eq!(asked.body.trigger, Trigger::INTER_MAG_HANDOVER_UNKNOWN);
        assert_eq!(world.acknowledge(&question, Status::SUCCESS).0, UNMATCHED);
        assert_eq!(world.only_binding().care_of(), v6(MAG3), "it is not mag1's to give up");
        let (_, outcome) = world.acknowledge(&asked, Status::SUCCESS);
        assert_eq!(outcome.ack().unwrap().prefixes(), [HNP]);
        assert_eq!(world.only_binding().care_of(), v6(MAG2));
    }

    #[test]
    fn and_registers_it_anew_meanwhile_has_it() {
        let mut world = World::new();
        world.accepted(&attach(MAG1));
        world.waits(&attach(MAG2).handoff(4).link_layer_id(&[2, 0, 0, 0, 0, 2]));
        let question = world.indications.pop().expect("the question");
        world.accepted(&attach(MAG1).handoff(3));
        assert_eq!(world.acknowledge(&question, Status::SUCCESS).0, UNMATCHED);
        assert!(world.only_binding().is_active());
        assert_eq!(world.only_binding().care_of(), v6(MAG1));
    }
}
