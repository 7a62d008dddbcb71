//! A bare UDP echo server: what a signalling server could do at most.

use std::{
    io,
    net::{SocketAddr, UdpSocket},
};

use nix::sys::socket::MsgFlags;

use super::batch::Batch;

/// Sends every packet back to where it came from, until the process is ended.
pub fn echo(listen: SocketAddr) -> io::Result<()> {
    let socket = UdpSocket::bind(listen)?;
    println!("listening");
    let (mut inward, mut outward) = (Batch::new(), Batch::new());
    loop {
        if inward.receive(&socket, MsgFlags::MSG_WAITFORONE)? > 0 {
            outward.send(&socket, inward.packets())?;
        }
    }
}
