//! What the tests share: an anchor that accounts, and a generator in the place of its gateways.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Mutex, MutexGuard, PoisonError},
};

use kedge_lab::{
    Daemon, Domain, FreeRadius, Host, Lab,
    domain::{ANCHOR, CORRESPONDENT, Core, GATEWAYS, KEY, Plan, REALM, Transport},
    freeradius::{SECRET, Setup},
    load::{Load, Updates},
    wait::{self, SOON},
};
use kedge_wire::auth::Key;

pub const FIRST: IpAddr = IpAddr::V4(CORRESPONDENT.0);
pub const SECOND: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 11));
/// The anchor, as the servers see it.
pub const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));
/// A server that says nothing is given up after ten seconds: long for one that runs, however slowly.
const QUICK: &str = "radius-server timeout 5\nradius-server retransmit 1\n";

/// The left half of the drawing, with a generator in the place of the gateways.
pub struct Stage {
    pub core: Core,
    gateways: Host,
    _lab: Lab,
}

impl Stage {
    pub fn set() -> Self {
        let lab = Lab::new("accounting").expect("lab");
        let core = Core::draw(&lab).expect("core");
        core.cn.address("eth0", &format!("{SECOND}/24")).expect("a second address");
        let gateways = lab.host("mags").expect("host");
        core.connect(&gateways, &GATEWAYS.map(|(_, v4, v6)| (v4, v6))).expect("connect");
        Self { core, gateways, _lab: lab }
    }

    pub fn server(&self, name: &str, at: IpAddr) -> FreeRadius {
        let setup = Setup { name, at, client: Some(CLIENT), ..Setup::default() };
        FreeRadius::start(&self.core.cn, &setup).expect("server")
    }

    pub fn anchor(&self, servers: &str) -> Daemon {
        let plan = Plan { transport: Transport::Ipv4, delete_wait: 100, ..Plan::default() };
        let config = with_servers(&plan, servers).replace("bce maximum 1000", "bce maximum 5000");
        let config = config.replace("pool-prefix 24", "pool-prefix 16");
        let config = config.replace("start-address 203.0.113.0", "start-address 10.7.0.0");
        let config = config.replace("pool-prefix 56", "pool-prefix 48");
        Daemon::start_quietly(&self.core.lma, &config).expect("anchor")
    }

    pub fn updates(&self, bindings: usize) -> Updates {
        const PORT: u16 = 5436;
        let load = Load {
            gateways: GATEWAYS.map(|(_, v4, _)| SocketAddr::new(v4.into(), PORT)),
            anchor: SocketAddr::new(ANCHOR.0.into(), PORT),
            bindings,
            realm: REALM.to_owned(),
            key: Key::new(KEY.0, KEY.1.as_bytes()),
        };
        // The kernel takes up to a second to bring a new link into use.
        wait::until(SOON, "the anchor in reach", || {
            let ping = self.gateways.exec("ping", &["-c", "1", "-W", "1", &ANCHOR.0.to_string()]);
            ping.map_err(|error| error.to_string())
        })
        .expect("ping");
        let sockets = self.gateways.inside(|| load.open()).expect("sockets");
        Updates::new(load, sockets).patient(SOON)
    }
}

pub fn udp(server: IpAddr) -> String {
    format!("radius-server host {server} auth-port 1812 acct-port 1813\n key {SECRET}\n!\n")
}

/// The anchor's configuration with accounting to these servers.
pub fn with_servers(plan: &Plan, servers: &str) -> String {
    let (before, anchor) = (Domain::lma_config(plan), "domain example.net\n address ipv4");
    let config =
        before.replace(anchor, "domain example.net\n aaa accounting interim 1\n address ipv4");
    assert_ne!(config, before, "the anchor accounts");
    format!("{QUICK}{servers}aaa accounting mobile default group radius\n{config}")
}

/// One domain at a time.
pub fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}
