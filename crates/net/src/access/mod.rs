//! One packet socket for each access interface.
//!
//! The gateway emulates each node's home network (RFC 5213 §6.7) in Ethernet frames of its own
//! making: router advertisements go to the MAC address of the one node whose prefix they carry,
//! and DHCP answers go to hosts that have no address yet. The same socket tells it that a node is there: by a
//! solicitation, a DHCP message, or any first packet. Of each frame either it or the kernel hears:
//! `filter` says which.
#![expect(unsafe_code, reason = "packet sockets and their ancillary data")]

mod ports;

use std::ffi::c_int;
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::{fmt, io};

pub use crate::filter::{CONTROL_SNAP, Detection, FIRST_PACKET_SNAP};
pub use crate::nodes::Attached;

use crate::netlink::Link;
use crate::{NetError, filter, socket};

const RECEIVE_BUFFER: c_int = 2 << 20;

/// The filter lets no more of a frame through.
const FRAME_SIZE: usize = CONTROL_SNAP as usize;

/// A frame as it arrived.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame<'a> {
    /// The frame from its destination address on, cut to [`CONTROL_SNAP`] octets if it is a
    /// control message and to [`FIRST_PACKET_SNAP`] if it is another packet.
    pub bytes: &'a [u8],
    /// How long the frame was on the link.
    pub length: usize,
    /// Whether the transport checksum is filled in. A sender on the same host (over veth) may
    /// leave that to a network card that the frame never meets; then there is nothing to verify.
    pub checksum_filled_in: bool,
}

/// The packet socket of an access interface.
pub struct AccessSocket {
    fd: OwnedFd,
    /// Hold the DHCP servers' ports on the device; see [`ports`].
    _dhcp_ports: [OwnedFd; 2],
    device: String,
    buffer: Box<[u8; FRAME_SIZE]>,
}

impl AccessSocket {
    /// Opens the socket of `device` in the namespace of the calling thread, for a gateway to
    /// which nobody is attached.
    pub fn open(device: &Link) -> Result<Self, NetError> {
        const ON: c_int = 1;
        let name = &device.name;
        // Of protocol 0 until the filter is in place: it receives nothing.
        let fd = socket::open(libc::AF_PACKET, libc::SOCK_RAW, 0).map_err(|e| {
            NetError::new("open the packet socket of", name, e).needs("CAP_NET_RAW")
        })?;
        let held = || Ok([ports::hold_dhcpv4(device)?, ports::hold_dhcpv6(device)?]);
        let _dhcp_ports =
            held().map_err(|e| NetError::new("hold the DHCP server ports on", name, e))?;
        let buffer = Box::new([0; FRAME_SIZE]);
        let access = Self { fd, _dhcp_ports, device: name.clone(), buffer };
        access.set_attached(&Attached::new())?;
        let set_up = || {
            let fd = access.fd.as_fd();
            socket::set_receive_buffer(fd, RECEIVE_BUFFER)?;
            socket::set(fd, libc::SOL_PACKET, libc::PACKET_AUXDATA, &ON)?;
            socket::set(fd, libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, &ON)?;
            let address = libc::sockaddr_ll {
                sll_family: libc::AF_PACKET as u16,
                sll_protocol: (libc::ETH_P_ALL as u16).to_be(),
                sll_ifindex: device.index.0.cast_signed(),
                sll_hatype: 0,
                sll_pkttype: 0,
                sll_halen: 0,
                sll_addr: [0; 8],
            };
            socket::bind(fd, &address)
        };
        set_up().map_err(|e| NetError::new("set up the packet socket of", name, e))?;
        Ok(access)
    }

    /// States whose packets are ordinary traffic. What had arrived before is still received.
    pub fn set_attached(&self, attached: &Attached) -> Result<Detection, NetError> {
        let (program, detection) = filter::socket(attached);
        match self.attach_filter(program) {
            // Longer than this host allows a socket's filter to be (net.core.optmem_max).
            Err(error) if error.errno() == Some(libc::ENOMEM) => {
                self.hear_control_only()?;
                Ok(Detection::ControlOnly)
            }
            result => result.map(|()| detection),
        }
    }

