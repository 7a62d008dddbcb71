//! Hybrid access: how paths are measured, and what a path must be like for some traffic.

use std::time::Duration;

use kedge_grammar::{Args, Datum, Item, Section, Writer};

use crate::key::Key;
use crate::shared;

/// The service at the anchor or at the gateway.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HybridAccess {
    /// Paths are probed.
    pub probing: bool,
    /// How.
    pub probe: Probe,
    /// Probes to some gateways; of use at the anchor only.
    pub mag_probes: Vec<(String, Probe)>,
    /// Probes to some customers' gateways; of use at the anchor only.
    pub customer_probes: Vec<(String, Probe)>,
    /// The responder is told the measured figures; at the gateway only.
    pub responder_stats: bool,
    /// Shares of flows; links without one have equal shares.
    pub ratios: Vec<BandwidthRatio>,
    /// Traffic profiles.
    pub profiles: Vec<TrafficProfile>,
}

/// How a path is probed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Probe {
    /// Packets of one probe, 1 to 100.
    pub packets: u8,
    /// Between two packets.
    pub interval: Duration,
    /// Between two probes.
    pub frequency: Duration,
}

/// A share of flows, 1 to 15.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BandwidthRatio {
    /// Of this gateway's links; `None` is every gateway.
    pub mag: Option<String>,
    /// Of the links of this label.
    pub label: String,
    /// The share.
    pub ratio: u8,
}

/// What a link must be like to be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrafficProfile {
    /// Its name.
    pub name: String,
    /// Most jitter in milliseconds.
    pub jitter: Option<Threshold>,
    /// Longest round trip in milliseconds.
    pub rtt: Option<Threshold>,
    /// Most loss in percent.
    pub packet_loss: Option<Threshold>,
    /// Least mean opinion score, in hundredths.
    pub mos: Option<Threshold>,
    /// Flows are spread over all links that are good.
    pub loadbalance: bool,
}

/// A limit that a link must keep, and where it is good again after it did not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Threshold {
    /// The limit.
    pub value: u16,
    /// Where the link is good again; `None` is the limit itself.
    pub low: Option<u16>,
}

impl HybridAccess {
    pub(crate) fn read_anchor(section: Section<'_, Key>) -> Self {
        let of_mags = section.each(Key::BandwidthRatioOfMag).map(BandwidthRatio::read);
        let mut service = Self::read(section);
        service.ratios.extend(of_mags);
        service
    }

    pub(crate) fn read_gateway(section: Section<'_, Key>) -> Self {
        Self { responder_stats: !section.is_on(Key::ResponderStats), ..Self::read(section) }
    }

    fn read(section: Section<'_, Key>) -> Self {
        let named = |item: &Item<Key>, argument| {
            (shared::name(&item.args, argument), Probe::read(&item.args))
        };
        let mag_probes = section.each(Key::EnableSlaMag).map(|item| named(item, "ID"));
        let customer_probes = section.each(Key::EnableSlaCustomer).map(|item| named(item, "NAME"));
        let probe = section.args(Key::Sla).expect("the table gives a default");
        Self {
            probing: !section.is_on(Key::DisableSla),
            probe: Probe::read(&probe),
            mag_probes: mag_probes.collect(),
            customer_probes: customer_probes.collect(),
            responder_stats: true,
            ratios: section.each(Key::BandwidthRatio).map(BandwidthRatio::read).collect(),
            profiles: section.each(Key::TrafficProfile).map(TrafficProfile::read).collect(),
        }
    }

    pub(crate) fn write(&self, writer: &mut Writer<Key>) {
        writer.block(Key::HybridAccess, Args::default(), |writer| {
            writer.on(Key::DisableSla, !self.probing);
            writer.put(Key::Sla, self.probe.add_to(Args::default()));
            for (id, probe) in &self.mag_probes {
                let id = Args::default().with("ID", Datum::Text(id.clone()));
                writer.put(Key::EnableSlaMag, probe.add_to(id));
            }
            for (name, probe) in &self.customer_probes {
                let name = Args::default().with("NAME", Datum::Text(name.clone()));
                writer.put(Key::EnableSlaCustomer, probe.add_to(name));
            }
            if !self.responder_stats {
                writer.put(Key::ResponderStats, Args::default());
            }
            self.ratios.iter().for_each(|ratio| ratio.write(writer));
            self.profiles.iter().for_each(|profile| profile.write(writer));
        });
    }
}

impl Probe {
    /// What the documents say holds without a setting.
    const DEFAULT: Self = Self {
        packets: 10,
        interval: Duration::from_millis(100),
        frequency: Duration::from_secs(60),
    };

    fn read(args: &Args) -> Self {
        let Self { packets, interval, frequency } = Self::DEFAULT;
        Self {
            packets: args.integer("COUNT").unwrap_or(packets),
            interval: args.integer("INTERVAL").map_or(interval, Duration::from_millis),
            frequency: args.integer("FREQUENCY").map_or(frequency, Duration::from_secs),
        }
    }

    fn add_to(self, args: Args) -> Args {
        let interval = u64::try_from(self.interval.as_millis()).unwrap_or(u64::MAX);
        args.with("COUNT", Datum::Integer(self.packets.into()))
            .with("INTERVAL", Datum::Integer(interval))
            .with("FREQUENCY", Datum::Integer(self.frequency.as_secs()))
    }
}

impl BandwidthRatio {
    fn read(item: &Item<Key>) -> Self {
        let ratio = item.args.integer("RATIO");
        Self {
            mag: item.args.text("ID").map(str::to_owned),
            label: shared::name(&item.args, "LABEL"),
            ratio: ratio.expect("the table makes it mandatory"),
        }
    }

    fn write(&self, writer: &mut Writer<Key>) {
        let (mut args, key) = (
            Args::default(),
            match self.mag {
                None => Key::BandwidthRatio,
                Some(_) => Key::BandwidthRatioOfMag,
            },
        );
        if let Some(mag) = &self.mag {
            args.push("ID", Datum::Text(mag.clone()));
        }
        args.push("LABEL", Datum::Text(self.label.clone()));
        args.push("RATIO", Datum::Integer(self.ratio.into()));
        writer.put(key, args);
    }
}

impl TrafficProfile {
    fn read(item: &Item<Key>) -> Self {
        let section = item.section();
        let threshold = |key| {
            let args = section.args(key)?;
            Some(Threshold { value: args.integer("VALUE")?, low: args.integer("LOW") })
        };
        Self {
            name: shared::name(&item.args, "NAME"),
            jitter: threshold(Key::Jitter),
            rtt: threshold(Key::RoundTrip),
            packet_loss: threshold(Key::PacketLoss),
            mos: threshold(Key::Mos),
            loadbalance: section.is_on(Key::Loadbalance),
        }
    }

    fn write(&self, writer: &mut Writer<Key>) {
        let name = Args::default().with("NAME", Datum::Text(self.name.clone()));
        writer.block(Key::TrafficProfile, name, |writer| {
            for (key, threshold) in [
                (Key::Jitter, self.jitter),
                (Key::RoundTrip, self.rtt),
                (Key::PacketLoss, self.packet_loss),
                (Key::Mos, self.mos),
            ] {
                let Some(Threshold { value, low }) = threshold else { continue };
                let mut args = Args::default().with("VALUE", Datum::Integer(value.into()));
                if let Some(low) = low {
                    args.push("LOW", Datum::Integer(low.into()));
                }
                writer.put(key, args);
            }
            writer.on(Key::Loadbalance, self.loadbalance);
        });
    }
}
