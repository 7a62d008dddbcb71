//! Interim records, which the shortest interval brings after a minute.

use kedge_lab::{
    Daemon, Domain, FreeRadius, Lab, Transfer,
    domain::{CORRESPONDENT, NAI, Plan},
    freeradius::Setup,
    wait::SOON,
};

use crate::stage::{CLIENT, FIRST, turn, udp, with_servers};

#[test]
fn an_interim_record_says_what_a_tunnel_has_carried_in_each_direction_until_then() {
    let _turn = turn();
    let lab = Lab::new("accounting").expect("lab");
    let mut domain = Domain::draw(&lab).expect("domain");
    let setup = Setup { name: "first", at: FIRST, client: Some(CLIENT), ..Setup::default() };
    let server = FreeRadius::start(&domain.core.cn, &setup).expect("server");
    let plan = Plan::default();
    let config = with_servers(&plan, &udp(FIRST));
    let lma = Daemon::start(&domain.core.lma, &config).expect("anchor");
    let _mag = Daemon::start(&domain.mags[0], &Domain::mag_config(&plan, 0)).expect("gateway");
    domain.attach(0).expect("in range");
    domain.mn.start_dhcp().expect("dhclient");
    domain.mn.wait_ipv6(SOON).expect("IPv6");
    let (node, cn) = (domain.mn.host(), &domain.core.cn);
    let from = CORRESPONDENT.1.into();
    let mut down = Transfer::start(cn, from, node, 2_000_000).expect("down");
    down.wait_progress(SOON, 2_000_000).expect("traffic");
    let down = down.finish(SOON).expect("intact").octets;
    let carried = |status: &str| {
        let what = format!("{status} of the tunnel");
        let records = server.wait_records(&what, |records| {
            let of_tunnel = records.iter().filter(|record| record.get("User-Name") == "mag1");
            of_tunnel.filter(|record| record.status() == status).count() > 0
        });
        let records = records.unwrap_or_else(|error| panic!("{error}\n{}", lma.log()));
        let mut of_tunnel = records.iter().filter(|record| record.get("User-Name") == "mag1");
        let record = of_tunnel.find(|record| record.status() == status).expect("just seen");
        let seconds = record.number("Acct-Session-Time");
        let session = record.get("Acct-Session-Id").to_owned();
        (session, seconds, record.octets("Input"), record.octets("Output"))
    };
    let (session, seconds, input, output) = carried("Interim-Update");
    // The first, and not when the second is due.
    assert!((60..120).contains(&seconds), "{seconds} s");
    // Output is towards the user; headers and acknowledgements come on top.
    assert!((down..down + down / 8).contains(&output), "{output} of {down}");
    assert!(input > 0 && input < down / 4, "{input} of {down}");
    let of_nodes = server.records().into_iter().filter(|r| r.get("User-Name") == NAI);
    assert_eq!(of_nodes.map(|r| r.status().to_owned()).collect::<Vec<_>>(), ["Start"]);
    lma.kedge(&format!("clear ipv6 mobile pmipv6 lma bindings nai {NAI}")).expect("clear");
    let (ended, later, all_input, all_output) = carried("Stop");
    assert_eq!(ended, session);
    assert!(later >= seconds && all_input >= input && all_output >= output, "counted on");
}
