//! A free list of buffers, so that a steady stream of answers allocates nothing.

/// Buffers that were sent and may be written again.
#[derive(Debug, Default)]
pub struct Buffers {
    free: Vec<Vec<u8>>,
}

impl Buffers {
    /// How many buffers are kept; a burst beyond it is given back to the allocator.
    const KEEP: usize = 256;
    /// A buffer's first capacity in octets: more than any acknowledgement takes.
    const CAPACITY: usize = 512;

    /// An empty buffer.
    pub fn take(&mut self) -> Vec<u8> {
        self.free.pop().unwrap_or_else(|| Vec::with_capacity(Self::CAPACITY))
    }

    /// Takes a buffer back once its octets have been sent.
    pub fn give_back(&mut self, mut buffer: Vec<u8>) {
        if self.free.len() < Self::KEEP && buffer.capacity() > 0 {
            buffer.clear();
            self.free.push(buffer);
        }
    }
}
