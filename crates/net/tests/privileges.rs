//! What the daemon does after it gave up its privileges.

mod lab;

use std::fs::File;
use std::net::SocketAddr;
use std::panic::resume_unwind;
use std::path::Path;
use std::thread;

use kedge_model::{MacAddr, VrfId, World};
use kedge_net::access::AccessSocket;
use kedge_net::namespace::Namespace;
use kedge_net::netlink::{Netlink, Notifications};
use kedge_net::place::Place;
use kedge_net::privileges::{Needs, keep_needed, missing};
use kedge_net::signalling::SignalSocket;
use kedge_net::sysctl::Sysctl;
use lab::Lab;
use nix::sched::{CloneFlags, setns};

/// Runs `work` on a thread that is in a namespace to its end, as a daemon is that was started there.
fn started_within<T: Send>(lab: &Lab, work: impl FnOnce() -> T + Send) -> T {
    let run = || {
        let namespace = File::open(Path::new("/run/netns").join(&lab.name)).unwrap();
        setns(namespace, CloneFlags::CLONE_NEWNET).unwrap();
        work()
    };
    thread::scope(|scope| scope.spawn(run).join()).unwrap_or_else(|panic| resume_unwind(panic))
}

#[test]
fn what_is_kept_is_enough_for_everything_in_one_namespace() {
    let lab = Lab::with_pair();
    started_within(&lab, || {
        keep_needed(Needs::OneNamespace).unwrap();
        let own = Place::find(&World::Own).unwrap();
        for local in ["127.0.0.1:5436", "[::1]:0"] {
            let local: SocketAddr = local.parse().unwrap();
            SignalSocket::open(&own, VrfId::DEFAULT, local).unwrap();
        }
        let mut netlink = Netlink::open().unwrap();
        let near = netlink.link("near").unwrap();
        netlink.set_mac(near.index, MacAddr::PMIPV6_GATEWAY).unwrap();
        AccessSocket::open(&near).unwrap();
        Notifications::open().unwrap();
        let here = Namespace::current().unwrap();
        Sysctl::ipv6("near", "forwarding").write(&here, "1").unwrap();
    });
}

#[test]
fn another_namespace_needs_more_and_the_error_says_what() {
    let lab = Lab::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            keep_needed(Needs::OneNamespace).unwrap();
            assert_eq!(missing(Needs::OtherNamespaces).unwrap(), ["CAP_SYS_ADMIN"]);
            let error = lab.namespace.within(|| ()).unwrap_err();
            let expected = format!(
                "cannot enter network namespace {}: Operation not permitted; needs CAP_SYS_ADMIN, \
                 which kedged keeps only if its configuration names a namespace when it starts: \
                 restart it",
                lab.name
            );
            assert_eq!(error.to_string(), expected);
        });
    });
}

#[test]
fn without_any_privilege_each_error_names_the_one_that_is_missing() {
    let lab = Lab::with_pair();
    started_within(&lab, || {
        let mut netlink = Netlink::open().unwrap();
        let near = netlink.link("near").unwrap();
        caps::clear(None, caps::CapSet::Effective).unwrap();
        let all = ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_NET_BIND_SERVICE"];
        assert_eq!(missing(Needs::OneNamespace).unwrap(), all);
        let own = Place::find(&World::Own).unwrap();
        let native = SignalSocket::open(&own, VrfId::DEFAULT, "[::1]:0".parse().unwrap());
        assert_eq!(
            native.unwrap_err().to_string(),
            "cannot open the signalling socket of ::1: Operation not permitted; needs CAP_NET_RAW"
        );
        assert_eq!(
            AccessSocket::open(&near).unwrap_err().to_string(),
            "cannot open the packet socket of near: Operation not permitted; needs CAP_NET_RAW"
        );
        assert!(
            netlink
                .set_mtu(near.index, 1400)
                .unwrap_err()
                .to_string()
                .ends_with("needs CAP_NET_ADMIN")
        );
    });
}
