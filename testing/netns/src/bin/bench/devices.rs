//! What the kernel alone takes for the devices of so many customers: a TUN device made and brought
//! up in each of as many namespaces, and all of them closed.
#![expect(unsafe_code, reason = "a TUN device is made by an ioctl")]

use std::{
    fs::{File, OpenOptions},
    io,
    os::{fd::AsRawFd, unix::fs::OpenOptionsExt},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use kedge_lab::{Host, Lab};
use nix::libc;

use crate::Outcome;

const TUNSETIFF: libc::c_ulong = 0x4004_54ca;

/// How many are closed one after the other; the rest of the time is theirs in proportion.
const SERIAL: usize = 20;
/// How many threads close them otherwise.
const THREADS: usize = 64;

/// What it takes for so many.
pub struct Took {
    /// To make them and bring them up.
    pub made: Duration,
    /// To close them one after the other.
    pub closed: Duration,
    /// To close them on many threads.
    pub closed_together: Duration,
}

pub fn measure(size: usize) -> Outcome<Took> {
    let lab = Lab::new("kedge-devices")?;
    let worlds = lab.worlds("w", size)?;
    let (mut files, mut made) = (Vec::new(), Duration::ZERO);
    for world in &worlds {
        let (file, took) = make(world)?;
        files.push(file);
        made += took;
    }
    let count = size.min(SERIAL);
    let start = Instant::now();
    files.drain(..count).for_each(drop);
    let closed = start.elapsed() * u32::try_from(size)? / u32::try_from(count)?;
    for world in &worlds[..count] {
        files.push(make(world)?.0);
    }
    let (start, files) = (Instant::now(), Mutex::new(files));
    let next = || files.lock().ok().and_then(|mut files| files.pop());
    thread::scope(|scope| {
        for _ in 0..THREADS.min(size) {
            scope.spawn(|| while next().is_some() {});
        }
    });
    Ok(Took { made, closed, closed_together: start.elapsed() })
}

/// Makes a device of a world, and says how long the kernel took.
fn make(world: &Host) -> Outcome<(File, Duration)> {
    let made = world.inside(|| {
        let start = Instant::now();
        let mut tun = OpenOptions::new();
        let tun = tun.read(true).write(true).custom_flags(libc::O_NONBLOCK).open("/dev/net/tun")?;
        // SAFETY: all zeros is a valid ifreq: an empty name and the number 0.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        for (to, from) in request.ifr_name.iter_mut().zip(*b"bare0") {
            *to = from.cast_signed();
        }
        let flags = libc::IFF_TUN | libc::IFF_NO_PI | libc::IFF_VNET_HDR;
        request.ifr_ifru.ifru_flags = flags as libc::c_short;
        ioctl(&tun, TUNSETIFF, &mut request)?;
        let any = std::net::UdpSocket::bind("0.0.0.0:0")?;
        ioctl(&any, libc::SIOCGIFFLAGS, &mut request)?;
        // SAFETY: the kernel has just written the flags.
        unsafe { request.ifr_ifru.ifru_flags |= libc::IFF_UP as libc::c_short };
        ioctl(&any, libc::SIOCSIFFLAGS, &mut request)?;
        Ok((tun, start.elapsed()))
    });
    Ok(made?)
}

fn ioctl(file: &impl AsRawFd, which: libc::c_ulong, request: &mut libc::ifreq) -> io::Result<()> {
    // SAFETY: the kernel reads and writes one ifreq, which lives through the call.
    let done = unsafe { libc::ioctl(file.as_raw_fd(), which, request) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
