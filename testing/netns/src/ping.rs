//! A steady ping whose every probe is accounted for.
//!
//! The host's own `ping` does the probing and stamps every answer; what is read here is its log:
//! how many probes in a stretch were never answered, and how long the silence was.

use std::{collections::BTreeMap, time::Duration};

use nix::sys::signal::Signal;

use crate::{Host, Process, error::Result, wait};

/// One `ping` that runs beside the experiment.
#[derive(Debug)]
pub struct Ping {
    process: Process,
    interval: Duration,
}

/// What one stretch of probes came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// Probes sent in it.
    pub sent: usize,
    /// Probes never answered.
    pub lost: usize,
    /// Longest time without an answer, beyond the probes' own interval.
    pub silence: Duration,
}

/// Asks `count` times, each time when the answer to the one before is there: so many questions and
/// so many answers, however long each takes. `more` are for each `ping`.
pub fn one_by_one(host: &Host, destination: &str, count: usize, more: &[&str]) -> Result<()> {
    let patience = wait::SOON.as_secs().to_string();
    let words = [&["-nqc1", "-W", &patience], more, &[destination]].concat();
    (0..count).try_for_each(|_| host.exec("ping", &words).map(drop))
}

impl Ping {
    /// Starts probing `destination` (either family) from `host`.
    pub fn start(host: &Host, name: &str, destination: &str, interval: Duration) -> Result<Self> {
        let seconds = format!("{}", interval.as_secs_f64());
        let process = host.spawn(name, "ping", &["-n", "-D", "-i", &seconds, destination])?;
        Ok(Self { process, interval })
    }

    /// The number of the newest answered probe; 0 before the first answer.
    #[must_use]
    pub fn newest(&self) -> u64 {
        self.answers().last_key_value().map_or(0, |(probe, _)| *probe)
    }

    /// Waits until `count` probes in a row have been answered, all after probe `after`; returns
    /// the newest.
    pub fn wait_steady(&self, limit: Duration, after: u64, count: u64) -> Result<u64> {
        wait::until(limit, &format!("{} to be answered steadily", self.process.name()), || {
            let answers = self.answers();
            let Some((&newest, _)) = answers.last_key_value() else {
                return Err(format!("no answer at all; {}", self.process.errors().trim()));
            };
            let run = answers.range(newest.saturating_sub(count - 1)..=newest).count() as u64;
            let enough = newest >= after + count && run == count;
            if enough { Ok(newest) } else { Err(format!("probe {newest}, {run} in a row")) }
        })
    }

    /// Accounts for the probes after `from`, up to and including `to`.
    #[must_use]
    pub fn span(&self, from: u64, to: u64) -> Span {
        account(&self.answers(), from, to, self.interval)
    }

    /// Ends it.
    pub fn stop(mut self) -> Result<()> {
        self.process.signal(Signal::SIGINT)?;
        self.process.wait(wait::SOON).map(drop)
    }

    fn answers(&self) -> BTreeMap<u64, Duration> {
        self.process.output().lines().filter_map(answer).collect()
    }
}

/// Probe number and time of day of one answer:
/// `[1700000000.123456] 64 bytes from 192.0.2.2: icmp_seq=7 ttl=64 time=0.05 ms`.
fn answer(line: &str) -> Option<(u64, Duration)> {
    let (stamp, rest) = line.strip_prefix('[')?.split_once(']')?;
    let (_, after) = rest.split_once("bytes from")?;
    let (_, probe) = after.split_once("icmp_seq=")?;
    let probe = probe.split_whitespace().next()?.parse().ok()?;
    // The last line may be half written: then its time is missing and it is not an answer yet.
    after.contains(" ms").then_some(())?;
    let (seconds, micros) = stamp.split_once('.')?;
    let at = Duration::from_secs(seconds.parse().ok()?);
    Some((probe, at + Duration::from_micros(micros.parse().ok()?)))
}

fn account(answers: &BTreeMap<u64, Duration>, from: u64, to: u64, interval: Duration) -> Span {
    let sent = to.saturating_sub(from) as usize;
    let within = answers.range(from + 1..=to);
    // The silence is counted from the last answer before the stretch.
    let mut times: Vec<Duration> = answers.range(from..=to).map(|(_, at)| *at).collect();
    times.sort_unstable();
    let longest = times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default();
    Span { sent, lost: sent - within.count(), silence: longest.saturating_sub(interval) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
PING 192.0.2.2 (192.0.2.2) 56(84) bytes of data.
[1700000000.000000] 64 bytes from 192.0.2.2: icmp_seq=1 ttl=64 time=0.05 ms
[1700000000.020000] 64 bytes from 192.0.2.2: icmp_seq=2 ttl=64 time=0.05 ms
ping: sendmsg: Network is unreachable
From 192.0.2.1 icmp_seq=4 Destination Host Unreachable
[1700000000.100000] 64 bytes from 192.0.2.2: icmp_seq=6 ttl=64 time=0.05 ms
[1700000000.120000] 64 bytes from 192.0.2.2: icmp_seq=7 ttl=64 ti";

    #[test]
    fn losses_and_silence_are_read_from_the_log() {
        let answers: BTreeMap<_, _> = LOG.lines().filter_map(answer).collect();
        let span = account(&answers, 1, 6, Duration::from_millis(20));
        assert_eq!((span.sent, span.lost), (5, 3));
        assert_eq!(span.silence, Duration::from_millis(60));
    }

    #[test]
    fn an_error_and_a_half_written_line_are_not_answers() {
        let answers: BTreeMap<_, _> = LOG.lines().filter_map(answer).collect();
        assert_eq!(answers.keys().copied().collect::<Vec<_>>(), [1, 2, 6]);
    }
}
