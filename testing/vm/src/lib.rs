//! An emulated machine with the kernel that Debian ships, and our data plane and daemons in it.
//!
//! The kernel a test runs on may lack the tunnel devices that are an independent implementation
//! of every encapsulation. The kernel of Debian's package has them all, and QEMU boots it in a
//! few seconds without hardware virtualisation, without root and without a disk image:
//!
//! ```text
//!   kernel.rs   the package ──► bzImage and the modules needed, in the order to load them
//!   image.rs    kedge-vm-init as /init, kedged, `ip`, …, their libraries ──► cpio.rs ──► initramfs
//!   machine.rs  QEMU: first serial port is the kernel's console, second is ours
//!   report.rs   one line per scenario on the second port ──► what the tests assert
//! ```
//!
//! What happens inside is the program `kedge-vm-init` (`src/bin/init`). Nothing here is skipped:
//! a machine that does not start, a scenario without a result and a result without a test fail.

pub mod cpio;
pub mod image;
pub mod kernel;
pub mod machine;
pub mod report;
