//! The emulated machine: started, listened to, ended.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::report::{Line, Report};

/// The serial port in the machine on which the scenarios report.
pub const REPORT_PORT: &str = "/dev/ttyS1";

/// What a run leaves behind.
#[derive(Debug)]
pub struct Run {
    /// What the scenarios came to.
    pub report: Report,
    /// Where the kernel's console was written to.
    pub console: PathBuf,
    /// How long the machine ran.
    pub took: Duration,
}

/// Boots `kernel` with `initramfs` and listens until the machine ends by itself. One that does
/// not end within `limit` is ended, and the report says so by being incomplete.
pub fn boot(kernel: &Path, initramfs: &Path, folder: &Path, limit: Duration) -> Result<Run> {
    let console = folder.join("console.log");
    // A console of an earlier run must not be taken for this one's.
    let _ = fs::remove_file(&console);
    let start = Instant::now();
    let mut qemu = Machine::start(kernel, initramfs, &console)?;
    let output = qemu.0.stdout.take().context("QEMU has no standard output")?;
    let (said, heard) = channel();
    let listener = std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if said.send(line).is_err() {
                break;
            }
        }
    });
    let mut report = Report::default();
    loop {
        match heard.recv_timeout(limit.saturating_sub(start.elapsed())) {
            Ok(line) => match Line::parse(&line) {
                Some(line) => {
                    eprintln!("[{:5.1} s] {line}", start.elapsed().as_secs_f64());
                    report.add(line);
                }
                None => bail!("the machine says {line:?}, which is no line of a report"),
            },
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                report.notes.push(format!("the machine was ended after {limit:?}"));
                break;
            }
        }
    }
    drop(qemu);
    let _ = listener.join();
    Ok(Run { report, console, took: start.elapsed() })
}

/// QEMU, ended when dropped.
struct Machine(Child);

impl Machine {
    fn start(kernel: &Path, initramfs: &Path, console: &Path) -> Result<Self> {
        let mut qemu = Command::new("qemu-system-x86_64");
        // Emulation, not hardware virtualisation: it is there on every host and always the same.
        // A panic reboots at once, and a reboot ends the machine.
        // On one thread: with several, a processor may go on for ever with a breakpoint that the
        // kernel, which patches itself, has replaced meanwhile (seen with QEMU 7.2: a soft lockup at
        // one address until the end of the run).
        qemu.args(["-accel", "tcg,thread=single", "-cpu", "qemu64,+rdrand"])
            .args(["-smp", "2", "-m", "768", "-nodefaults", "-no-user-config", "-no-reboot"])
            .args(["-display", "none"])
            .arg("-kernel")
            .arg(kernel)
            .arg("-initrd")
            .arg(initramfs)
            .args(["-append", "console=ttyS0 panic=-1 oops=panic"])
            .arg("-serial")
            .arg(format!("file:{}", console.display()))
            .args(["-serial", "stdio"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let child = qemu.spawn();
        Ok(Self(child.context("starting qemu-system-x86_64: run packaging/setup.sh")?))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // It has usually ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
