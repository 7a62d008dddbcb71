//! Every counter moves by its event, and only by it.

mod kit;

use kit::*;

mod an_update {
    use super::*;

    #[test]
    fn that_begins_a_session_is_counted_as_such() {
        let mut world = World::new();
        world.moves(
            &[
                "binding_updates_received.total",
                "binding_updates_received.accepted",
                "binding_updates_initial.received",
                "binding_updates_initial.accepted",
                "binding_acks_sent.total",
                "binding_acks_sent.accepted_registration",
                "binding_acks_sent.accepted_initial",
            ],
            |world| world.accepted(&attach(MAG1)),
        );
    }
}
