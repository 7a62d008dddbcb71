//! Accounting records that wait: in which order they go, and what becomes of those that nobody takes.

use std::time::Instant;

use kedge_radius::{Held, Kind, Queue, Unanswered};

/// Records on their way at once.
const WINDOW: usize = 2_048;

fn record(kind: Kind, session: u64) -> Held {
    Held { kind, happened: Instant::now(), session, attributes: [0; 36].into() }
}

fn taken(queue: &mut Queue, now: Instant) -> Vec<u64> {
    std::iter::from_fn(|| queue.take_next(now).map(|(number, _)| number)).collect()
}

#[test]
fn sessions_go_side_by_side_and_the_records_of_one_in_turn() {
    let (mut queue, now) = (Queue::new(10_000), Instant::now());
    for (kind, session) in [(Kind::Start, 7), (Kind::Start, 8), (Kind::Stop, 7)] {
        queue.push(record(kind, session)).unwrap();
    }
    assert_eq!(taken(&mut queue, now), [1, 2]);
    queue.acknowledged(1);
    assert_eq!(taken(&mut queue, now), [3]);
    queue.acknowledged(3);
    queue.acknowledged(2);
    assert!(queue.is_empty());
    assert_eq!(queue.octets(), (0, 10_000));
}

#[test]
fn what_was_made_behind_a_gate_waits_until_the_gate_is_acknowledged() {
    let (mut queue, now) = (Queue::new(10_000), Instant::now());
    queue.push(record(Kind::Stop, 7));
    queue.push(record(Kind::Gate, 0));
    queue.push(record(Kind::Start, 8));
    assert_eq!(taken(&mut queue, now), [1, 2]);
    queue.acknowledged(1);
    assert_eq!(taken(&mut queue, now), []);
    queue.acknowledged(2);
    assert_eq!(taken(&mut queue, now), [3]);
}

/// A gate, and behind it another one and a session's records.
fn gated() -> Queue {
    let mut queue = Queue::new(10_000);
    for (kind, session) in [(Kind::Gate, 1), (Kind::Gate, 2), (Kind::Start, 7), (Kind::Stop, 7)] {
        queue.push(record(kind, session)).unwrap();
    }
    queue
}

/// Who is tried one after the other while nobody answers.
fn tried(queue: &mut Queue, now: &mut Instant, count: usize) -> Vec<u64> {
    let mut tried = Vec::new();
    for _ in 0..count {
        *now = queue.poll_timeout().unwrap_or(*now);
        let numbers = taken(queue, *now);
        assert_eq!(numbers.len(), 1, "{numbers:?}");
        assert_ne!(queue.unanswered(numbers[0], *now), Unanswered::GivenUp);
        tried.extend(numbers);
    }
    tried
}

#[test]
fn a_gate_that_servers_ignore_while_they_answer_what_is_behind_it_is_given_up() {
    let (mut queue, mut now) = (gated(), Instant::now());
    assert_eq!(tried(&mut queue, &mut now, 6), [1, 1, 1, 3, 1, 3], "they take turns");
    for gate in [1, 2] {
        if gate == 2 {
            assert_eq!(tried(&mut queue, &mut now, 3), [2, 2, 2]);
        } else {
            assert_eq!(tried(&mut queue, &mut now, 1), [1]);
        }
        now = queue.poll_timeout().unwrap();
        assert_eq!(taken(&mut queue, now), [3]);
        assert!(queue.is_probe(3) && queue.acknowledged(3), "somebody is there");
        assert_eq!(taken(&mut queue, now), [gate], "alone, once more");
        assert_eq!(queue.unanswered(gate, now), Unanswered::GivenUp);
    }
    // What was answered ahead of a gate goes again.
    assert_eq!(taken(&mut queue, now), [3]);
    assert!(!queue.is_probe(3));
    queue.acknowledged(3);
    assert_eq!(taken(&mut queue, now), [4]);
}

/// Nothing goes beside it: the gate would be taken for answered with it.
#[test]
fn what_goes_ahead_of_a_gate_goes_alone_where_servers_answer_what_was_before_the_gate() {
    let (mut queue, now) = (Queue::new(10_000), Instant::now());
    for session in 1..=4 {
        queue.push(record(Kind::Start, session));
    }
    queue.push(record(Kind::Gate, 5));
    queue.push(record(Kind::Start, 6));
    assert_eq!(taken(&mut queue, now), [1, 2, 3, 4, 5]);
    for answered in 1..=4 {
        queue.acknowledged(answered);
        assert_eq!(queue.unanswered(5, now), Unanswered::Waits);
        if answered < 4 {
            assert_eq!(taken(&mut queue, now), [5]);
        }
    }
    assert_eq!(taken(&mut queue, now), [6]);
    queue.acknowledged(6);
    assert_eq!(taken(&mut queue, now), [5]);
    assert_eq!(queue.unanswered(5, now), Unanswered::GivenUp);
    assert_eq!(taken(&mut queue, now), [6], "it goes again");
}

#[test]
fn a_gate_that_is_taken_when_servers_are_back_is_before_what_was_sent_ahead_of_it() {
    let (mut queue, mut now) = (gated(), Instant::now());
    tried(&mut queue, &mut now, 5);
    now = queue.poll_timeout().unwrap();
    assert_eq!(taken(&mut queue, now), [3]);
    queue.acknowledged(3);
    for gate in [1, 2] {
        assert_eq!(taken(&mut queue, now), [gate]);
        queue.acknowledged(gate);
    }
    assert_eq!(taken(&mut queue, now), [3], "its session may have been ended");
    assert_eq!(queue.len(), 2);
}

