//! The few system calls that every kind of socket shares.
#![expect(unsafe_code, reason = "system calls that std does not offer")]

use std::ffi::c_int;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// Turns the -1 of a system call into the error it stands for.
pub(crate) fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// A socket that does not block and is closed on exec.
pub(crate) fn open(family: c_int, kind: c_int, protocol: c_int) -> io::Result<OwnedFd> {
    // SAFETY: socket() takes plain numbers.
    let fd = check(unsafe {
        libc::socket(family, kind | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC, protocol)
    })?;
    // SAFETY: the kernel just gave us this descriptor, and nothing else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// `setsockopt` with any plain value.
pub(crate) fn set<T>(fd: BorrowedFd<'_>, level: c_int, name: c_int, value: &T) -> io::Result<()> {
    let size = mem::size_of::<T>() as libc::socklen_t;
    // SAFETY: `value` is readable for `size` octets during the call.
    check(unsafe {
        libc::setsockopt(fd.as_raw_fd(), level, name, std::ptr::from_ref(value).cast(), size)
    })?;
    Ok(())
}

/// Sets the receive buffer to `octets`, past the system's limit if we may, up to it otherwise.
pub(crate) fn set_receive_buffer(fd: BorrowedFd<'_>, octets: c_int) -> io::Result<()> {
    set(fd, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &octets)
        .or_else(|_| set(fd, libc::SOL_SOCKET, libc::SO_RCVBUF, &octets))
}

/// The same for the send buffer.
pub(crate) fn set_send_buffer(fd: BorrowedFd<'_>, octets: c_int) -> io::Result<()> {
    set(fd, libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, &octets)
        .or_else(|_| set(fd, libc::SOL_SOCKET, libc::SO_SNDBUF, &octets))
}

/// `bind` to an address of the kernel's layout.
pub(crate) fn bind<A>(fd: BorrowedFd<'_>, address: &A) -> io::Result<()> {
    let size = mem::size_of::<A>() as libc::socklen_t;
    // SAFETY: `address` is readable for `size` octets during the call.
    check(unsafe { libc::bind(fd.as_raw_fd(), std::ptr::from_ref(address).cast(), size) })?;
    Ok(())
}

/// `sendto` an address of the kernel's layout.
pub(crate) fn send_to<A>(fd: BorrowedFd<'_>, octets: &[u8], address: &A) -> io::Result<()> {
    let size = mem::size_of::<A>() as libc::socklen_t;
    let (name, flags) = (std::ptr::from_ref(address).cast(), libc::MSG_DONTWAIT);
    // SAFETY: `octets` and `address` are readable for their lengths during the call.
    let sent = unsafe {
        libc::sendto(fd.as_raw_fd(), octets.as_ptr().cast(), octets.len(), flags, name, size)
    };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// How many packets the kernel dropped because this socket's receive buffer was full, since the
/// socket was opened.
pub(crate) fn drops(fd: BorrowedFd<'_>) -> io::Result<u32> {
    const DROPS: usize = 8;
    Ok(memory(fd)?[DROPS])
}

/// How many octets of the receive buffer are taken, and how many there are.
pub(crate) fn backlog(fd: BorrowedFd<'_>) -> io::Result<(u32, u32)> {
    const RECEIVED: usize = 0;
    const RECEIVE_BUFFER: usize = 1;
    let info = memory(fd)?;
    Ok((info[RECEIVED], info[RECEIVE_BUFFER]))
}

/// SK_MEMINFO_* of the kernel's `sock_diag.h`.
fn memory(fd: BorrowedFd<'_>) -> io::Result<[u32; 9]> {
    const SO_MEMINFO: c_int = 55;
    let mut info = [0u32; 9];
    let mut size = mem::size_of_val(&info) as libc::socklen_t;
    // SAFETY: the kernel writes at most `size` octets to `info`.
    check(unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            libc::SOL_SOCKET,
            SO_MEMINFO,
            info.as_mut_ptr().cast(),
            &mut size,
        )
    })?;
    Ok(info)
}
