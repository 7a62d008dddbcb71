//! From the configuration to what the machines are told.
//!
//! The machines do not know the language and the language does not know the machines; this is
//! the one place that knows both.

mod anchor;
mod branch;
#[cfg(test)]
mod consumed;
mod customers;
mod error;
mod gateway;
mod known;
mod management;
mod networks;
mod plan;
mod radius;
mod routes;
mod terms;
#[cfg(test)]
mod tests;
mod tunnels;
mod world;

pub use anchor::AnchorPlan;
pub use branch::{BranchPlan, FixedLinkPlan, NetworkPlan, has_family};
#[cfg(test)]
pub use error::ApplyError;
pub use error::Unfit;
pub use gateway::{GatewayPlan, profile as node_profile};
pub use management::management;
pub use plan::{Plan, plan};
pub use routes::RoutePlan;
