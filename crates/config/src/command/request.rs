//! What can be asked for.

use std::net::IpAddr;

use crate::pipe::Pipe;

/// A command and what is done with its answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// What is asked for.
    pub command: Command,
    /// What is done with the answer, in this order.
    pub pipes: Vec<Pipe>,
}

/// What can be asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// `show running-config [SECTION]`
    ShowRunningConfig {
        /// The first words of the commands that are wanted, with all that is in their blocks;
        /// none for all.
        section: Vec<String>,
    },
    /// `show version`
    ShowVersion,
    /// `show management-api`
    ShowManagementApi,
    /// `show radius [customer NAME]`
    ShowRadius {
        /// What one customer asks of the servers only.
        customer: Option<String>,
    },
    /// `show radius accounting [customer NAME]`
    ShowRadiusAccounting {
        /// One customer's only.
        customer: Option<String>,
    },
    /// `show radius dead-criteria`
    ShowRadiusDeadCriteria,
    /// `clear radius statistics [customer NAME]`
    ClearRadiusStatistics {
        /// What became of one customer's records only.
        customer: Option<String>,
    },
    /// `show ipv6 mobile pmipv6 lma bindings [customer NAME] [nai NAI | imsi IMSI | mag
    /// ID] [detail] [from N]`, `show lma-service session …`
    ShowLmaBindings {
        /// One customer's only.
        customer: Option<String>,
        /// Which of them.
        filter: BindingFilter,
        /// How much of them.
        extent: Extent,
    },
    /// `show ipv6 mobile pmipv6 lma globals [customer NAME]`, `show lma-service all`
    ShowLmaGlobals {
        /// One customer's only.
        customer: Option<String>,
    },
    /// `show ipv6 mobile pmipv6 lma heartbeats [customer NAME]`
    ShowLmaHeartbeats {
        /// One customer's only.
        customer: Option<String>,
    },
    /// `show ipv6 mobile pmipv6 lma tunnels [customer NAME]`
    ShowLmaTunnels {
        /// One customer's only.
        customer: Option<String>,
    },
    /// `show ipv6 mobile pmipv6 lma statistics mag ID [customer NAME]`
    ShowLmaPeerStatistics {
        /// The gateway, by its name or an address.
        mag: String,
        /// At one customer only.
        customer: Option<String>,
    },
    /// `show ipv6 mobile pmipv6 lma statistics license [customer NAME]`
    ShowLmaLicense {
        /// With one customer's part.
        customer: Option<String>,
    },
    /// `show ipv6 mobile pmipv6 mag bindings [nai NAI] [detail] [from N]`
    ShowMagBindings {
        /// One subscriber only.
        nai: Option<String>,
        /// How much of them.
        extent: Extent,
    },
    /// `show ipv6 mobile pmipv6 mag logical-mn [nai NAI]`
    ShowMagLogicalMn {
        /// One node only.
        nai: Option<String>,
    },
    /// `show ipv6 mobile pmipv6 {lma | mag} events [customer NAME] [last N]` and `… trace nai NAI
    /// [customer NAME] [last N]`; customers are the anchor's.
    ShowEvents {
        /// Whose events.
        role: Role,
        /// One customer's only.
        customer: Option<String>,
        /// One subscriber's only.
        nai: Option<String>,
        /// At most so many.
        last: Option<usize>,
    },
    /// `monitor {bindings | events} [lma | mag] [customer NAME] [nai NAI] [since N]`: what has
    /// happened since; the terminal asks again and again.
    Monitor {
        /// Whose events; `None` if there is one role.
        role: Option<Role>,
        /// One customer's only.
        customer: Option<String>,
        /// Only what became of bindings.
        bindings: bool,
        /// One subscriber's only.
        nai: Option<String>,
        /// Those behind this number; without one, there are none yet.
        since: Option<u64>,
    },
    /// `[no] debug ipv6 mobile pmipv6 {lma | mag} {nai NAI | peer ADDRESS}`, of an anchor also
    /// `… lma customer NAME [nai NAI | peer ADDRESS]`
    Debug {
        /// Of which role.
        role: Role,
        /// At one customer only.
        customer: Option<String>,
        /// Of whom; `None` is all of a customer.
        target: Option<DebugTarget>,
        /// It begins, or ends.
        on: bool,
    },
    /// `undebug all`
    UndebugAll,
    /// `show debug`
    ShowDebug,
    /// `capture start [customer NAME] [nai NAI | peer ADDRESS] [file NAME] [limit N]`
    CaptureStart {
        /// At one customer of the anchor only.
        customer: Option<String>,
        /// Of whom; `None` is everybody.
        target: Option<DebugTarget>,
        /// Into which file.
        file: Option<String>,
        /// At most so many packets.
        limit: Option<u64>,
    },
    /// `capture stop`
    CaptureStop,
    /// `show capture`
    ShowCapture,
    /// `show tech-support`
    ShowTechSupport,
    /// A command of the routers that is known and not carried out, and why not.
    Unsupported(&'static str),
    /// `show ipv6 mobile pmipv6 mag globals`
    ShowMagGlobals,
    /// `show ipv6 mobile pmipv6 mag heartbeats`
    ShowMagHeartbeats,
    /// `show ipv6 mobile pmipv6 mag tunnels`
    ShowMagTunnels,
    /// `show lma-service statistics [name NAME] [customer NAME]`, `show ipv6 mobile pmipv6 lma
    /// statistics [global | customer NAME]`
    ShowLmaStatistics {
        /// The service, which must be this daemon's.
        name: Option<String>,
        /// One customer's only.
        customer: Option<String>,
    },
    /// `show mag-service statistics [name NAME]`, `show ipv6 mobile pmipv6 mag statistics`
    ShowMagStatistics {
        /// The service, which must be this daemon's.
        name: Option<String>,
    },
    /// `clear ipv6 mobile pmipv6 lma bindings {all | [customer NAME] [nai NAI | imsi IMSI | mag
    /// ID]}`
    ClearLmaBindings {
        /// One customer's only.
        customer: Option<String>,
        /// Which of them.
        filter: BindingFilter,
    },
    /// `clear ipv6 mobile pmipv6 mag bindings {all | nai NAI}`
    ClearMagBindings {
        /// One subscriber's only.
        nai: Option<String>,
    },
    /// `clear lma-service statistics [name NAME] [customer NAME]`, `clear ipv6 mobile pmipv6 lma
    /// statistics [customer NAME]`
    ClearLmaStatistics {
        /// The service, which must be this daemon's.
        name: Option<String>,
        /// One customer's only.
        customer: Option<String>,
    },
    /// `clear mag-service statistics [name NAME]`, `clear ipv6 mobile pmipv6 mag statistics`
    ClearMagStatistics {
        /// The service, which must be this daemon's.
        name: Option<String>,
    },
}

/// One of the two things that a daemon can be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// The anchor.
    Lma,
    /// The gateway.
    Mag,
}

/// Whose messages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DebugTarget {
    /// Those that name a subscriber.
    Nai(String),
    /// Those from and to an address.
    Peer(IpAddr),
}

/// How much is shown of bindings.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Extent {
    /// All there is to say of each, not a line.
    pub detail: bool,
    /// From which one on, counted from 1.
    pub from: Option<usize>,
}

/// Which bindings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BindingFilter {
    /// Every one.
    All,
    /// One subscriber's, or a realm's: `@example.com`.
    Nai(String),
    /// One subscriber's, by the IMSI that its identifier is made of.
    Imsi(String),
    /// One gateway's, by its name or an address.
    Mag(String),
}
