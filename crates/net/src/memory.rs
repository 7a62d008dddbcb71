//! Huge pages for large tables.
//!
//! A million bindings are half a gigabyte that updates read in no order. In pages of 4 KiB,
//! finding a page costs the processor more than reading it; in pages of 2 MiB, which kernels give
//! to those who ask (`/sys/kernel/mm/transparent_hugepage/enabled`: `madvise`), it costs next to
//! nothing.
#![expect(unsafe_code, reason = "a global allocator, and madvise")]

use std::alloc::{GlobalAlloc, Layout, System};

/// The system's allocator, which asks for huge pages for whatever is large.
///
/// ```
/// #[global_allocator]
/// static MEMORY: kedge_net::memory::HugePages = kedge_net::memory::HugePages;
/// # fn main() {}
/// ```
pub struct HugePages;

/// What a huge page holds, on the processors that have them of one size only.
const PAGE: usize = 2 << 20;

/// From here on an allocation holds whole huge pages wherever it begins.
const LARGE: usize = 2 * PAGE;

// SAFETY: every method is that of `System`; advice about memory does not change what is in it.
unsafe impl GlobalAlloc for HugePages {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise about the layout.
        advise(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise about the layout.
        advise(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise about the memory, the layout and the size.
        advise(unsafe { System.realloc(memory, layout, size) }, size)
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise about the memory and the layout.
        unsafe { System.dealloc(memory, layout) }
    }
}

fn advise(memory: *mut u8, size: usize) -> *mut u8 {
    if size >= LARGE && !memory.is_null() {
        let before = memory.align_offset(PAGE);
        let length = size.saturating_sub(before) / PAGE * PAGE;
        // SAFETY: the pages are within the allocation. That a kernel has no huge pages is no
        // error: it gives small ones.
        unsafe { libc::madvise(memory.add(before).cast(), length, libc::MADV_HUGEPAGE) };
    }
    memory
}
