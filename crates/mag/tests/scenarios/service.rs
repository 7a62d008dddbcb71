//! The service that the gateway selects for its nodes (RFC 5149 §4.1).

use kedge_mag::{Auth, AuthHome, Profile};
use kedge_wire::ServiceSelection;
use kedge_wire::auth::Key;
use kedge_wire::registry::OptionType;

use crate::world::*;

#[test]
fn a_service_is_selected_when_a_session_begins_and_not_again() {
    let mut settings = settings();
    let key = Key::new(0x100, b"key");
    let auth = Auth { key, home: AuthHome::CareOf, updates_only: false };
    let profile = Profile { service_selection: Some("ims".to_owned()), ..Profile::default() };
    settings.default_profile = Some(profile.clone());
    let mut world = World::with_active_node(settings.clone());
    world.pass(secs(300));
    let refresh = world.take_one();
    assert_eq!(refresh.packet.options.get::<ServiceSelection<'_>>(), None);

    settings.default_profile = Some(Profile { auth: Some(auth), ..profile });
    let mut world = World::new(settings);
    world.solicit(IF1, NODE);
    let first = world.take_one();
    let selected = first.packet.options.get::<ServiceSelection<'_>>().expect("a service");
    assert_eq!(selected.identifier(), b"ims");
    let kinds: Vec<_> = first.packet.options.iter().map(|option| option.kind()).collect();
    let place = |kind| kinds.iter().position(|other| *other == kind).expect("the option");
    let at = place(OptionType::SERVICE_SELECTION);
    assert!(place(OptionType::MN_ID) < at && at < place(OptionType::AUTHENTICATION));
}
