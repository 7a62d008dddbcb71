//! `kedged` and `kedge` under bad conditions, on the real kernel: what a stranger types wrong,
//! what a host lacks, what peers do that no RFC allows, and what is left when it ends.
//!
//! The drawings are those of [`kedge_lab::domain`]; where one host is enough, its addresses are
//! on its loopback. Every test names the fact that it shows.

mod access;
mod anchors;
mod api;
mod capacity;
mod commits;
mod configuration;
mod interfaces;
mod local;
mod logs;
mod many;
mod operators;
mod packets;
mod refusals;
mod second;
mod secrets;
mod sessions;
mod signalling;
mod stage;
mod stopping;
mod strangers;
mod transport;
mod watching;
mod worlds;
