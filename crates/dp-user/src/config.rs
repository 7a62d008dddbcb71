//! What a userspace data plane is made of when it starts.

use std::net::IpAddr;
use std::os::fd::OwnedFd;

use kedge_dataplane::Side;
use kedge_model::VrfId;

/// The devices, the addresses, and which end of the tunnels this is.
#[derive(Debug)]
pub struct Config {
    /// Anchor or gateway.
    pub side: Side,
    /// One TUN device for each inner routing world.
    pub devices: Vec<DeviceConfig>,
    /// The addresses at which tunnels may start. A tunnel whose local end is none of them is
    /// refused. An anchor and a gateway on one host need addresses, or ports, of their own.
    pub locals: Vec<TransportLocal>,
}

/// A TUN device of an inner routing world. It is made when the data plane starts and goes away
/// with it; addresses and routes are its owner's business, and so is `rp_filter`: what leaves a
/// tunnel arrives here with sources that the host may route elsewhere.
#[derive(Debug)]
pub struct DeviceConfig {
    /// The inner routing world.
    pub vrf: VrfId,
    /// The device's name, at most 15 octets.
    pub name: String,
    /// The network namespace to make the device in; `None` is the process's own.
    pub netns: Option<OwnedFd>,
    /// The device's MTU: the largest inner packet that the kernel puts in whole.
    pub mtu: u16,
}

/// One of this host's addresses in a transport routing world.
#[derive(Debug)]
pub struct TransportLocal {
    /// The transport routing world.
    pub vrf: VrfId,
    /// The address.
    pub address: IpAddr,
    /// The port of UDP encapsulation there, 5437 by RFC 5844 §4.1.4.1.
    pub udp_port: u16,
    /// The port of signalling there, 5436 by RFC 5844 §4.1.3.1, which data shares where a
    /// translator is on its way. Whoever has the signalling socket keeps what is no data: it is
    /// bound before, and lets others bind its port (SO_REUSEPORT) since. `None` where signalling is
    /// not over UDP.
    pub signalling_port: Option<u16>,
    /// The network namespace of that world; `None` is the process's own.
    pub netns: Option<OwnedFd>,
}
