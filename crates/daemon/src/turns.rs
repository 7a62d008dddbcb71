//! Whose turn it is to be read.
//!
//! What arrives waits in the kernel, in a buffer of each descriptor; there, nobody's flood takes
//! another's room. From there it is taken in turns, and a turn is a customer's, however many
//! sockets it has and however full they are. First comes who was read longest ago:
//!
//! ```text
//!   kernel: sockets with something to read     here: customers, by when they were read last
//!   ┌ CUST1 a ████████ ┐                       ┌───────┬───────┬───────┐
//!   │ CUST1 b ████████ ├── epoll, at most ───► │ CUST3 │ CUST2 │ CUST1 │ ──► one batch, then
//!   │ CUST2   █        │   64 at a time        │       │       │ a b   │     to the end if
//!   └ CUST3   ██       ┘                       └───────┴───────┴───────┘     more is known
//! ```
//!
//! Who sends as fast as it can delays the message of one that seldom does by the batch that is
//! being read, and by no more. Everything is done in the same time for a thousand customers as for
//! one, or nearly.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};

use kedge_model::CustomerId;
use kedge_net::poll::Token;

/// How many batches are read before people, the kernel and timers are looked after again.
const BATCHES_A_TURN: usize = 64;

/// Whose a descriptor is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Party {
    /// A customer of the anchor: all its sockets together.
    Customer(CustomerId),
    /// Nobody else's: a descriptor for itself.
    Descriptor(Token),
}

/// Those who have something to read.
#[derive(Default)]
pub struct Turns {
    /// Who waits, each once; first who was read longest ago.
    order: BinaryHeap<Reverse<(u64, Party)>>,
    parties: HashMap<Party, Waiting>,
    /// How many batches were read.
    reads: u64,
}

/// What is known of a party.
#[derive(Default)]
struct Waiting {
    /// Its descriptors with something to read, in the order in which they are read.
    tokens: VecDeque<Token>,
    /// Which read was its last.
    read: u64,
}

impl Turns {
    /// A descriptor has something to read. Who waits already keeps its place.
    pub fn add(&mut self, party: Party, token: Token) {
        if self.parties.len() == self.parties.capacity() {
            // Before it grows: who comes again is taken for new.
            self.parties.retain(|_, waiting| !waiting.tokens.is_empty());
        }
        let waiting = self.parties.entry(party).or_default();
        if waiting.tokens.is_empty() {
            self.order.push(Reverse((waiting.read, party)));
        }
        if !waiting.tokens.contains(&token) {
            waiting.tokens.push_back(token);
        }
    }