    /// States that nobody is looked for: from here on, control messages alone are received.
    pub fn hear_control_only(&self) -> Result<(), NetError> {
        self.attach_filter(filter::control_only())
    }

    /// The next frame that has arrived.
    pub fn recv(&mut self) -> Result<Option<Frame<'_>>, NetError> {
        match self.receive() {
            Ok((received, length, checksum_filled_in)) => {
                let bytes = &self.buffer[..received];
                Ok(Some(Frame { bytes, length, checksum_filled_in }))
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(None),
            // Said once when the device goes down, which is a link event's to tell; the socket
            // receives again when the device is up again.
            Err(e) if e.kind() == io::ErrorKind::NetworkDown => Ok(None),
            Err(e) => Err(NetError::new("receive from", &self.device, e)),
        }
    }

    /// Sends a frame, from its destination address on.
    pub fn send(&self, frame: &[u8]) -> Result<(), NetError> {
        // SAFETY: `frame` is readable for its length during the call.
        let sent = unsafe {
            libc::send(self.fd.as_raw_fd(), frame.as_ptr().cast(), frame.len(), libc::MSG_DONTWAIT)
        };
        if sent < 0 {
            let e = io::Error::last_os_error();
            return Err(NetError::new("send to", &self.device, e));
        }
        Ok(())
    }

    /// How many frames the kernel has dropped since the socket was opened because we did not
    /// read them in time.
    pub fn overruns(&self) -> Result<u32, NetError> {
        socket::drops(self.fd.as_fd())
            .map_err(|e| NetError::new("read the drop count of", &self.device, e))
    }

    /// How many octets were put into the buffer, how many there were on the link, and whether
    /// the checksum is there.
    fn receive(&mut self) -> io::Result<(usize, usize, bool)> {
        let mut part =
            libc::iovec { iov_base: self.buffer.as_mut_ptr().cast(), iov_len: self.buffer.len() };
        let mut control = MaybeUninit::<Auxiliary>::zeroed();
        // SAFETY: all zeros are null pointers and zero lengths.
        let mut header: libc::msghdr = unsafe { mem::zeroed() };
        header.msg_iov = &raw mut part;
        header.msg_iovlen = 1;
        header.msg_control = control.as_mut_ptr().cast();
        header.msg_controllen = mem::size_of::<Auxiliary>();
        // SAFETY: the header leads to buffers of the lengths it states, which nothing else
        // touches during the call.
        let received =
            unsafe { libc::recvmsg(self.fd.as_raw_fd(), &raw mut header, libc::MSG_DONTWAIT) };
        let received = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
        // SAFETY: zeroed, then written by the kernel; every bit pattern is a value.
        let control = unsafe { control.assume_init() };
        let told = header.msg_controllen >= mem::size_of::<Auxiliary>()
            && control.header.cmsg_level == libc::SOL_PACKET
            && control.header.cmsg_type == libc::PACKET_AUXDATA;
        if !told {
            return Ok((received, received, true));
        }
        let pending = control.data.tp_status & libc::TP_STATUS_CSUMNOTREADY != 0;
        Ok((received, control.data.tp_len as usize, !pending))
    }
}

impl AccessSocket {
    fn attach_filter(&self, mut program: Vec<libc::sock_filter>) -> Result<(), NetError> {
        let description = libc::sock_fprog {
            len: u16::try_from(program.len()).expect("programs are bounded"),
            filter: program.as_mut_ptr(),
        };
        // The kernel copies the program during the call, and swaps it for the old one at once.
        socket::set(self.fd.as_fd(), libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &description)
            .map_err(|e| NetError::new("attach the packet filter of", &self.device, e))
    }
}

impl AsFd for AccessSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl fmt::Debug for AccessSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessSocket").field("device", &self.device).finish_non_exhaustive()
    }
}

/// The one control message that is asked for.
#[derive(Clone, Copy)]
#[repr(C)]
struct Auxiliary {
    header: libc::cmsghdr,
    data: libc::tpacket_auxdata,
    padding: u32,
}
