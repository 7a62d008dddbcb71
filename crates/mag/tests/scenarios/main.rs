//! Scenarios of the gateway against a scripted anchor and hand-made frames, in virtual time.

mod access_counters;
mod access_link;
mod anchors;
mod any_order;
mod branch;
mod control;
mod counters;
mod delegation;
mod departure;
mod dhcp;
mod dscp;
mod every_counter;
mod heartbeat;
mod identity;
mod indication;
mod node_keys;
mod pace;
mod parameters;
mod registration;
mod rejection;
mod service;
mod statuses;
mod tally;
mod translator;
mod world;
