//! Our data plane against the stock kernel's own tunnel devices, in an emulated machine.
//!
//! The machine is booted once and runs every scenario; each test here is the result of one.

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;
use std::{env, fs};

use anyhow::Result;
use kedge_vm::image::initramfs;
use kedge_vm::kernel::Kernel;
use kedge_vm::machine::{Run, boot};

/// The longest a run may take.
const LIMIT: Duration = Duration::from_secs(1800);

static RUN: LazyLock<Result<Run>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/vm");
    fs::create_dir_all(&folder)?;
    let kernel = Kernel::provide(&folder)?;
    let image = folder.join("initramfs");
    fs::write(&image, initramfs(&kernel, Path::new(env!("CARGO_BIN_EXE_kedge-vm-init")))?)?;
    boot(&kernel.image()?, &image, &folder, LIMIT)
});

macro_rules! scenarios {
    ($($scenario:ident)+) => {
        const SCENARIOS: &[&str] = &[$(stringify!($scenario)),+];
        $(#[test] fn $scenario() { holds(stringify!($scenario)); })+
    };
}

scenarios! {
    gre_over_ipv4
    gre_with_keys_over_ipv4
    gre_with_keys_checksums_and_sequence_numbers_over_ipv4
    ip_in_ip_over_ipv4
    ip_in_ip_over_ipv4_with_one_device
    ipv4_in_udp_over_ipv4
    ipv6_in_udp_over_ipv4
    gre_over_ipv6
    gre_with_keys_over_ipv6
    gre_with_keys_and_encapsulation_limit_over_ipv6
    ip_in_ip_over_ipv6
    ip_in_ip_with_encapsulation_limit_over_ipv6
    ipv4_in_udp_over_ipv6
    ipv6_in_udp_over_ipv6
    kedged_grants_gre_over_ipv4
    kedged_grants_gre_with_keys_over_ipv4
    kedged_grants_ip_in_ip_over_ipv4
    kedged_grants_ipv4_in_udp_over_ipv4
    kedged_grants_ipv6_in_udp_over_ipv4
    kedged_grants_gre_over_ipv6
    kedged_grants_gre_with_keys_over_ipv6
    kedged_grants_ip_in_ip_over_ipv6
    kedged_grants_ipv4_in_udp_over_ipv6
    kedged_grants_ipv6_in_udp_over_ipv6
    a_wrong_mobility_header_is_answered_by_one_parameter_problem
    wrong_gre_keys_are_refused_over_ipv4
    wrong_gre_keys_are_refused_over_ipv6
    a_vrf_device_has_routes_of_its_own
    vrf_devices_with_the_same_addresses_are_kept_apart
    vrf_devices_come_and_go_while_others_are_served
    customers_in_vrf_devices_have_the_same_addresses_and_come_and_go_in_service
    routers_in_vrf_devices_bring_networks_that_nobody_has_planned
    what_kedged_made_for_vrf_devices_goes_with_it_and_after_a_crash
}

#[test]
fn the_machine_came_to_its_end_and_every_scenario_it_ran_is_asserted_here() {
    let run = run();
    let complete = run.report.complete;
    assert!(complete, "{:?}; its console ends:\n{}", run.report.notes, console(run));
    let ran: Vec<_> = run.report.results.keys().map(String::as_str).collect();
    let mut asserted = SCENARIOS.to_vec();
    asserted.sort_unstable();
    assert_eq!(ran, asserted);
}

fn holds(scenario: &str) {
    let run = run();
    match run.report.results.get(scenario) {
        Some(Ok(())) => {}
        Some(Err(why)) => panic!("{why}"),
        None => panic!("it was not run; the machine's console ends:\n{}", console(run)),
    }
}

fn run() -> &'static Run {
    RUN.as_ref().unwrap_or_else(|error| panic!("{error:#}"))
}

/// The last lines of the kernel's console.
fn console(run: &Run) -> String {
    let log = fs::read(&run.console).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}
