//! Programs of classic BPF, which jump forward only. They are built from their end to their
//! beginning, so that every jump's target is known when the jump is written.

use libc::{BPF_JA, BPF_JMP, BPF_K, BPF_RET, sock_filter};

/// A place in the program, as the number of instructions from there to the end.
#[derive(Clone, Copy)]
pub(crate) struct Label(usize);

/// Instructions in reverse order.
#[derive(Default)]
pub(crate) struct Program(Vec<sock_filter>);

impl Program {
    /// Accepts that many octets of the frame.
    pub(crate) fn returns(&mut self, octets: u32) -> Label {
        self.push(BPF_RET | BPF_K, 0, 0, octets)
    }

    /// One that is no jump.
    pub(crate) fn load(&mut self, code: u32, k: u32) -> Label {
        self.push(code, 0, 0, k)
    }

    /// Compares the accumulator with `k`. A conditional jump reaches 255 instructions; to places
    /// further away it goes by way of a jump that reaches all.
    pub(crate) fn jump(&mut self, comparison: u32, k: u32, yes: Label, no: Label) -> Label {
        let no = self.within_reach(no);
        let yes = self.within_reach(yes);
        let (jt, jf) = (self.distance(yes) as u8, self.distance(no) as u8);
        self.push(BPF_JMP | comparison | BPF_K, jt, jf, k)
    }

    /// Goes there.
    pub(crate) fn goto(&mut self, target: Label) -> Label {
        let distance = self.distance(target) as u32;
        self.push(BPF_JMP | BPF_JA, 0, 0, distance)
    }

    /// A return like that one, for jumps to which the other is far away.
    pub(crate) fn repeated(&mut self, verdict: Label) -> Label {
        self.0.push(self.0[verdict.0 - 1]);
        Label(self.0.len())
    }

    /// The program, from its beginning.
    pub(crate) fn finish(mut self) -> Vec<sock_filter> {
        self.0.reverse();
        self.0
    }

    /// `target`, or a jump to it if a conditional jump before one more such jump cannot reach it.
    fn within_reach(&mut self, target: Label) -> Label {
        const REACH: usize = u8::MAX as usize - 1;
        if self.distance(target) <= REACH { target } else { self.goto(target) }
    }

    /// How many instructions an instruction written next skips to get to `target`.
    fn distance(&self, target: Label) -> usize {
        self.0.len() - target.0
    }

    fn push(&mut self, code: u32, jt: u8, jf: u8, k: u32) -> Label {
        self.0.push(sock_filter { code: code as u16, jt, jf, k });
        Label(self.0.len())
    }
}
