//! One table for all timers of a machine.
//!
//! A refresh moves its binding's lifetime later, a million times between two expiries. So a
//! timer that moves later only writes its new due time: the queue still holds the old one, and
//! when that comes up, the timer is queued again for what is left. Moving a timer later costs
//! one store; moving it earlier, or making one, costs an entry of the queue.

use std::time::{Duration, Instant};

use crate::Blocks;
use crate::queue::{Entry, Moment, Queue};

/// Names a timer from [`Timers::insert`] until it fires or is removed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TimerId {
    slot: u32,
    generation: u32,
}

#[derive(Debug)]
struct Slot<K> {
    generation: u32,
    /// `None` is a free slot.
    timer: Option<Timer<K>>,
}

#[derive(Debug)]
struct Timer<K> {
    due: Moment,
    /// When the earliest queue entry for this timer comes up; never after `due`.
    queued: Moment,
    key: K,
}

/// Timers that each carry a key saying what they are for.
#[derive(Debug)]
pub struct Timers<K> {
    /// What moments are counted from: the first that was told.
    origin: Option<Instant>,
    slots: Blocks<Slot<K>>,
    free: Vec<u32>,
    len: usize,
    queue: Queue,
}

impl<K> Default for Timers<K> {
    fn default() -> Self {
        Self {
            origin: None,
            slots: Blocks::default(),
            free: Vec::new(),
            len: 0,
            queue: Queue::default(),
        }
    }
}

impl<K> Timers<K> {
    /// Starts a timer.
    pub fn insert(&mut self, due: Instant, key: K) -> TimerId {
        let due = self.moment(due);
        let slot = self.free.pop().unwrap_or_else(|| {
            let slot = self.slots.push(Slot { generation: 0, timer: None });
            u32::try_from(slot).expect("fewer than 2^32 timers run")
        });
        let entry = self.slots.get_mut(slot as usize).expect("a timer's slot has an entry");
        entry.timer = Some(Timer { due, queued: due, key });
        let generation = entry.generation;
        self.len += 1;
        self.queue(due, slot, generation);
        TimerId { slot, generation }
    }

    /// Moves a timer; one that has fired or was removed stays so.
    pub fn reschedule(&mut self, id: TimerId, due: Instant) {
        let due = self.moment(due);
        let Some(timer) = self.get_mut(id) else { return };
        timer.due = due;
        if due < timer.queued {
            timer.queued = due;
            self.queue(due, id.slot, id.generation);
        }
    }

    /// Ends a timer and gives its key; `None` if it has fired or was removed.
    pub fn remove(&mut self, id: TimerId) -> Option<K> {
        self.get_mut(id)?;
        self.release(id.slot)
    }

    /// When a timer that still runs is due.
    pub fn due(&self, id: TimerId) -> Option<Instant> {
        let slot = self.slots.get(id.slot as usize)?;
        let timer = slot.timer.as_ref()?;
        if slot.generation == id.generation { self.instant(timer.due) } else { None }
    }

    /// Ends one timer that is due at `now` and gives its key; the earliest first.
    pub fn pop_expired(&mut self, now: Instant) -> Option<K> {
        self.settle();
        let now = self.moment(now);
        let &Entry { due, slot, .. } = self.queue.peek()?;
        if due > now {
            return None;
        }
        self.queue.pop();
        self.release(slot)
    }

    /// What some of the timers are for that are due at `now`, at most so many of one span. A table
    /// that looks ahead at what they end shows it the rest of its memory in time.
    pub fn due_now(&self, now: Instant, most: usize) -> impl Iterator<Item = &K> + Clone {
        let now = self.origin.map_or(Moment::MIN, |origin| moment(origin, now));
        self.queue.due(now, most).filter_map(|entry| {
            let slot = self.slots.get(entry.slot as usize)?;
            let timer = slot.timer.as_ref().filter(|_| slot.generation == entry.generation);
            timer.map(|timer| &timer.key)
        })
    }

