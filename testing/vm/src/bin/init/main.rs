//! The only program of the emulated machine: process 1 of a stock kernel.
//!
//! It makes the machine usable ([`boot`]), draws a row of network namespaces in which our data
//! plane has a tunnel with a device of the kernel ([`row`]), and tries one encapsulation after
//! the other ([`scenarios`]), first by itself and then as `kedged` grants it ([`granted`]); then it
//! runs `kedged` in VRF devices ([`customers`]). It reports on the second serial port and turns the
//! machine off.

mod boot;
mod counters;
mod customers;
mod granted;
mod probe;
mod row;
mod scenarios;
mod transfer;
mod tunnel;
mod vrfs;

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::{Context, Result, anyhow};
use kedge_vm::machine::REPORT_PORT;
use kedge_vm::report::Line;
use row::Row;

fn main() {
    // What goes wrong here is on the console, and the report is not complete.
    if let Err(error) = run() {
        eprintln!("kedge-vm-init: {error:#}");
    }
    if let Err(error) = boot::power_off() {
        eprintln!("kedge-vm-init: turning the machine off: {error:#}");
    }
}

fn run() -> Result<()> {
    boot::mount()?;
    let port = OpenOptions::new().write(true).open(REPORT_PORT);
    let mut port = port.context(REPORT_PORT)?;
    let modules = boot::load_modules()?;
    say(&mut port, &Line::Note(format!("Linux {}, {modules} modules", boot::release()?)))?;
    let row = Row::draw()?;
    for (name, scenario) in scenarios::all() {
        let outcome = catch_unwind(AssertUnwindSafe(|| scenario(&row)));
        let outcome = outcome.unwrap_or_else(|panic| Err(anyhow!("{}", words(&*panic))));
        say(
            &mut port,
            &match outcome {
                Ok(()) => Line::Pass(name.to_owned()),
                Err(error) => Line::Fail(name.to_owned(), format!("{error:#}")),
            },
        )?;
    }
    say(&mut port, &Line::Done)
}

fn say(port: &mut File, line: &Line) -> Result<()> {
    writeln!(port, "{line}").context(REPORT_PORT)
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("panicked without words").to_owned()
}
