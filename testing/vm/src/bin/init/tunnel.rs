//! The kernel's side: the devices of an encapsulation in M, made and removed.

use anyhow::{Context, Result};
use kedge_dataplane::{Change, Dataplane, Kind, Side};
use kedge_lab::Host;
use kedge_model::{Encapsulation, Tunnel};

use crate::row::{Family, NODE, UDP_PORT, forwarding, tunnel};

/// An encapsulation as both sides know it.
#[derive(Clone, Copy, Debug)]
pub struct Carriage {
    /// The family of the outer packets.
    pub over: Family,
    /// As our data plane has it.
    pub ours: Encapsulation,
    /// The inner packets' largest size; both sides' devices get it as their MTU.
    pub mtu: u16,
    /// The kernel's devices.
    pub theirs: &'static [Device],
}

/// A device of the kernel.
#[derive(Clone, Copy, Debug)]
pub struct Device {
    /// `type` and what follows the addresses of `ip link add`.
    pub kind: &'static str,
    /// Further words for it.
    pub options: &'static str,
    /// The inner families it carries.
    pub carries: &'static [Family],
    /// The protocol number in UDP, where the encapsulation is that.
    pub in_udp: Option<u8>,
}

/// The devices of a carriage in M; they go when it is dropped.
pub struct Devices<'a> {
    m: &'a Host,
    carriage: Carriage,
    made: usize,
}

impl Carriage {
    /// The inner families it carries.
    pub fn families(&self) -> impl Iterator<Item = Family> {
        Family::ALL.into_iter().filter(|f| self.theirs.iter().any(|d| d.carries.contains(f)))
    }

    /// Whether the kernel's devices put checksums into the headers of the tunnel.
    pub fn has_checksums(&self) -> bool {
        self.theirs.iter().any(|device| device.options.contains("ocsum"))
    }

    /// The tunnel as our data plane has it.
    pub fn tunnel(&self) -> Result<Tunnel> {
        tunnel(self.over, self.ours, self.mtu)
    }

    /// How our data plane counts what has this inner family.
    pub fn kind(&self, inner: Family) -> Result<Kind> {
        Ok(Kind::of(&self.tunnel()?, inner == Family::V4))
    }

    /// Has our data plane hold its subscriber behind this tunnel.
    pub fn bind(&self, ours: &mut impl Dataplane, side: Side) -> Result<()> {
        let want = forwarding(side, self.tunnel()?)?;
        Ok(ours.apply(&[Change::Bind { binding: NODE, want }])?)
    }

    /// Makes the kernel's devices in M, with routes to A.
    pub fn make<'a>(&self, m: &'a Host) -> Result<Devices<'a>> {
        self.make_with(m, "")
    }

    /// As [`Self::make`], with further words for each device.
    pub fn make_with<'a>(&self, m: &'a Host, more: &str) -> Result<Devices<'a>> {
        let mut devices = Devices { m, carriage: *self, made: 0 };
        for (number, device) in self.theirs.iter().enumerate() {
            devices.make(number, device, more).with_context(|| format!("{device:?} {more}"))?;
        }
        Ok(devices)
    }
}

impl Devices<'_> {
    fn make(&mut self, number: usize, device: &Device, more: &str) -> Result<()> {
        let Carriage { over, mtu, .. } = self.carriage;
        let name = name(number);
        let [peer, local] = over.transport();
        if let Some(protocol) = device.in_udp {
            self.m.ip(&format!("{} fou add {}", over.pick("-4", "-6"), fou(protocol)))?;
        }
        self.made += 1;
        let in_udp = device.in_udp.map_or(String::new(), |_| {
            format!("encap fou encap-sport {UDP_PORT} encap-dport {UDP_PORT} encap-csum")
        });
        self.m.ip(&format!(
            "link add {name} type {} local {local} remote {peer} {} {more} {in_udp}",
            device.kind, device.options
        ))?;
        self.m.ip(&format!("link set {name} mtu {mtu} up"))?;
        for family in device.carries {
            let destination = family.pick("10.1.0.0/24", "2001:db8:a::/64");
            self.m.route(&format!("{destination} dev {name}"))?;
        }
        Ok(())
    }

    /// Packets that the kernel took out of the tunnel.
    pub fn received(&self) -> Result<u64> {
        let each = (0..self.made).map(|number| self.m.counter(&name(number), "rx_packets"));
        Ok(each.sum::<kedge_lab::Result<u64>>()?)
    }
}

impl Drop for Devices<'_> {
    fn drop(&mut self) {
        for (number, device) in self.carriage.theirs.iter().enumerate().take(self.made) {
            // What was never made cannot be removed.
            let _ = self.m.ip(&format!("link delete {}", name(number)));
            if let Some(protocol) = device.in_udp {
                let family = self.carriage.over.pick("-4", "-6");
                let _ = self.m.ip(&format!("{family} fou del {}", fou(protocol)));
            }
        }
    }
}

fn name(number: usize) -> String {
    format!("theirs{number}")
}

fn fou(protocol: u8) -> String {
    format!("port {UDP_PORT} ipproto {protocol}")
}
