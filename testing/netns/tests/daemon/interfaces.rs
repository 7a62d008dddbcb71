//! What a gateway makes of the host's interfaces: none has nodes and anchors at once, and each
//! says how large its packets are.

use kedge_lab::{Domain, Lab, domain::Plan};

use crate::stage::{Single, Site, bindings, turn};

const CABLE: &str = "link add acc0 address 02:00:00:00:00:01 type veth peer name far0\n\
    link set acc0 up\nlink set far0 up\n";

fn config() -> String {
    Domain::mag_config(&Plan::default(), 0)
}

#[test]
fn an_interface_with_the_care_of_address_is_refused_as_access_interface() {
    let _turn = turn();
    let single = Single::set();
    single.host.ip_batch(CABLE).expect("device");
    single.host.address("acc0", "2001:db8:7::11/64").expect("address");
    single.refused(
        &config(),
        "$RUN",
        &["acc0 cannot be an access interface", "it has the care-of address 2001:db8:7::11"],
    );
}

#[test]
fn an_interface_that_leads_to_the_anchor_is_refused_as_access_interface() {
    let _turn = turn();
    let single = Single::set();
    single.host.ip_batch(CABLE).expect("device");
    single.host.address("lo", "2001:db8:7::11/128").expect("address");
    single.host.ip("-6 addr del 2001:db8:7::1/128 dev lo").expect("not the anchor's host");
    single.host.route("2001:db8:7::1/128 dev acc0").expect("route");
    single.refused(
        &config(),
        "$RUN",
        &[
            "acc0 cannot be an access interface",
            "the way to the anchor 2001:db8:7::1 is through it",
        ],
    );
}

#[test]
fn a_gateway_reads_how_much_the_way_to_its_anchor_and_the_access_link_carry() {
    let _turn = turn();
    for (transport, access, tunnel, told) in
        [(1400, 1500, 1360, 1360), (9000, 1500, 8960, 1500), (1500, 1300, 1460, 1300)]
    {
        let lab = Lab::new("kgmtu").expect("lab");
        let domain = Domain::draw(&lab).expect("domain");
        domain.mags[0].mtu("tp0", transport).expect("mtu");
        domain.mags[0].mtu("acc0", access).expect("mtu");
        let configs = [Domain::lma_config(&Plan::default()), config()];
        let mut site = Site::on(lab, domain, configs.each_ref().map(String::as_str));
        site.attach();
        let held = bindings(&site.mag, "mag");
        assert_eq!(held[0]["tunnel"]["mtu"], tunnel, "{held:?}");
        let node = site.domain.mn.host();
        let path = "/proc/sys/net/ipv6/conf/eth0/mtu";
        let said = node.exec("cat", &[path]).expect("the node's MTU");
        assert_eq!(said.trim(), told.to_string());
    }
}
