//! Numbers of the protocol, each with its unit.

use std::fmt;
use std::time::{Duration, SystemTime};

/// A binding's lifetime in the wire's unit of 4 seconds (RFC 6275 §6.1.7); zero de-registers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Lifetime(u16);

impl Lifetime {
    /// De-registration.
    pub const ZERO: Self = Self(0);
    /// The longest lifetime the wire can say, 262,140 s.
    pub const MAX: Self = Self(u16::MAX);

    /// From the number on the wire, in units of 4 seconds.
    pub const fn from_units(units: u16) -> Self {
        Self(units)
    }

    /// The longest lifetime that is not longer than `seconds`; what exceeds [`Self::MAX`] is cut
    /// to it. A lifetime of 1 to 3 seconds cannot be said and becomes 4: rounding it down would
    /// turn a registration into a de-registration.
    pub fn from_secs(seconds: u64) -> Self {
        match seconds {
            0 => Self::ZERO,
            1..4 => Self(1),
            _ => Self(u16::try_from(seconds / 4).unwrap_or(u16::MAX)),
        }
    }

    /// The number on the wire, in units of 4 seconds.
    pub const fn units(self) -> u16 {
        self.0
    }

    /// The lifetime in seconds.
    pub const fn secs(self) -> u64 {
        self.0 as u64 * 4
    }

    /// The lifetime as a duration.
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.secs())
    }

    /// Whether this de-registers.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Debug for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.secs())
    }
}

/// A Binding Update's sequence number: 16 bits, compared modulo 2^16 (RFC 6275 §9.5.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct Sequence(pub u16);

impl Sequence {
    /// The number after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    /// Whether this number comes after `last`: it is one of the 32,767 that follow it, going
    /// round the number circle. The number opposite, 32,768 away, is neither after nor before.
    pub const fn is_after(self, last: Self) -> bool {
        let ahead = self.0.wrapping_sub(last.0);
        ahead != 0 && ahead < 0x8000
    }
}

/// The Timestamp option's value (RFC 5213 §8.8): 48 bits of seconds since 1970-01-01 00:00 UTC
/// and 16 bits of 1/65536 s.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// A time of day; a time before 1970 is 1970.
    pub fn from_system_time(time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let fraction = (u64::from(since.subsec_nanos()) << 16) / 1_000_000_000;
        Self((since.as_secs() << 16) | fraction)
    }

    /// Whether two times are at most `window` apart, as exactly as they can say it: a 65536th that
    /// is begun counts, since both were rounded down to one.
    pub fn is_within(self, window: Duration, of: Self) -> bool {
        let fraction = (u64::from(window.subsec_nanos()) << 16).div_ceil(1_000_000_000);
        let window = (u128::from(window.as_secs()) << 16) + u128::from(fraction);
        u128::from(self.0.abs_diff(of.0)) <= window
    }

    /// How far two times are apart, in either direction.
    pub fn abs_diff(self, other: Self) -> Duration {
        let units = self.0.abs_diff(other.0);
        let nanos = ((units & 0xffff) * 1_000_000_000) >> 16;
        // 16 bits of 65536ths are below one second: the product fits, and so do its nanoseconds.
        Duration::new(units >> 16, u32::try_from(nanos).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_is_rounded_down_but_never_to_a_deregistration() {
        let units = |s| Lifetime::from_secs(s).units();
        assert_eq!([units(0), units(1), units(4), units(7), units(8)], [0, 1, 1, 1, 2]);
        assert_eq!(Lifetime::from_secs(1_000_000), Lifetime::MAX);
    }

    #[test]
    fn sequence_numbers_go_round() {
        assert!(Sequence(1).is_after(Sequence(0)));
        assert!(Sequence(0).is_after(Sequence(65535)));
        assert!(Sequence(0x7fff).is_after(Sequence(0)));
        assert!(!Sequence(0x8000).is_after(Sequence(0)));
        assert!(!Sequence(5).is_after(Sequence(5)));
        assert!(!Sequence(4).is_after(Sequence(5)));
    }

    #[test]
    fn a_timestamp_holds_seconds_and_65536ths() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_500);
        assert_eq!(Timestamp::from_system_time(at), Timestamp((1 << 16) | 0x8000));
        let later = Timestamp::from_system_time(at + Duration::from_millis(250));
        assert_eq!(later.abs_diff(Timestamp::from_system_time(at)), Duration::from_millis(250));
    }

    #[test]
    fn times_a_window_apart_are_within_it_to_the_tick_that_is_begun() {
        let window = Duration::from_millis(300); // 19,660.8 of them
        let at = Timestamp(1 << 40);
        assert!(Timestamp(at.0 + 19_661).is_within(window, at));
        assert!(Timestamp(at.0 - 19_661).is_within(window, at));
        assert!(!Timestamp(at.0 + 19_662).is_within(window, at));
        assert!(!Timestamp(at.0 - 19_662).is_within(window, at));
        let whole = Duration::from_secs(7);
        assert!(Timestamp(at.0 + (7 << 16)).is_within(whole, at));
        assert!(!Timestamp(at.0 + (7 << 16) + 1).is_within(whole, at));
        assert!(Timestamp(u64::MAX).is_within(Duration::MAX, Timestamp(0)));
        assert!(!Timestamp(u64::MAX).is_within(whole, Timestamp(0)));
    }
}