#[test]
fn what_nobody_answers_goes_again_one_by_one_and_ever_more_seldom_until_somebody_does() {
    let (mut queue, mut now) = (Queue::new(10_000), Instant::now());
    for session in 1..=3 {
        queue.push(record(Kind::Start, session));
    }
    assert_eq!(taken(&mut queue, now), [1, 2, 3]);
    assert_eq!(queue.unanswered(2, now), Unanswered::Silence, "the first is news");
    assert_eq!(queue.unanswered(1, now), Unanswered::Waits);
    assert_eq!(queue.unanswered(3, now), Unanswered::Waits);
    let mut pauses = Vec::new();
    for tried in [2, 1, 3, 2, 1, 3, 2] {
        assert_eq!(taken(&mut queue, now), [], "nothing goes during the pause");
        let due = queue.poll_timeout().unwrap();
        pauses.push((due - now).as_secs());
        now = due;
        assert_eq!(taken(&mut queue, now), [tried], "one, and each in its turn");
        assert_eq!(queue.unanswered(tried, now), Unanswered::Waits);
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 32]);
    now = queue.poll_timeout().unwrap();
    assert_eq!(taken(&mut queue, now), [1]);
    assert!(queue.acknowledged(1), "somebody answers again");
    assert_eq!(taken(&mut queue, now), [3, 2]);
}

#[test]
fn a_record_that_servers_ignore_keeps_no_other_waiting() {
    let (mut queue, mut now) = (Queue::new(10_000), Instant::now());
    queue.push(record(Kind::Start, 1));
    assert_eq!(taken(&mut queue, now), [1]);
    assert_eq!(queue.unanswered(1, now), Unanswered::Silence, "as far as one can know");
    queue.push(record(Kind::Start, 2));
    now = queue.poll_timeout().unwrap();
    assert_eq!(taken(&mut queue, now), [2], "it is another one's turn");
    assert!(queue.acknowledged(2));
    assert_eq!(taken(&mut queue, now), [1]);
    queue.push(record(Kind::Start, 3));
    assert_eq!(taken(&mut queue, now), [3]);
    queue.acknowledged(3);
    assert_eq!(queue.unanswered(1, now), Unanswered::Waits);
    assert!(!queue.is_stalled(), "servers answer");
    assert_eq!(taken(&mut queue, now), [1], "it is not given up");
    // Its end waits for it, and nothing else does.
    queue.push(record(Kind::Stop, 1));
    queue.push(record(Kind::Start, 5));
    assert_eq!(taken(&mut queue, now), [5]);
    queue.acknowledged(1);
    assert_eq!(taken(&mut queue, now), [4]);
}

#[test]
fn of_records_that_servers_ignore_one_at_a_time_is_on_its_way() {
    let (mut queue, now) = (Queue::new(10_000), Instant::now());
    for session in 1..=9 {
        queue.push(record(Kind::Start, session));
    }
    assert_eq!(taken(&mut queue, now).len(), 9);
    queue.acknowledged(9);
    (1..=8).for_each(|number| assert_eq!(queue.unanswered(number, now), Unanswered::Waits));
    for tried in [1, 2, 3] {
        assert_eq!(taken(&mut queue, now), [tried]);
        queue.push(record(Kind::Start, 10 + tried));
        let fresh = 9 + tried;
        assert_eq!(taken(&mut queue, now), [fresh]);
        queue.acknowledged(fresh);
        assert_eq!(queue.unanswered(tried, now), Unanswered::Waits);
    }
    assert_eq!(taken(&mut queue, now), [4]);
    queue.acknowledged(4);
    assert_eq!(taken(&mut queue, now), [5]);
}

#[test]
fn the_last_eighth_of_the_room_is_for_stops() {
    let mut queue = Queue::new(800);
    let mut starts = 0;
    while queue.push(record(Kind::Start, starts)).is_some() {
        starts += 1;
    }
    assert_eq!(starts, 7, "a hundred octets each");
    assert!(queue.push(record(Kind::Stop, 0)).is_some());
    assert!(queue.push(record(Kind::Stop, 1)).is_none(), "full");
}

#[test]
fn the_latest_interim_record_takes_the_place_of_one_that_has_not_gone() {
    let (mut queue, now) = (Queue::new(10_000), Instant::now());
    let push = |queue: &mut Queue, kind| queue.push(record(kind, 7)).unwrap().replaces;
    assert_eq!(push(&mut queue, Kind::Start), None);
    assert_eq!(push(&mut queue, Kind::Interim), None);
    assert_eq!(push(&mut queue, Kind::Interim), Some(2));
    assert_eq!(taken(&mut queue, now), [1]);
    queue.acknowledged(1);
    assert_eq!(taken(&mut queue, now), [3]);
    assert_eq!(push(&mut queue, Kind::Interim), None, "the third is on its way");
    assert_eq!(push(&mut queue, Kind::Stop), None, "a Stop takes no place");
    queue.acknowledged(3);
    assert_eq!(taken(&mut queue, now), [4]);
    assert_eq!(queue.len(), 2);
}

#[test]
fn numbers_go_on_behind_those_of_an_earlier_run() {
    let mut queue = Queue::new(10_000);
    queue.restore(41, record(Kind::Stop, 7));
    assert_eq!(queue.push(record(Kind::Gate, 0)).map(|pushed| pushed.number), Some(42));
}

#[test]
fn not_more_than_the_window_is_on_its_way() {
    let (mut queue, now) = (Queue::new(1 << 20), Instant::now());
    for session in 0..WINDOW as u64 + 5 {
        queue.push(record(Kind::Start, session));
    }
    assert_eq!(taken(&mut queue, now).len(), WINDOW);
    queue.acknowledged(9);
    assert_eq!(taken(&mut queue, now), [WINDOW as u64 + 1]);
    assert_eq!(queue.under_way(), WINDOW);
}