    /// Reads a timer that is to be removed soon.
    pub fn look_ahead(&self, id: TimerId) {
        std::hint::black_box(self.slots.get(id.slot as usize).map(|slot| slot.generation));
    }

    /// When the next timer is due.
    pub fn next_due(&mut self) -> Option<Instant> {
        self.settle();
        self.instant(self.queue.peek()?.due)
    }

    /// How many timers run.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no timer runs.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Queues a timer. Entries of timers that ended, or moved earlier, would otherwise stay until
    /// their time comes, so once they are the most, they are thrown out; that costs each of them
    /// once.
    fn queue(&mut self, due: Moment, slot: u32, generation: u32) {
        self.queue.push(Entry { due, slot, generation });
        if self.queue.len() <= 2 * self.len() + 64 {
            return;
        }
        let slots = &self.slots;
        self.queue.retain(|&Entry { due, slot, generation }| {
            slots.get(slot as usize).is_some_and(|entry| {
                let queued = entry.timer.as_ref().map(|timer| timer.queued);
                entry.generation == generation && queued == Some(due)
            })
        });
    }

    fn moment(&mut self, at: Instant) -> Moment {
        moment(*self.origin.get_or_insert(at), at)
    }

    /// `None` for a moment that no clock of this host shows.
    fn instant(&self, at: Moment) -> Option<Instant> {
        let (origin, span) = (self.origin?, Duration::from_nanos(at.unsigned_abs()));
        if at < 0 { origin.checked_sub(span) } else { origin.checked_add(span) }
    }

    fn get_mut(&mut self, id: TimerId) -> Option<&mut Timer<K>> {
        let slot = self.slots.get_mut(id.slot as usize)?;
        if slot.generation == id.generation { slot.timer.as_mut() } else { None }
    }

    fn release(&mut self, slot: u32) -> Option<K> {
        let entry = self.slots.get_mut(slot as usize)?;
        let timer = entry.timer.take()?;
        entry.generation = entry.generation.wrapping_add(1);
        self.free.push(slot);
        self.len -= 1;
        Some(timer.key)
    }

    /// Makes the head of the queue say the truth: drops entries of ended timers and queues those
    /// that moved later again.
    fn settle(&mut self) {
        while let Some(&Entry { due, slot, generation }) = self.queue.peek() {
            let id = TimerId { slot, generation };
            let Some(timer) = self.get_mut(id).filter(|timer| timer.queued == due) else {
                self.queue.pop();
                continue;
            };
            if timer.due == due {
                return;
            }
            timer.queued = timer.due;
            let later = Entry { due: timer.due, slot, generation };
            self.queue.pop();
            self.queue.push_apart(later);
        }
    }
}

