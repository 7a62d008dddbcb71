//! What the devices of inner routing worlds are called.
//!
//! A network namespace has device names of its own, so there the device has its usual one. The
//! devices of VRF devices are all in the daemon's namespace: the name of each is made of that of
//! its VRF device, which is unique there, and is the same after a restart.

use kedge_dataplane::Side;
use kedge_model::World;

/// The anchor's device, where subscribers' packets enter the tunnels.
pub const ANCHOR: &str = "kedge-lma";
/// The gateway's device, where its nodes' packets enter the tunnels.
pub const GATEWAY: &str = "kedge-mag";

/// The longest name that the kernel takes, in octets.
const LONGEST: usize = 15;

/// The name of the device in a world, other than names that are taken.
pub fn name(side: Side, world: &World, is_taken: impl Fn(&str) -> bool) -> String {
    let (usual, stem) = match side {
        Side::Anchor => (ANCHOR, "kedgel-"),
        Side::Gateway => (GATEWAY, "kedgem-"),
    };
    let World::Device(vrf) = world else { return usual.to_owned() };
    let whole = format!("{stem}{vrf}");
    let is_free = |name: &String| name.len() <= LONGEST && !is_taken(name);
    if is_free(&whole) {
        return whole;
    }
    // The start tells a reader which one it is, and the sum tells those of one start apart.
    let mut start = stem.to_owned();
    for letter in vrf.chars().take_while(|letter| letter.is_ascii()).take(4) {
        start.push(letter);
    }
    let mut cut = (0..1 << 16).map(|attempt| format!("{start}{:04x}", sum(vrf, attempt)));
    cut.find(is_free).unwrap_or(whole)
}

/// The FNV-1a hash of a name, folded.
fn sum(name: &str, attempt: u32) -> u16 {
    let start = 0x811c_9dc5_u32.wrapping_add(attempt);
    let step = |sum: u32, octet: u8| (sum ^ u32::from(octet)).wrapping_mul(0x0100_0193);
    let sum = name.bytes().fold(start, step);
    (sum >> 16 ^ sum) as u16
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn of_vrf(vrf: &str) -> String {
        name(Side::Anchor, &World::Device(vrf.to_owned()), |_| false)
    }

    #[test]
    fn a_namespace_has_the_usual_name_and_a_vrf_device_one_of_its_own() {
        for world in [World::Own, World::Namespace("red".to_owned())] {
            assert_eq!(name(Side::Anchor, &world, |_| false), "kedge-lma");
            assert_eq!(name(Side::Gateway, &world, |_| false), "kedge-mag");
        }
        assert_eq!(of_vrf("red"), "kedgel-red");
        let red = World::Device("red".to_owned());
        assert_eq!(name(Side::Gateway, &red, |_| false), "kedgem-red");
    }

    #[test]
    fn long_names_are_cut_to_what_the_kernel_takes_and_stay_the_same() {
        assert_eq!(of_vrf("customer"), "kedgel-customer");
        let cut = of_vrf("customer-blue-9");
        assert!(cut.starts_with("kedgel-cust") && cut.len() == 15, "{cut}");
        assert_eq!(of_vrf("customer-blue-9"), cut);
        assert!(of_vrf("größenordnung").len() <= 15);
    }

    #[test]
    fn thousands_of_names_with_one_start_are_all_different() {
        let mut taken = BTreeSet::new();
        for number in 0..5_000 {
            let world = World::Device(format!("customer-{number:06}"));
            let name = name(Side::Anchor, &world, |name| taken.contains(name));
            assert!(name.len() <= LONGEST && taken.insert(name));
        }
    }
}
