//! How much of a bare UDP echo's rate the signalling sockets leave: `cargo bench -p kedge-net`.
//!
//! An echo server answers one client over loopback, in a namespace of its own, in two ways that
//! take turns: with `recvmmsg` and `sendmmsg` called bare, and through [`SignalSocket`]. The client
//! keeps 64 datagrams of 120 octets, an authenticated update's usual size, under way. Printed are
//! the echoes a second of each round and the processor time that the server spent on one, which
//! is the steadier figure where others use the machine, and the medians of the rounds' ratios.
#![expect(unsafe_code, reason = "the bare echo is what libc offers")]

#[path = "../tests/lab/mod.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod lab;

use std::mem;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use kedge_model::{VrfId, World};
use kedge_net::place::Place;
use kedge_net::signalling::{Batch, Outgoing, Sender, SignalSocket};
use lab::Lab;

const WINDOW: usize = 64;
const SIZE: usize = 120;
const ROUND: Duration = Duration::from_millis(700);
const ROUNDS: usize = 9;
const SERVER: &str = "127.0.0.1:5436";

/// What one round with one server gave.
struct Round {
    /// Echoes a second.
    rate: f64,
    /// Nanoseconds of processor time per echo.
    cost: f64,
}

fn main() {
    let lab = Lab::new();
    let (mut rates, mut costs) = (Vec::new(), Vec::new());
    println!("         echoes a second           ns of server time per echo");
    println!("    bare  signalling   ratio       bare  signalling   ratio");
    for _ in 0..ROUNDS {
        let bare = lab.within(|| round(bare_echo));
        let ours = lab.within(|| round(signalling_echo));
        let (rate, cost) = (ours.rate / bare.rate, bare.cost / ours.cost);
        println!(
            "{:>8.0} {:>11.0} {rate:>7.3} {:>10.0} {:>11.0} {cost:>7.3}",
            bare.rate, ours.rate, bare.cost, ours.cost
        );
        rates.push(rate);
        costs.push(cost);
    }
    println!("median ratio of rates {:.3}, of costs {:.3}", median(rates), median(costs));
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// What a client gets from `server`, which tells its echoes.
fn round(server: fn(&AtomicBool) -> usize) -> Round {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let server = scope.spawn(|| {
            let echoes = server(&stop);
            processor_time().as_nanos() as f64 / echoes as f64
        });
        let rate = client();
        stop.store(true, Ordering::Relaxed);
        Round { rate, cost: server.join().expect("the server returns when told to") }
    })
}

/// What the calling thread has used of a processor since it began.
fn processor_time() -> Duration {
    // SAFETY: all zeros are a time, and the call fills it in.
    let time = unsafe {
        let mut time: libc::timespec = mem::zeroed();
        libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time);
        time
    };
    Duration::new(time.tv_sec.cast_unsigned(), time.tv_nsec as u32)
}

fn client() -> f64 {
    let socket = UdpSocket::bind("127.0.0.2:0").expect("loopback is up");
    let mut mmsg = Mmsg::new();
    // The first datagrams may come before the server is there.
    socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a valid timeout");
    while socket.send_to(&[0; SIZE], SERVER).is_err() || socket.recv(&mut [0; SIZE]).is_err() {}
    socket.connect(SERVER).expect("a route on loopback");
    for i in 0..WINDOW {
        mmsg.lengths[i].iov_len = SIZE;
        mmsg.headers[i].msg_hdr.msg_namelen = 0;
    }
    mmsg.send(&socket, WINDOW);
    let (start, mut echoes) = (Instant::now(), 0);
    while start.elapsed() < ROUND {
        let count = mmsg.receive(&socket, libc::MSG_WAITFORONE);
        for header in &mut mmsg.headers[..count] {
            header.msg_hdr.msg_namelen = 0;
        }
        mmsg.send(&socket, count);
        echoes += count;
    }
    echoes as f64 / start.elapsed().as_secs_f64()
}

