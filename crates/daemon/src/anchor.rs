//! The anchor in its shell: the machine, its sockets, its data plane, its routes.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use kedge_dataplane::BindingCounters;
use kedge_lma::{Event, Lma, Load, Output, Settings, What};
use kedge_model::{BindingId, SignalPath};
use kedge_net::NetError;
use kedge_net::signalling::{Batch, PORT};
use kedge_sansio::Now;
use kedge_telemetry::Group;
use tracing::{debug, info, warn};

use crate::counters::{Baseline, tunnel_groups};
use crate::forwarding::Plane;
use crate::signalling::Signalling;

/// A running anchor.
pub struct Anchor {
    lma: Lma,
    signalling: Signalling,
    plane: Plane,
    baseline: Baseline,
}

impl Anchor {
    /// An anchor that is ready to be asked.
    pub fn new(settings: Settings, seed: u64, signalling: Signalling, plane: Plane) -> Self {
        let baseline = Baseline::default();
        Self { lma: Lma::new(settings, seed), signalling, plane, baseline }
    }

    /// Tells the configured gateways that sessions of an earlier run are lost (RFC 5847 §3.2), if
    /// heartbeats are on and there was one.
    pub fn announce_restart(&mut self, addresses: &[IpAddr]) {
        let settings = self.lma.settings();
        if settings.heartbeat.is_none() || settings.restart_counter <= 1 {
            return;
        }
        let mut paths = Vec::new();
        for (transport, peer) in
            settings.peers.iter().flat_map(|p| p.addresses.iter().map(|a| (p.transport, *a)))
        {
            let port = if peer.is_ipv4() { PORT } else { 0 };
            if let Some(local) = addresses.iter().find(|a| a.is_ipv4() == peer.is_ipv4()) {
                let (local, peer) = (SocketAddr::new(*local, port), SocketAddr::new(peer, port));
                paths.push(SignalPath { transport, local, peer });
            }
        }
        self.lma.announce_restart(paths);
        self.settle();
    }

    /// The machine, to look at.
    pub fn lma(&self) -> &Lma {
        &self.lma
    }

    /// The machine, for a command; [`Self::settle`] must follow.
    pub fn lma_mut(&mut self) -> &mut Lma {
        &mut self.lma
    }

    /// What a binding's packets added up to.
    pub fn traffic(&self, binding: BindingId) -> Option<BindingCounters> {
        self.plane.counters(binding)
    }

    /// The counters since they were cleared, in the order of the vendor document: those of the
    /// tunnels stand before the disconnects.
    pub fn statistics(&self) -> Vec<Group> {
        self.baseline.since(self.counted())
    }

    /// For how long the counters have counted; `None` since the start.
    pub fn counted_for(&self, now: Now) -> Option<Duration> {
        self.baseline.age(now)
    }

    /// Starts all counters again from zero.
    pub fn clear_statistics(&mut self, now: Now) {
        self.baseline.clear(self.counted(), now);
        self.lma.clear_peer_counters();
    }

    /// How many signalling messages were lost because they were not read in time.
    pub fn overruns(&self) -> u64 {
        self.signalling.overruns()
    }

    /// How many changes of the forwarding were refused by the host.
    pub fn forwarding_failures(&self) -> u64 {
        self.plane.failures()
    }

    fn counted(&self) -> Vec<Group> {
        let mut groups = self.lma.statistics();
        let place = groups.iter().position(|group| group.key == "disconnects");
        let place = place.unwrap_or(groups.len());
        groups.splice(place..place, tunnel_groups(&self.plane.totals()));
        groups
    }

    /// Reads one batch from the socket in this place, and answers it.
    pub fn receive(&mut self, place: usize, batch: &mut Batch, now: Now) -> Result<(), NetError> {
        self.signalling.receive(place, batch)?;
        // A batch that is not full has emptied the socket.
        let load = match batch.is_full() {
            true => self
                .signalling
                .backlog(place)
                .map(|(waiting, room)| Load::of_queue(waiting, room))?,
            false => Load::Normal,
        };
        self.lma.set_load(load);
        self.lma.look_ahead(batch.datagrams());
        for datagram in batch.datagrams() {
            if let Err(rejection) = self.lma.handle_datagram(datagram, now) {
                debug!(peer = %datagram.path.peer.ip(), "update refused: {rejection}");
            }
        }
        self.settle();
        Ok(())
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Now) {
        self.lma.handle_timeout(now);
        self.settle();
    }

    /// When [`Self::handle_timeout`] is to be called.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        self.lma.poll_timeout()
    }

    /// Does what the machine asks for. Forwarding comes before the acknowledgements: the first
    /// packet of a node finds its tunnel.
    pub fn settle(&mut self) {
        while let Some(output) = self.lma.poll_output() {
            match output {
                Output::Send { path, dscp, bytes } => self.signalling.queue(path, dscp, bytes),
                Output::Forward { binding, want } => self.plane.want(binding, want),
                Output::Event(event) => {
                    if let What::Released { binding, .. } = event.what {
                        self.plane.forget(binding);
                    }
                    log(&event);
                }
            }
        }
        self.plane.commit();
        let lma = &mut self.lma;
        if self.plane.has_stopped() {
            lma.handle_forwarding_stopped();
        }
        self.signalling.send(|message, outcome| match outcome {
            Ok(()) => lma.reclaim(message.bytes),
            Err(error) => {
                debug!(peer = %message.path.peer, "a message could not be sent: {error}");
                lma.handle_send_error(message.bytes);
            }
        });
    }
}

fn log(event: &Event) {
    let mn_id = &event.mn_id;
    match &event.what {
        What::Bound { care_of, addresses, .. } => {
            let addresses: Vec<String> = addresses.routed().map(|net| net.to_string()).collect();
            info!(%mn_id, %care_of, addresses = addresses.join(","), "bound");
        }
        What::HandedOver { from, to, .. } => info!(%mn_id, %from, %to, "handed over"),
        What::Readdressed { addresses, .. } => {
            let addresses: Vec<String> = addresses.routed().map(|net| net.to_string()).collect();
            info!(%mn_id, addresses = addresses.join(","), "addresses changed");
        }
        What::Delegated { prefixes, .. } => {
            let prefixes: Vec<String> = prefixes.iter().map(ToString::to_string).collect();
            info!(%mn_id, prefixes = prefixes.join(","), "mobile networks changed");
        }
        What::Deregistered { .. } => info!(%mn_id, "de-registered by its gateway"),
        What::Resumed { .. } => info!(%mn_id, "served again"),
        What::Released { reason, .. } => info!(%mn_id, ?reason, "released"),
        What::RevocationFailed { peer, status: Some(status) } => {
            info!(%mn_id, %peer, "revocation refused: {status}");
        }
        What::RevocationFailed { peer, status: None } => {
            info!(%mn_id, %peer, "revocation not acknowledged");
        }
        What::PeerDown { peer } => warn!(%peer, "gateway does not answer"),
        What::PeerUp { peer } => info!(%peer, "gateway answers again"),
        What::PeerRestarted { peer } => warn!(%peer, "gateway has restarted"),
        What::PeerWithoutHeartbeat { peer } => info!(%peer, "gateway knows no heartbeats"),
        What::Denied { peer, denial } => debug!(%mn_id, %peer, "update denied: {denial}"),
    }
}
