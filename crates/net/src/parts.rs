//! The programs of a guard: as many as its nodes take.
//!
//! The length of a program is bounded, and a link may have more nodes than fit into one. Then there
//! are several, and each judges the frames of those whose MAC addresses end in bits of its own:
//!
//! ```text
//!   75 nodes of both families     600 of them
//!   ┌───────────────┐             ┌──────┬──────┬─ ─ ─┬──────┐
//!   │ every address │             │ …000 │ …001 │     │ …111 │   a frame passes through all,
//!   └───────────────┘             └──────┴──────┴─ ─ ─┴──────┘   and one of them judges it
//! ```
//!
//! A node that comes or goes changes one program, whatever their number. Who finds no room in the
//! most that there may be is taken for a stranger: nobody's packets are let through unchecked.

use libc::sock_filter;

use crate::filter;
use crate::nodes::{Attached, Node, Part};

/// There are at most two to this power: room for some 4,000 nodes of both families, and more than a
/// frame should have to pass through.
pub(crate) const MOST_BITS: u32 = 6;

/// The programs of a guard.
pub(crate) struct Parts {
    /// By the number of each one's part. How many there are is a power of two.
    pub programs: Vec<Vec<sock_filter>>,
    /// How many nodes found no room.
    pub left_out: usize,
}

/// The programs that let the packets of these nodes pass: as few as there can be.
pub(crate) fn of(attached: &Attached) -> Parts {
    let nodes: Vec<Node<'_>> = attached.iter().map(|(&mac, sources)| (mac, sources)).collect();
    for bits in 0..=MOST_BITS {
        let programs: Option<_> =
            divided(&nodes, bits).map(|(part, of_part)| filter::guard(part, &of_part)).collect();
        if let Some(programs) = programs {
            return Parts { programs, left_out: 0 };
        }
    }
    let mut left_out = 0;
    let programs = divided(&nodes, MOST_BITS).map(|(part, mut of_part)| {
        loop {
            if let Some(program) = filter::guard(part, &of_part) {
                return program;
            }
            let room = of_part.len() * 7 / 8;
            left_out += of_part.len() - room;
            of_part.truncate(room);
        }
    });
    let programs = programs.collect();
    Parts { programs, left_out }
}

/// Each part of this many bits, and the nodes in it.
fn divided<'a>(nodes: &[Node<'a>], bits: u32) -> impl Iterator<Item = (Part, Vec<Node<'a>>)> {
    (0..1 << bits).map(move |number| {
        let part = Part { bits, number };
        (part, nodes.iter().copied().filter(|(mac, _)| part.has(*mac)).collect())
    })
}

#[cfg(test)]
mod tests {
    use kedge_model::MacAddr;

    use super::*;

    /// As many nodes of both families, whose addresses are so far apart.
    fn nodes(count: u32, apart: u32) -> Attached {
        let node = |i: u32| {
            let nets = [
                format!("10.{}.{}.{}/32", i >> 16, i >> 8 & 255, i & 255),
                format!("2001:db8:{:x}:{:x}::/64", i >> 16, i & 0xffff),
                format!("fe80::{:x}:{:x}/128", i >> 16, i & 0xffff),
            ];
            let [a, b, c, d] = (i * apart).to_be_bytes();
            (MacAddr([2, 0, a, b, c, d]), nets.map(|net| net.parse().unwrap()).into())
        };
        (0..count).map(node).collect()
    }

    #[test]
    fn thousands_of_nodes_of_both_families_find_room() {
        for (count, programs) in [(0, 1), (70, 1), (150, 2), (1_000, 16), (4_000, 64)] {
            let parts = of(&nodes(count, 1));
            assert_eq!((parts.programs.len(), parts.left_out), (programs, 0), "{count}");
        }
    }

    #[test]
    fn who_finds_no_room_is_counted_and_in_no_program() {
        // All of one part, however many there are.
        let parts = of(&nodes(1_000, 64));
        assert_eq!(parts.programs.len(), 64);
        assert!((900..1_000).contains(&parts.left_out), "{}", parts.left_out);
        let lengths = parts.programs.iter().map(Vec::len);
        let empty = parts.programs[1].len();
        assert_eq!(lengths.filter(|length| *length > empty).count(), 1);
    }

    #[test]
    fn one_more_node_changes_one_program() {
        let all = nodes(1_001, 1);
        let mut before = all.clone();
        before.pop_last();
        let octets = |attached: &Attached| -> Vec<Vec<_>> {
            let programs = of(attached).programs;
            let of_one = |program: Vec<sock_filter>| {
                program.iter().map(|op| (op.code, op.jt, op.jf, op.k)).collect()
            };
            programs.into_iter().map(of_one).collect()
        };
        let (before, after) = (octets(&before), octets(&all));
        assert_eq!(before.len(), after.len());
        assert_eq!(before.iter().zip(&after).filter(|(a, b)| a != b).count(), 1);
    }
}
