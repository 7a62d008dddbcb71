//! The data plane between real hosts, in network namespaces of its own. Needs root.

mod encapsulations;
mod lab;
mod outer_headers;
mod refusals;
mod worlds;
