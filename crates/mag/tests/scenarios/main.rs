//! Scenarios of the gateway against a scripted anchor and hand-made frames, in virtual time.

mod access_link;
mod any_order;
mod control;
mod delegation;
mod departure;
mod dhcp;
mod heartbeat;
mod registration;
mod rejection;
mod world;
