//! Wires and the air: veth pairs between hosts, bridges that a port can be moved between.

use std::net::Ipv6Addr;

use crate::{Host, Lab, error::Result};

/// A cable between two hosts.
#[derive(Debug)]
pub struct Link {
    ends: [(Host, String); 2],
}

impl Link {
    /// Lays a cable from `a`'s interface `a_name` to `b`'s interface `b_name`; both come up.
    pub fn between(a: &Host, a_name: &str, b: &Host, b_name: &str) -> Result<Self> {
        lay(a, a_name, "", b, b_name)?;
        a.ip(&format!("link set {a_name} up"))?;
        b.ip(&format!("link set {b_name} up"))?;
        Ok(Self { ends: [(a.clone(), a_name.to_owned()), (b.clone(), b_name.to_owned())] })
    }

    /// Cuts the cable: the first host's interface goes down, the second sees no carrier.
    pub fn cut(&self) -> Result<()> {
        let (host, name) = &self.ends[0];
        host.ip(&format!("link set {name} down")).map(drop)
    }

    /// Mends the cable.
    pub fn mend(&self) -> Result<()> {
        let (host, name) = &self.ends[0];
        host.ip(&format!("link set {name} up")).map(drop)
    }

    /// Changes the largest packet that the cable takes, at both ends.
    pub fn mtu(&self, mtu: u32) -> Result<()> {
        self.ends.iter().try_for_each(|(host, name)| host.mtu(name, mtu))
    }

    /// Makes packets cross as on a real cable, at most one MTU each: no segmentation left to
    /// the far end, merging on receipt as a network card does it. `gso` alone would not do for
    /// trains of UDP datagrams: they cross whole where the interface says that it cuts them.
    pub fn as_on_a_wire(&self) -> Result<()> {
        let features = "tso off gso off tx-udp-segmentation off gro on";
        self.ends.iter().try_for_each(|(host, name)| host.offload(name, features))
    }

    /// The two ends, as host and interface.
    #[must_use]
    pub fn ends(&self) -> &[(Host, String); 2] {
        &self.ends
    }
}

/// A namespace of bridges. With one bridge it is a switch; with one bridge for each gateway it
/// is the air: what moves is the port of the node, its own interface never does.
#[derive(Debug)]
pub struct Switch {
    host: Host,
}

/// A host's interface and the switch port it is plugged into.
#[derive(Debug)]
pub struct Port {
    switch: Host,
    host: Host,
    interface: String,
    port: String,
}

impl Switch {
    /// Makes a switch with the bridges (or radio cells) named.
    pub fn new(lab: &Lab, name: &str, cells: &[&str]) -> Result<Self> {
        let host = lab.host(name)?;
        for cell in cells {
            // Frames pass at once: no spanning tree delay, no multicast filtering.
            host.ip(&format!(
                "link add {cell} type bridge stp_state 0 forward_delay 0 mcast_snooping 0"
            ))?;
            host.sysctl(&format!("net.ipv6.conf.{cell}.disable_ipv6"), "1")?;
            host.ip(&format!("link set {cell} up"))?;
        }
        Ok(Self { host })
    }

    /// Plugs a new interface of `host` into a cell.
    pub fn plug(&self, host: &Host, interface: &str, cell: &str) -> Result<Port> {
        let port = self.connect(host, interface, "")?;
        port.plug_into(cell)?;
        Ok(port)
    }

    /// Gives `host` an interface with this MAC address that is in no cell yet: it is up and has
    /// no carrier.
    pub fn out_of_range(&self, host: &Host, interface: &str, mac: &str) -> Result<Port> {
        self.connect(host, interface, &format!("address {mac} "))
    }

    fn connect(&self, host: &Host, interface: &str, options: &str) -> Result<Port> {
        let port = format!("p{}", host.name());
        lay(host, interface, options, &self.host, &port)?;
        self.host.sysctl(&format!("net.ipv6.conf.{port}.disable_ipv6"), "1")?;
        host.ip(&format!("link set {interface} up"))?;
        let interface = interface.to_owned();
        Ok(Port { switch: self.host.clone(), host: host.clone(), interface, port })
    }

    /// The namespace the bridges are in.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }
}

impl Port {
    /// Carrier goes away from the host's interface.
    pub fn unplug(&self) -> Result<()> {
        self.switch.ip(&format!("link set {} down", self.port)).map(drop)
    }

    /// Carrier comes back, in the given cell.
    pub fn plug_into(&self, cell: &str) -> Result<()> {
        self.switch.ip_batch(&format!(
            "link set {port} master {cell}\nlink set {port} up\n",
            port = self.port
        ))
    }

    /// Moves to another cell as a radio does: the carrier goes, the carrier comes.
    pub fn roam(&self, cell: &str) -> Result<()> {
        self.unplug()?;
        self.plug_into(cell)
    }

    /// Moves without the host noticing: its carrier never changes.
    pub fn move_silently(&self, cell: &str) -> Result<()> {
        self.switch.ip(&format!("link set {} master {cell}", self.port)).map(drop)
    }

    /// The host whose interface is plugged in.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The host's interface.
    #[must_use]
    pub fn interface(&self) -> &str {
        &self.interface
    }

    /// The MAC address of the host's interface, as `02:00:5e:10:00:01`.
    pub fn mac(&self) -> Result<String> {
        let path = format!("/sys/class/net/{}/address", self.interface);
        Ok(self.host.exec("cat", &[&path])?.trim().to_owned())
    }
}

/// Makes the cable, both ends down. `options` are for the first end, as `ip link add` takes them.
fn lay(a: &Host, a_name: &str, options: &str, b: &Host, b_name: &str) -> Result<()> {
    let other = b.namespace();
    let peer = format!("peer name {b_name} netns {other}");
    a.ip(&format!("link add {a_name} {options}type veth {peer}")).map(drop)
}

/// The address a host forms in `prefix` from its MAC address (RFC 4291 appendix A).
#[must_use]
pub fn eui64_address(prefix: Ipv6Addr, mac: [u8; 6]) -> Ipv6Addr {
    let mut octets = prefix.octets();
    let [a, b, c, d, e, f] = mac;
    octets[8..].copy_from_slice(&[a ^ 0x02, b, c, 0xff, 0xfe, d, e, f]);
    octets.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interface_identifier_flips_the_universal_bit_and_widens_the_mac() {
        let mac = [0x02, 0x00, 0x5e, 0x10, 0x00, 0x01];
        let address = eui64_address("2001:db8::".parse().expect("literal"), mac);
        assert_eq!(address.to_string(), "2001:db8::5eff:fe10:1");
    }
}
