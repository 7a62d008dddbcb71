//! A start without privilege. One test, alone in its process, because it gives up the process's
//! privileges for good. Needs root, to have some to give up.

use kedge_dataplane::{DataplaneError, Side};
use kedge_dp_user::{Config, DeviceConfig, DpUser, TransportLocal};
use kedge_model::VrfId;
use nix::unistd::{Uid, setresuid};

#[test]
fn what_is_not_permitted_and_the_capability_it_needs_are_named() {
    let nobody = Uid::from_raw(65534);
    setresuid(nobody, nobody, nobody).expect("the test is run as root");
    let start = |devices, locals| {
        let error = DpUser::start(Config { side: Side::Anchor, devices, locals }).unwrap_err();
        assert!(matches!(error, DataplaneError::NotPermitted { .. }), "{error:?}");
        error.to_string()
    };
    let vrf = VrfId::DEFAULT;
    let device = DeviceConfig { vrf, name: "kgdp9".into(), netns: None, mtu: 1400 };
    let error = start(vec![device], Vec::new());
    assert!(error.contains("kgdp9") && error.contains("CAP_NET_ADMIN"), "{error}");
    let address = [127, 0, 0, 1].into();
    let local = TransportLocal { vrf, address, udp_port: 0, signalling_port: None, netns: None };
    let error = start(Vec::new(), vec![local]);
    assert!(error.contains("GRE") && error.contains("CAP_NET_RAW"), "{error}");
}
