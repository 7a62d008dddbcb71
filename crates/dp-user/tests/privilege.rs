//! A start without privilege. One test, alone in its process, because it gives up the process's
//! privileges for good. Needs root, to have some to give up.

use kedge_dataplane::{Change, Dataplane, DataplaneError, Local, Side};
use kedge_dp_user::DpUser;
use kedge_model::{VrfId, World};
use nix::unistd::{Uid, setresuid};

#[test]
fn what_is_not_permitted_and_the_capability_it_needs_are_named() {
    let nobody = Uid::from_raw(65534);
    setresuid(nobody, nobody, nobody).expect("the test is run as root");
    let start = |change| {
        let error = DpUser::start(Side::Anchor).unwrap().apply(&[change]).unwrap_err();
        assert!(matches!(error, DataplaneError::NotPermitted { .. }), "{error:?}");
        error.to_string()
    };
    let (vrf, name) = (VrfId::DEFAULT, "kgdp9".to_owned());
    let error = start(Change::AddDevice { vrf, world: World::Own, name, mtu: 1400 });
    assert!(error.contains("kgdp9") && error.contains("CAP_NET_ADMIN"), "{error}");
    let address = [127, 0, 0, 1].into();
    let local = Local { vrf, address, udp_port: 0, signalling_port: None };
    let error = start(Change::AddLocal { local, world: World::Own });
    assert!(error.contains("GRE") && error.contains("CAP_NET_RAW"), "{error}");
}