/// The least that an echo server can do.
fn bare_echo(stop: &AtomicBool) -> usize {
    let socket = UdpSocket::bind(SERVER).expect("the port is free");
    socket.set_nonblocking(true).expect("a socket");
    let mut mmsg = Mmsg::new();
    let mut echoes = 0;
    while !stop.load(Ordering::Relaxed) {
        let count = mmsg.receive(&socket, libc::MSG_DONTWAIT);
        for i in 0..count {
            mmsg.lengths[i].iov_len = mmsg.headers[i].msg_len as usize;
        }
        mmsg.send(&socket, count);
        echoes += count;
        for i in 0..count {
            mmsg.lengths[i].iov_len = Mmsg::OCTETS;
        }
        if count == 0 {
            wait(&socket);
        }
    }
    echoes
}

/// The daemon's way: a batch in, each datagram's path and code point turned round, a batch out.
fn signalling_echo(stop: &AtomicBool) -> usize {
    let local = SERVER.parse().expect("an address");
    let own = Place::find(&World::Own).expect("this namespace");
    let socket = SignalSocket::open(&own, VrfId::DEFAULT, local).expect("the port is free");
    let (mut batch, mut sender) = (Batch::default(), Sender::default());
    let mut echoes = 0;
    while !stop.load(Ordering::Relaxed) {
        if socket.recv_batch(&mut batch).expect("a socket") == 0 {
            wait(&socket);
            continue;
        }
        let answers =
            batch.datagrams().map(|d| Outgoing { path: d.path, dscp: d.dscp, bytes: d.bytes });
        echoes += socket.send_batch(&mut sender, answers, |_, e| panic!("{e}"));
    }
    echoes
}

fn wait(socket: &impl std::os::fd::AsFd) {
    let fd = socket.as_fd().as_raw_fd();
    let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: `poll` is one entry.
    unsafe { libc::poll(&raw mut poll, 1, 20) };
}

/// What `recvmmsg` fills is what `sendmmsg` sends back.
struct Mmsg {
    headers: Vec<libc::mmsghdr>,
    lengths: Vec<libc::iovec>,
    _names: Vec<libc::sockaddr_in>,
    _octets: Vec<u8>,
}

impl Mmsg {
    const OCTETS: usize = 2048;

    fn new() -> Self {
        let mut octets = vec![0; WINDOW * Self::OCTETS];
        // SAFETY: all zeros are an address, null pointers and zero lengths.
        let (mut names, mut headers): (Vec<libc::sockaddr_in>, Vec<libc::mmsghdr>) =
            unsafe { (vec![mem::zeroed(); WINDOW], vec![mem::zeroed(); WINDOW]) };
        let mut lengths: Vec<libc::iovec> = octets
            .chunks_exact_mut(Self::OCTETS)
            .map(|part| libc::iovec { iov_base: part.as_mut_ptr().cast(), iov_len: part.len() })
            .collect();
        for (i, header) in headers.iter_mut().enumerate() {
            header.msg_hdr.msg_name = (&raw mut names[i]).cast();
            header.msg_hdr.msg_iov = &raw mut lengths[i];
            header.msg_hdr.msg_iovlen = 1;
        }
        Self { headers, lengths, _names: names, _octets: octets }
    }

    fn receive(&mut self, socket: &UdpSocket, flags: i32) -> usize {
        for header in &mut self.headers {
            header.msg_hdr.msg_namelen = mem::size_of::<libc::sockaddr_in>() as libc::socklen_t;
        }
        // SAFETY: the headers lead to the vectors of the same value.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                WINDOW as libc::c_uint,
                flags,
                std::ptr::null_mut(),
            )
        };
        usize::try_from(count).unwrap_or(0)
    }

    fn send(&mut self, socket: &UdpSocket, count: usize) {
        // SAFETY: the headers lead to the vectors of the same value.
        unsafe {
            libc::sendmmsg(socket.as_raw_fd(), self.headers.as_mut_ptr(), count as libc::c_uint, 0)
        };
    }
}
