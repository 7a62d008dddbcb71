//! What the daemon's control side needs from the Linux kernel.
//!
//! One thread runs the control side: an epoll loop ([`poll`]) over signalling sockets
//! ([`signalling`]), access interfaces ([`access`]), kernel notifications and the daemon's own
//! descriptors. Changes to the kernel are blocking netlink requests, each answered before the
//! call returns ([`netlink`]); there is no async runtime (docs/decisions/net-one-epoll-loop.md).
//!
//! | module | what it is |
//! |---|---|
//! | [`poll`] | epoll, a waker for other threads, signals as events |
//! | [`signalling`] | one socket per local address for Mobility Headers, batched both ways |
//! | [`access`] | one packet socket per access interface |
//! | `nodes`, `filter`, `parts`, `bpf` | which frames of an access link are the daemon's, and which the kernel's |
//! | [`netlink`] | links, addresses, routes, rules, neighbours, guards; changes, dumps, notifications |
//! | [`namespace`] | running a closure inside a network namespace |
//! | [`place`] | routing worlds: namespaces and VRF devices, and opening things in them |
//! | [`hosts`] | a ledger for each namespace that the daemon works in |
//! | [`limits`] | how many files may be open |
//! | [`sysctl`] | entries below `/proc/sys/net`, per namespace |
//! | [`owned`] | the ledger of what was made in the kernel, to remove it again |
//! | [`privileges`] | giving up every capability that is not needed |
//! | [`memory`] | huge pages for large tables |
//!
//! Nothing here changes the calling thread's network namespace: a socket belongs for life to the
//! namespace in which it was opened, so all of these are opened inside
//! [`namespace::Namespace::within`] and used from the control thread.
//!
//! `unsafe` is confined to the modules that make system calls: [`poll`], [`signalling`],
//! [`access`], [`namespace`], [`limits`], [`memory`], `socket` and [`privileges`].

pub mod access;
mod before;
mod bpf;
mod error;
mod filter;
pub mod hosts;
pub mod limits;
pub mod memory;
pub mod namespace;
pub mod netlink;
mod nodes;
pub mod owned;
mod parts;
pub mod place;
pub mod poll;
pub mod privileges;
pub mod signalling;
mod sockaddr;
mod socket;
pub mod sysctl;
mod thing;

pub use error::NetError;
