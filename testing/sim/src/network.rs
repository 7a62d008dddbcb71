//! The transport network between gateways and anchors: what it does to packets.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::chance::Chance;

/// How bad the network is.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// Packets lost, in a thousand.
    pub loss: u32,
    /// Packets that arrive twice.
    pub duplication: u32,
    /// Messages with an octet changed.
    pub corruption: u32,
    /// The least delay, in milliseconds.
    pub delay: u32,
    /// How much longer it may be. More than the distance between packets reorders them.
    pub jitter: u32,
    /// Frames lost on access links, in a thousand.
    pub access_loss: u32,
    /// Messages that the sender's own socket refuses.
    pub refused: u32,
    /// Questions to AAA that are lost, refused, or answered twice, in a thousand each.
    pub aaa_trouble: u32,
}

impl Weather {
    /// Everything arrives once, whole and in order.
    pub const FINE: Self = Self {
        loss: 0,
        duplication: 0,
        corruption: 0,
        delay: 5,
        jitter: 0,
        access_loss: 0,
        refused: 0,
        aaa_trouble: 0,
    };

    /// Anything from fine to terrible.
    pub fn drawn(chance: &mut Chance) -> Self {
        Self {
            loss: chance.pick(&[0, 10, 50, 200, 400]),
            duplication: chance.pick(&[0, 10, 100, 300]),
            corruption: chance.pick(&[0, 0, 5, 30]),
            delay: chance.pick(&[1, 5, 40]),
            jitter: chance.pick(&[0, 5, 100, 1500]),
            access_loss: chance.pick(&[0, 0, 20, 100]),
            refused: chance.pick(&[0, 0, 20, 500]),
            aaa_trouble: chance.pick(&[0, 20, 200]),
        }
    }
}

/// The network of a run.
#[derive(Debug)]
pub struct Network {
    /// How bad it is.
    pub weather: Weather,
    /// Pairs of a gateway and an anchor between which nothing gets through.
    pub partitions: BTreeSet<(usize, usize)>,
}

impl Network {
    /// A fine one.
    pub fn new() -> Self {
        Self { weather: Weather::FINE, partitions: BTreeSet::new() }
    }

    /// After how long each copy of a packet arrives.
    pub fn carry(&self, gateway: usize, anchor: usize, chance: &mut Chance) -> Vec<Duration> {
        if self.partitions.contains(&(gateway, anchor)) || chance.per_mille(self.weather.loss) {
            return Vec::new();
        }
        let copies = 1 + usize::from(chance.per_mille(self.weather.duplication));
        let Weather { delay, jitter, .. } = self.weather;
        (0..copies).map(|_| chance.millis(delay, delay + jitter)).collect()
    }

    /// Perhaps changes an octet of a message.
    pub fn corrupt(&self, bytes: &mut [u8], chance: &mut Chance) {
        if !bytes.is_empty() && chance.per_mille(self.weather.corruption) {
            let at = chance.index(bytes.len());
            bytes[at] ^= 1 << chance.between(0, 7);
        }
    }
}

impl Default for Network {
    fn default() -> Self {
        Self::new()
    }
}
