//! A mobile node as people have them: the kernel's own IPv6 autoconfiguration and a stock DHCP
//! client. It knows nothing of mobility and is changed by nothing here but its cable.

use std::{
    fs,
    net::{Ipv4Addr, Ipv6Addr},
    os::unix::fs::PermissionsExt,
    time::Duration,
};

use crate::{
    Host, Lab, Port, Process, Switch,
    error::{Context, LabError, Result},
    wait,
};

/// The only interface of a mobile node.
pub const INTERFACE: &str = "eth0";

/// What the DHCP client runs on a change: the address and the routes, never resolv.conf, which
/// namespaces share with the host.
const DHCP_SCRIPT: &str = r#"#!/bin/sh
case "$reason" in
PREINIT)
    ip link set dev "$interface" up ;;
BOUND|RENEW|REBIND|REBOOT)
    if [ -n "$old_ip_address" ] && [ "$old_ip_address" != "$new_ip_address" ]; then
        ip -4 addr flush dev "$interface" scope global
    fi
    ip -4 addr replace "$new_ip_address/${new_subnet_mask:-32}" dev "$interface"
    [ -n "$new_interface_mtu" ] && ip link set dev "$interface" mtu "$new_interface_mtu"
    for router in $new_routers; do
        ip -4 route replace default via "$router" dev "$interface" onlink
        break
    done ;;
EXPIRE|FAIL|RELEASE|STOP)
    ip -4 addr flush dev "$interface" scope global ;;
esac
echo "$(date +%s.%N) $reason $new_ip_address" >&2
"#;

/// Starts asking at once and asks again soon: a demonstration has no patience.
const DHCP_CONF: &str = "\
initial-delay 0;
initial-interval 1;
backoff-cutoff 2;
timeout 30;
retry 1;
request subnet-mask, routers, interface-mtu, domain-name-servers;
";

/// A mobile node with one interface in the air.
#[derive(Debug)]
pub struct MobileNode {
    port: Port,
    dhcp: Option<Process>,
}

impl MobileNode {
    /// A node that is out of range of everything until [`Port::plug_into`] puts it in a cell.
    pub fn new(lab: &Lab, air: &Switch, name: &str, mac: &str) -> Result<Self> {
        let host = lab.host(name)?;
        Ok(Self { port: air.out_of_range(&host, INTERFACE, mac)?, dhcp: None })
    }

    /// The machine.
    #[must_use]
    pub fn host(&self) -> &Host {
        self.port.host()
    }

    /// Its radio: what roams.
    #[must_use]
    pub fn port(&self) -> &Port {
        &self.port
    }

    /// Starts Debian's DHCP client.
    pub fn start_dhcp(&mut self) -> Result<()> {
        self.dhcp = Some(dhclient(self.host())?);
        Ok(())
    }

    /// Ends the DHCP client as a power cut would: it gives nothing back.
    pub fn stop_dhcp(&mut self) -> Result<()> {
        let Some(mut dhcp) = self.dhcp.take() else { return Ok(()) };
        dhcp.signal(nix::sys::signal::Signal::SIGKILL)?;
        dhcp.wait(wait::SOON).map(drop)
    }

    /// The IPv6 addresses formed so far, those that have passed duplicate address detection.
    pub fn ipv6(&self) -> Result<Vec<Ipv6Addr>> {
        self.global(6)
    }

    /// The IPv4 addresses leased so far.
    pub fn ipv4(&self) -> Result<Vec<Ipv4Addr>> {
        self.global(4)
    }

    /// Waits for the first address the kernel forms by itself.
    pub fn wait_ipv6(&self, limit: Duration) -> Result<Ipv6Addr> {
        first(limit, "the node to form an IPv6 address", || self.ipv6(), String::new)
    }

    /// Waits for the address that the DHCP client obtains.
    pub fn wait_ipv4(&self, limit: Duration) -> Result<Ipv4Addr> {
        first(
            limit,
            "the node to lease an IPv4 address",
            || self.ipv4(),
            || self.dhcp.as_ref().map(|d| crate::process::tail(&d.errors())).unwrap_or_default(),
        )
    }

    fn global<A: std::str::FromStr>(&self, family: u8) -> Result<Vec<A>> {
        let listed = self.host().addresses(INTERFACE, family)?;
        listed
            .iter()
            .map(|a| {
                let address = a.split('/').next().and_then(|a| a.parse().ok());
                address.ok_or_else(|| LabError::Unexpected(format!("address {a:?}")))
            })
            .collect()
    }
}

/// Starts Debian's DHCP client on a host's `eth0`: in the foreground, with files of its own.
pub fn dhclient(host: &Host) -> Result<Process> {
    let file = |suffix: &str| host.dir().join(format!("{}-dhclient.{suffix}", host.name()));
    let (script, conf) = (file("script"), file("conf"));
    fs::write(&script, DHCP_SCRIPT).context(|| "writing the DHCP script".to_owned())?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))
        .context(|| "making the DHCP script executable".to_owned())?;
    fs::write(&conf, DHCP_CONF).context(|| "writing dhclient.conf".to_owned())?;
    let words = [script, conf, file("leases"), file("pid")].map(|p| p.display().to_string());
    let [script, conf, leases, pid] = words.each_ref().map(String::as_str);
    let args = ["-4", "-d", "-sf", script, "-cf", conf, "-lf", leases, "-pf", pid, INTERFACE];
    host.spawn("dhclient", "dhclient", &args)
}

fn first<A: Copy>(
    limit: Duration,
    what: &str,
    look: impl Fn() -> Result<Vec<A>>,
    why: impl Fn() -> String,
) -> Result<A> {
    wait::until(limit, what, || match look() {
        Ok(found) => found.first().copied().ok_or_else(|| format!("no address {}", why())),
        Err(error) => Err(error.to_string()),
    })
}
