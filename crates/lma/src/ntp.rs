//! The time in a MESG-ID option (RFC 4285 §6), and that of the Timestamp option (RFC 5213 §8.8).

use kedge_model::Timestamp;

/// NTP time of the Timestamp option's time: seconds since 1900 instead of 1970 (RFC 4285 §6).
pub(crate) fn ntp(time: Timestamp) -> u64 {
    let seconds = (time.0 >> 16).wrapping_add(SECONDS_1900_TO_1970) & 0xffff_ffff;
    seconds << 32 | (time.0 & 0xffff) << 16
}

/// The Timestamp option's time of NTP time. NTP seconds begin again in 2036; what is below those
/// of 1970 is after that.
pub(crate) fn from_ntp(ntp: u64) -> Timestamp {
    let seconds = ntp >> 32;
    let era = if seconds < SECONDS_1900_TO_1970 { 1 << 32 } else { 0 };
    Timestamp((seconds + era - SECONDS_1900_TO_1970) << 16 | (ntp >> 16) & 0xffff)
}

const SECONDS_1900_TO_1970: u64 = 2_208_988_800;

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn ntp_time_and_the_timestamp_of_rfc_5213_say_the_same_time() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_500);
        let time = Timestamp::from_system_time(at);
        assert_eq!(ntp(time), (1_700_000_000 + 2_208_988_800) << 32 | 1 << 31);
        assert_eq!(from_ntp(ntp(time)), time);
        let after_2036 = Timestamp::from_system_time(at + Duration::from_secs(500_000_000));
        assert_eq!(from_ntp(ntp(after_2036)), after_2036);
    }
}
