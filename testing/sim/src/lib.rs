//! Whole domains in one process and in virtual time: anchors, gateways, hundreds of mobile nodes,
//! a network that loses, repeats, delays, reorders and corrupts, clocks that are wrong, stations
//! that restart, operators that clear.
//!
//! ```text
//!   hosts                 gateways                       anchors
//!   ┌──────┐  frames   ┌──────┬───────┐  messages    ┌──────┬───────┐
//!   │ host ├───────────┤ Mag  │       ├── network ───┤ Lma  │       │
//!   └──────┘ ┌─ link ──┤      ├─Plane ├── network ───┤      ├─Plane ├──┐
//!   ┌──────┐ │         └──────┴───────┘ outer packets└──────┴───────┘  │
//!   │ host ├─┘            Forward ▲                     Forward ▲      │
//!   └──────┘                                        correspondent ◄────┘
//!            ▲ frames, messages, timers: one agenda, one step each
//!   faults ──┘                          oracle: looks after every step
//! ```
//!
//! A run belongs to its seed: the same seed is the same run, step by step. It alternates storms,
//! in which everything goes wrong, and calms, in which the domain has to come to rest with every
//! node served; in the end all nodes leave and nothing may be left of them.
//!
//! | file | what is in it |
//! |---|---|
//! | `clock`, `chance` | virtual time and the agenda; the dice |
//! | `plan` | the kind of domain that a seed stands for |
//! | `host` | a mobile node: Ethernet frames, Neighbor Discovery, DHCP, packets |
//! | `station`, `plane` | a machine with its data plane |
//! | `network` | loss, duplication, corruption, delay, partition |
//! | `translator` | what is between it and some gateways |
//! | `world` | the next event, and what comes of it |
//! | `faults` | storms |
//! | `oracle` | what must hold: always, at rest, in the end |
//! | `trail` | the last events, printed with the seed when something does not hold |

mod chance;
mod clock;
mod faults;
mod host;
mod network;
pub mod oracle;
mod packet;
mod plan;
mod plane;
mod station;
mod trail;
mod translator;
mod world;

use std::time::Duration;

use world::World;

/// What a run amounted to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Report {
    /// Events that happened.
    pub steps: u64,
    /// Virtual time.
    pub time: Duration,
    /// Packets that nodes sent.
    pub sent: u64,
    /// Of them answered, as far as the nodes know.
    pub answered: u64,
}

/// The longest a storm lasts, in seconds.
const STORM: u32 = 120;

/// Runs the domain of a seed. Panics, after printing what happened last, when something does not
/// hold.
pub fn run(seed: u64) -> Report {
    let mut world = World::new(seed);
    for _ in 0..world.chance.between(1, 3) {
        let time = world.chance.between(10, STORM);
        world.pinging = Some(world.chance.pick(&[1_000, 5_000, 20_000]));
        faults::storm(&mut world, Duration::from_secs(time.into()));
        faults::calm(&mut world);
        faults::amnesty(&mut world);
        world.pinging = Some(10_000);
        oracle::await_rest(&mut world);
    }
    faults::exodus(&mut world);
    oracle::await_end(&mut world);
    Report {
        steps: world.trail.step,
        time: world.clock.elapsed(),
        sent: world.memory.sent,
        answered: world.memory.answered,
    }
}
