//! A UDP port that two sockets share, and the kernel's choice between them.
//!
//! ```text
//!                        first octet 4x, 6x: an inner packet
//!              ┌─filter─ first octets 0x 47: GRE behind a TLV header ──► this socket
//!   port ─────►│
//!              └──────── anything else: signalling ──► the socket that was there first
//! ```
//!
//! A mobility header begins with its Payload Proto, 59 (RFC 6275 §6.1.1).
#![expect(unsafe_code, reason = "attaching a filter is not in the standard library")]

use std::io;
use std::mem::size_of;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use super::{check, socket};

/// Binds a port that a socket has that lets others bind it, and has the kernel give this one the
/// data.
pub fn bind(fd: &OwnedFd, local: SocketAddr) -> io::Result<()> {
    socket::set(fd, libc::SOL_SOCKET, libc::SO_REUSEPORT, 1)?;
    socket::bind(fd, local)?;
    let filter = program();
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
    // SAFETY: the program and its length describe an array that lives through the call; the
    // kernel only reads it.
    check(unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_REUSEPORT_CBPF,
            (&raw const program).cast(),
            size_of::<libc::sock_fprog>() as libc::socklen_t,
        )
    })?;
    Ok(())
}

/// Sees the payload of UDP and gives the place of a socket in the order of binding. Beyond the end
/// of the payload it gives 0 (classic BPF ends there); a place that no socket has, as while this
/// one is alone, is the kernel's to choose.
fn program() -> [libc::sock_filter; 9] {
    const SIGNALLING: u32 = 0;
    const DATA: u32 = 1;
    const GRE: u32 = 47;
    const LOAD: u32 = libc::BPF_LD | libc::BPF_B | libc::BPF_ABS;
    const AND: u32 = libc::BPF_ALU | libc::BPF_AND | libc::BPF_K;
    const EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    const RETURN: u32 = libc::BPF_RET | libc::BPF_K;
    let step = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    [
        step(LOAD, 0, 0, 0),
        step(AND, 0, 0, 0xf0),
        step(EQUAL, 5, 0, 0x40),
        step(EQUAL, 4, 0, 0x60),
        step(EQUAL, 0, 2, 0x00),
        step(LOAD, 0, 0, 1),
        step(EQUAL, 1, 0, GRE),
        step(RETURN, 0, 0, SIGNALLING),
        step(RETURN, 0, 0, DATA),
    ]
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::os::fd::AsFd;
    use std::time::Duration;

    use super::*;

    #[test]
    fn inner_packets_and_tlv_headers_go_to_the_second_socket_and_the_rest_to_the_first() {
        let first = UdpSocket::bind("127.0.0.1:0").expect("first");
        let at = first.local_addr().expect("address");
        let kept = OwnedFd::from(first);
        socket::set(&kept, libc::SOL_SOCKET, libc::SO_REUSEPORT, 1).expect("let others bind");
        let second = socket::open(true, libc::SOCK_DGRAM, 17).expect("second");
        bind(&second, at).expect("share");
        let sockets = [kept, second].map(|fd| {
            let socket = UdpSocket::from(fd.as_fd().try_clone_to_owned().expect("clone"));
            socket.set_nonblocking(false).expect("block");
            socket.set_read_timeout(Some(Duration::from_secs(5))).expect("limit");
            socket
        });
        let sender = UdpSocket::bind("127.0.0.1:0").expect("sender");
        let gre_in_tlv = [0, 47, 0, 4, 0, 0, 8, 0];
        let update = [59, 3, 5, 0, 0, 0];
        let cases: [(&[u8], usize); 7] = [
            (&[0x45, 0, 0, 20], 1),
            (&[0x60, 0, 0, 0], 1),
            (&gre_in_tlv, 1),
            (&[0x0f, 47, 0, 0], 1),
            (&update, 0),
            (&[0, 41, 0, 0], 0),
            (&[0], 0),
        ];
        for (payload, expected) in cases {
            sender.send_to(payload, at).expect("send");
            let mut buffer = [0; 64];
            let length = sockets[expected].recv(&mut buffer).expect("arrives there");
            assert_eq!(&buffer[..length], payload);
        }
    }
}
