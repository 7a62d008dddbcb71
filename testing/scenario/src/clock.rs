//! Virtual time, and the words for it.

use std::time::{Duration, Instant, SystemTime};

use kedge_lma::{Now, Rhythm};
use kedge_model::Timestamp;

use crate::script::{Words, value};

/// Seconds from 1900, where NTP counts from, to 1970.
const NTP_EPOCH: u64 = 2_208_988_800;

/// The clock of a scenario: it goes on when the scenario says so.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Both clocks of the machine.
    pub now: Now,
}

impl Clock {
    /// The day on which every scenario begins.
    pub fn new() -> Self {
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        Self { now: Now { mono: Instant::now(), wall } }
    }

    /// Lets time pass.
    pub fn advance(&mut self, time: Duration) {
        self.now = Now { mono: self.now.mono + time, wall: self.now.wall + time };
    }

    /// A time as it is written: `now`, `+8s`, `-500ms`.
    pub fn timestamp(&self, word: &str) -> Result<Timestamp, String> {
        let now = self.now.wall;
        // What an answer repeats, to the tick.
        if let Some(ticks) = word.strip_prefix('=') {
            return value(ticks, "a timestamp").map(Timestamp);
        }
        let time = match word.split_at_checked(1) {
            _ if word == "now" => now,
            Some(("+", later)) => now + duration(later)?,
            Some(("-", earlier)) => now - duration(earlier)?,
            _ => return Err(format!("“{word}” is no time, such as now, +8s or -500ms")),
        };
        Ok(Timestamp::from_system_time(time))
    }

    /// The words for a time.
    pub fn describe(&self, time: Timestamp) -> String {
        let now = Timestamp::from_system_time(self.now.wall);
        let ticks = i128::from(time.0) - i128::from(now.0);
        let millis = (ticks * 1000 + if ticks < 0 { -32_768 } else { 32_768 }) / 65_536;
        match millis {
            0 => "now".to_owned(),
            whole if whole % 1000 == 0 => format!("{:+}s", whole / 1000),
            other => format!("{other:+}ms"),
        }
    }
}

/// The NTP time of a Timestamp option's time (RFC 4285 §6).
pub fn to_ntp(time: Timestamp) -> u64 {
    ((time.0 >> 16) + NTP_EPOCH) << 32 | (time.0 & 0xffff) << 16
}

/// And back.
pub fn from_ntp(ntp: u64) -> Timestamp {
    Timestamp((ntp >> 32).wrapping_sub(NTP_EPOCH) << 16 | ntp >> 16 & 0xffff)
}

/// A span of time: `10s`, `1500ms`.
pub fn duration(word: &str) -> Result<Duration, String> {
    let number = |digits: &str| {
        digits.parse().map_err(|_| format!("“{word}” is no time span, such as 10s or 500ms"))
    };
    match (word.strip_suffix("ms"), word.strip_suffix('s')) {
        (Some(millis), _) => number(millis).map(Duration::from_millis),
        (None, Some(seconds)) => number(seconds).map(Duration::from_secs),
        (None, None) => number("").map(Duration::from_secs),
    }
}

/// How often something is asked: `60s timeout 3s retries 3`.
pub fn rhythm(words: &mut Words<'_>) -> Result<Rhythm, String> {
    let interval = duration(words.next("an interval")?)?;
    let mut rhythm = Rhythm { interval, timeout: Duration::from_secs(3), allowed: 3 };
    if words.take("timeout") {
        rhythm.timeout = duration(words.next("a time span")?)?;
    }
    if words.take("retries") {
        rhythm.allowed = words.value("a number")?;
    }
    Ok(rhythm)
}