fn moment(origin: Instant, at: Instant) -> Moment {
    let nanos = |span: Duration| Moment::try_from(span.as_nanos()).unwrap_or(Moment::MAX);
    match at.checked_duration_since(origin) {
        Some(after) => nanos(after),
        None => -nanos(origin.saturating_duration_since(at)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Rng;

    #[test]
    fn timers_fire_in_order_of_their_last_due_time() {
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let mut timers = Timers::default();
        let a = timers.insert(at(10), 'a');
        let b = timers.insert(at(20), 'b');
        timers.insert(at(15), 'c');
        timers.reschedule(a, at(30));
        timers.reschedule(b, at(5));
        assert_eq!(timers.next_due(), Some(at(5)));
        assert_eq!(timers.pop_expired(at(4)), None);
        assert_eq!(timers.pop_expired(at(40)), Some('b'));
        assert_eq!(timers.pop_expired(at(40)), Some('c'));
        assert_eq!(timers.pop_expired(at(29)), None);
        assert_eq!(timers.pop_expired(at(40)), Some('a'));
        assert_eq!(timers.next_due(), None);
        timers.reschedule(a, at(50));
        assert_eq!((timers.remove(a), timers.len()), (None, 0));
    }

    #[test]
    fn what_is_due_is_shown_and_fires_all_the_same() {
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let mut timers = Timers::default();
        assert_eq!(timers.due_now(start, 9).count(), 0);
        let ids: Vec<_> = (1..=6).map(|s| timers.insert(at(s), s)).collect();
        timers.remove(ids[1]);
        assert!(timers.due_now(at(4), 9).eq(&[1, 3, 4]));
        assert!(timers.due_now(at(4), 3).eq(&[1, 3]), "an ended one is looked at, too");
        let fired: Vec<u64> = std::iter::from_fn(|| timers.pop_expired(at(4))).collect();
        assert_eq!(fired, [1, 3, 4]);
    }

    #[test]
    fn a_reused_slot_does_not_answer_to_its_old_name() {
        let now = Instant::now();
        let mut timers = Timers::default();
        let old = timers.insert(now, 1);
        assert_eq!(timers.remove(old), Some(1));
        let new = timers.insert(now, 2);
        assert_eq!((timers.remove(old), timers.due(old)), (None, None));
        assert_eq!(timers.due(new), Some(now));
    }

    #[test]
    fn a_timer_may_be_due_before_the_first_one_and_keeps_its_nanosecond() {
        let first = Instant::now() + Duration::from_secs(3_600);
        let before = first - Duration::new(7, 3);
        let mut timers = Timers::default();
        timers.insert(first, 'b');
        let early = timers.insert(before, 'a');
        assert_eq!((timers.due(early), timers.next_due()), (Some(before), Some(before)));
        assert_eq!(timers.pop_expired(before - Duration::from_nanos(1)), None);
        assert_eq!(timers.pop_expired(before), Some('a'));
        assert_eq!(timers.next_due(), Some(first));
    }

    #[test]
    fn ended_timers_do_not_fill_the_queue() {
        let now = Instant::now();
        let mut timers = Timers::default();
        let kept = timers.insert(now + Duration::from_secs(2), 0);
        for _ in 0..10_000 {
            let id = timers.insert(now + Duration::from_secs(3_600), 1);
            timers.reschedule(id, now + Duration::from_secs(1_800));
            timers.remove(id);
        }
        assert!(timers.queue.len() < 100);
        assert_eq!(timers.next_due(), Some(now + Duration::from_secs(2)));
        assert_eq!(timers.remove(kept), Some(0));
    }

    /// Random operations against a list that is searched from end to end.
    #[test]
    fn the_table_agrees_with_a_plain_list() {
        let start = Instant::now();
        let mut rng = Rng::new(7);
        let mut timers = Timers::default();
        let mut list: Vec<(TimerId, Instant, u64)> = Vec::new();
        let mut clock = start;
        for key in 0..20_000 {
            let due = clock + Duration::from_millis(u64::from(rng.below(5_000)));
            match rng.below(4) {
                0 => list.push((timers.insert(due, key), due, key)),
                1 if !list.is_empty() => {
                    let at = rng.below(list.len() as u32) as usize;
                    timers.reschedule(list[at].0, due);
                    list[at].1 = due;
                }
                2 if !list.is_empty() => {
                    let (id, _, key) = list.swap_remove(rng.below(list.len() as u32) as usize);
                    assert_eq!(timers.remove(id), Some(key));
                }
                _ => {
                    clock += Duration::from_millis(u64::from(rng.below(50)));
                    let mut fired = Vec::new();
                    while let Some(key) = timers.pop_expired(clock) {
                        fired.push(key);
                    }
                    let mut expected: Vec<u64> = Vec::new();
                    list.retain(|&(_, due, key)| {
                        if due <= clock {
                            expected.push(key);
                        }
                        due > clock
                    });
                    fired.sort_unstable();
                    expected.sort_unstable();
                    assert_eq!(fired, expected);
                }
            }
            assert_eq!(timers.next_due(), list.iter().map(|t| t.1).min());
            assert_eq!(timers.len(), list.len());
        }
    }
}
