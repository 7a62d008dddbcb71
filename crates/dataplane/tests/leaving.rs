//! An address or an inner world that goes takes exactly the bindings with it that have a path from
//! there, whatever came, moved and went before.

use std::net::{IpAddr, Ipv4Addr};

use kedge_dataplane::{Local, Side, Tables};
use kedge_model::{BindingId, Encapsulation, Forwarding, Ipv4Net, Path, Tunnel, VrfId};
use kedge_sansio::Rng;

const TRANSPORT: VrfId = VrfId(100);
const WORLDS: u32 = 4;
const LOCALS: u32 = 5;
const BINDINGS: u32 = 60;

fn local(number: u32) -> IpAddr {
    Ipv4Addr::from_bits(0xc000_0200 + number).into()
}

/// A binding's own address, in whatever world it is.
fn node(binding: u32) -> IpAddr {
    Ipv4Addr::from_bits(0x0a00_0000 + binding).into()
}

fn want(binding: u32, world: u32, locals: &[u32]) -> Forwarding {
    let path = |number: &u32| Path {
        tunnel: Tunnel {
            transport: TRANSPORT,
            local: local(*number),
            peer: ip("198.51.100.1"),
            encapsulation: Encapsulation::IpInIp,
            mtu: 1480,
        },
        weight: 1,
    };
    let IpAddr::V4(address) = node(binding) else { unreachable!("nodes have IPv4 addresses") };
    let inner = vec![Ipv4Net::from(address).into()];
    Forwarding { vrf: VrfId(world), inner, paths: locals.iter().map(path).collect() }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn tables() -> Tables {
    let mut tables = Tables::new(Side::Anchor);
    for world in 0..WORLDS {
        tables.add_device(VrfId(world)).unwrap();
    }
    (0..LOCALS).for_each(|number| add_local(&mut tables, number));
    tables
}

fn add_local(tables: &mut Tables, number: u32) {
    let address = local(number);
    let local = Local { vrf: TRANSPORT, address, udp_port: 5437, signalling_port: None };
    tables.add_local(local).unwrap();
}

#[test]
fn what_goes_takes_those_who_have_a_path_from_there_and_nobody_else() {
    let mut rng = Rng::new(3);
    let mut tables = tables();
    // By binding: its world, and the locals of its paths, the same one twice, too.
    let mut all: Vec<Option<(u32, Vec<u32>)>> = vec![None; BINDINGS as usize];
    for step in 0..5_000 {
        let binding = rng.below(BINDINGS);
        match rng.below(20) {
            0 => {
                let gone = rng.below(LOCALS);
                tables.remove_local(TRANSPORT, local(gone)).unwrap();
                for held in &mut all {
                    held.take_if(|(_, locals)| locals.contains(&gone));
                }
                add_local(&mut tables, gone);
            }
            1 => {
                let gone = rng.below(WORLDS);
                tables.remove_device(VrfId(gone)).unwrap();
                for held in &mut all {
                    held.take_if(|(world, _)| *world == gone);
                }
                tables.add_device(VrfId(gone)).unwrap();
            }
            2..6 => {
                tables.unbind(BindingId(binding.into()));
                all[binding as usize] = None;
            }
            _ => {
                let world = rng.below(WORLDS);
                let locals: Vec<u32> = (0..=rng.below(3)).map(|_| rng.below(LOCALS)).collect();
                let forwarding = want(binding, world, &locals);
                tables.bind(BindingId(binding.into()), &forwarding, binding).unwrap();
                all[binding as usize] = Some((world, locals));
            }
        }
        for (binding, held) in (0..).zip(&all) {
            let found = (0..WORLDS).filter(|w| tables.find(VrfId(*w), node(binding)).is_some());
            let expected = held.iter().map(|(world, _)| *world);
            assert!(found.eq(expected), "step {step}, binding {binding}");
        }
    }
}