    /// Whether nobody has anything to read.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Lets everybody have a batch read from one descriptor, but not more of them than there is
    /// time for: the others come first in the next turn. `read` says whether there is more.
    pub fn take(&mut self, mut read: impl FnMut(Token) -> bool) {
        for _ in 0..self.order.len().min(BATCHES_A_TURN) {
            let Some(Reverse((_, party))) = self.order.pop() else { return };
            let Some(waiting) = self.parties.get_mut(&party) else { continue };
            let Some(token) = waiting.tokens.pop_front() else { continue };
            self.reads += 1;
            waiting.read = self.reads;
            if read(token) {
                waiting.tokens.push_back(token);
            }
            if !waiting.tokens.is_empty() {
                self.order.push(Reverse((waiting.read, party)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;
    use std::time::Duration;

    use kedge_net::poll::Poller;

    use super::*;

    const A: Party = Party::Customer(CustomerId(1));
    const B: Party = Party::Customer(CustomerId(2));

    /// What is read in a turn, if each of `full` has more.
    fn turn(turns: &mut Turns, full: &[u64]) -> Vec<u64> {
        let mut read = Vec::new();
        turns.take(|token| {
            read.push(token.0);
            full.contains(&token.0)
        });
        read
    }

    #[test]
    fn four_full_sockets_get_one_batch_a_turn_and_take_turns() {
        let mut turns = Turns::default();
        (1..=4).for_each(|token| turns.add(A, Token(token)));
        turns.add(B, Token(9));
        assert_eq!(turn(&mut turns, &[1, 2, 3, 4]), [1, 9]);
        // The kernel reports them again and again: nothing of that adds to their turns.
        (1..=4).for_each(|token| turns.add(A, Token(token)));
        turns.add(B, Token(9));
        assert_eq!(turn(&mut turns, &[1, 2, 3, 4]), [2, 9]);
        let later: Vec<u64> = (0..4).flat_map(|_| turn(&mut turns, &[1, 2, 3, 4])).collect();
        assert_eq!(later, [3, 4, 1, 2]);
    }

    #[test]
    fn who_had_no_turn_is_first_in_the_next() {
        let mut turns = Turns::default();
        let many = 3 * BATCHES_A_TURN as u64;
        for number in 0..many {
            turns.add(Party::Customer(CustomerId(number as u32)), Token(number));
        }
        let full: Vec<u64> = (0..many).collect();
        let read: Vec<u64> = (0..3).flat_map(|_| turn(&mut turns, &full)).collect();
        assert_eq!(read, full, "each once, before anybody twice");
        assert_eq!(turn(&mut turns, &[])[0], 0);
    }

    #[test]
    fn who_was_read_longest_ago_is_read_first() {
        let mut turns = Turns::default();
        turns.add(A, Token(1));
        assert_eq!(turn(&mut turns, &[1]), [1]);
        // What A floods with waits already.
        turns.add(B, Token(9));
        assert_eq!(turn(&mut turns, &[1]), [9, 1]);
        // Who asks again as soon as it is answered does not keep the other waiting.
        turns.add(B, Token(9));
        assert_eq!(turn(&mut turns, &[1]), [9, 1]);
        assert_eq!(turn(&mut turns, &[1]), [1]);
    }

    #[test]
    fn parties_that_are_gone_take_no_room() {
        let mut turns = Turns::default();
        for number in 0..100_000 {
            turns.add(Party::Customer(CustomerId(number)), Token(7));
            assert_eq!(turn(&mut turns, &[]), [7]);
        }
        assert!(turns.parties.capacity() < 100);
    }

    #[test]
    fn who_has_been_read_empty_waits_no_more() {
        let mut turns = Turns::default();
        turns.add(A, Token(1));
        turns.add(Party::Descriptor(Token(2)), Token(2));
        assert_eq!(turn(&mut turns, &[]), [1, 2]);
        assert!(turns.is_empty());
        assert!(turn(&mut turns, &[]).is_empty());
    }

    #[test]
    fn a_message_is_handled_in_the_turn_it_is_reported_in_whatever_floods() {
        const FLOODED: u64 = 4;
        let mut poller = Poller::new().unwrap();
        let pairs: Vec<(UnixDatagram, UnixDatagram)> =
            (0..=FLOODED).map(|_| UnixDatagram::pair().unwrap()).collect();
        for ((near, far), token) in pairs.iter().zip(0..) {
            near.set_nonblocking(true).unwrap();
            far.set_nonblocking(true).unwrap();
            poller.add(near, Token(token)).unwrap();
        }
        let fill = |far: &UnixDatagram| while far.send(b"flood").is_ok() {};
        let mut turns = Turns::default();
        for round in 0..50_u8 {
            pairs.iter().take(FLOODED as usize).for_each(|(_, far)| fill(far));
            pairs[FLOODED as usize].1.send(&[round]).unwrap();
            for ready in poller.wait(Some(Duration::ZERO)).unwrap() {
                turns.add(if ready.token.0 < FLOODED { A } else { B }, ready.token);
            }
            let (mut of_a, mut of_b) = (0, Vec::new());
            turns.take(|token| {
                let mut octets = [0; 8];
                let read = pairs[token.0 as usize].0.recv(&mut octets);
                match token.0 < FLOODED {
                    true => of_a += 1,
                    false => of_b.extend(read.map(|_| octets[0])),
                }
                token.0 < FLOODED
            });
            assert_eq!((of_a, of_b), (1, vec![round]));
        }
    }
}
