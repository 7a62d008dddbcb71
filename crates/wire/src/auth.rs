//! The authentication protocol of RFC 4285: a shared key instead of IPsec.
//!
//! A message is protected by an MN-HA authentication option (§5.1), its last, whose data is
//!
//! ```text
//! First (96, HMAC_SHA1 (key, care-of address | home address | MH data))
//! ```
//!
//! MH data is the message from Payload Proto up to and including the Mobility SPI of the option
//! itself, with Header Len as it is sent and the Checksum field zero. The padding in front of the
//! option is covered.
//!
//! RFC 4285 knows a mobile node and 16-octet addresses. How a proxy fills in the two addresses is
//! the caller's choice (docs/rfc/rfc4285.md); an IPv4 address stands as its IPv4-mapped form.

use std::fmt;
use std::net::IpAddr;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use crate::PacketRef;
use crate::encoder::pad;
use crate::header::{CHECKSUM_AT, MAX_LEN, set_len};
use crate::option::{Authentication, MobilityOption, OptionBody, OptionsRef};
use crate::registry::AuthenticationSubtype;

/// Octets of authentication data: the first 96 bits of the HMAC.
const DATA_LEN: usize = 12;
/// Octets of the option from its Type to the end of the Mobility SPI.
const SPI_END: usize = 7;

/// A shared key and the number that names it.
///
/// The key schedule is computed once. The secret is not kept, what is derived from it is wiped
/// when the key is dropped, and `Debug` shows only the number.
#[derive(Clone)]
pub struct Key {
    spi: u32,
    mac: Hmac<Sha1>,
}

/// The same number and the same secret, as far as what is derived from it tells.
impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        let of_nothing = |key: &Self| key.mac.clone().finalize();
        self.spi == other.spi && of_nothing(self) == of_nothing(other)
    }
}

impl Eq for Key {}

/// What the authentication of a received message came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AuthVerdict {
    /// The message has no MN-HA authentication option.
    Missing,
    /// There is no key of this number.
    UnknownSpi(u32),
    /// The authentication data is not what the key gives, or the option does not stand where it
    /// covers the whole message.
    Wrong,
    /// Who sent this has the key.
    Valid,
}

impl Key {
    /// A key of any length; RFC 4285 §5.1 says 16 octets. Numbers below 256 are reserved there.
    pub fn new(spi: u32, secret: &[u8]) -> Self {
        // HMAC takes a key of any length (RFC 2104 §3).
        let mac = Hmac::new_from_slice(secret).expect("HMAC takes keys of any length");
        Self { spi, mac }
    }

    /// The Mobility SPI.
    pub fn spi(&self) -> u32 {
        self.spi
    }

    /// The HMAC over the addresses and a message up to and including the Mobility SPI.
    fn mac(&self, care_of: IpAddr, home: IpAddr, mh_data: &[u8]) -> Hmac<Sha1> {
        let mut mac = self.mac.clone();
        mac.update(&octets(care_of));
        mac.update(&octets(home));
        let (before, rest) = mh_data.split_at(CHECKSUM_AT.min(mh_data.len()));
        mac.update(before);
        mac.update(&[0, 0]);
        mac.update(rest.get(2..).unwrap_or_default());
        mac
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("spi", &self.spi).finish_non_exhaustive()
    }
}

/// Protects the message at the end of `out`, which an [`Encoder`](crate::Encoder) wrote: puts an
/// MN-HA authentication option behind its last option and corrects its Header Len.
///
/// Final padding gives way to the padding in front of the option. Octets that are no message, or
/// have no room for the option, stay as they are; what an encoder wrote always has room.
pub fn sign(out: &mut Vec<u8>, start_of_mh: usize, key: &Key, care_of: IpAddr, home: IpAddr) {
    let Some(Ok(packet)) = out.get(start_of_mh..).map(PacketRef::decode) else { return };
    let end = packet.options.end();
    let at = end + <Authentication<'_> as OptionBody<'_>>::ALIGN.padding(end);
    if at + SPI_END + DATA_LEN > MAX_LEN {
        return;
    }
    out.truncate(start_of_mh + end);
    pad(out, at - end);
    // The data is written as zeros first, so that Header Len has its final value under the HMAC.
    let option = Authentication::new(AuthenticationSubtype::MN_HA, key.spi, &[0; DATA_LEN]);
    let Some(option) = option else { return };
    MobilityOption::from(option).encode(out);
    let Some(message) = out.get_mut(start_of_mh..) else { return };
    set_len(message);
    let (covered, data) = message.split_at_mut(at + SPI_END);
    let mac = key.mac(care_of, home, covered).finalize().into_bytes();
    data.copy_from_slice(&mac[..DATA_LEN]);
}

/// Judges a received message, which begins at its Payload Proto octet.
///
/// `key_for_spi` finds the sender's key. The comparison takes the same time wherever the
/// difference is. Octets that are no message have no authentication.
pub fn verify<'k>(
    mh: &[u8],
    key_for_spi: impl FnOnce(u32) -> Option<&'k Key>,
    care_of: IpAddr,
    home: IpAddr,
) -> AuthVerdict {
    let Ok(packet) = PacketRef::decode(mh) else { return AuthVerdict::Missing };
    let Some(found) = find(packet.options) else { return AuthVerdict::Missing };
    let spi = found.option.spi();
    let Some(key) = key_for_spi(spi) else { return AuthVerdict::UnknownSpi(spi) };
    let Some(covered) = mh.get(..found.offset + SPI_END) else { return AuthVerdict::Missing };
    if found.misplaced || found.option.data().len() != DATA_LEN {
        return AuthVerdict::Wrong;
    }
    match key.mac(care_of, home, covered).verify_truncated_left(found.option.data()) {
        Ok(()) => AuthVerdict::Valid,
        Err(_) => AuthVerdict::Wrong,
    }
}

/// The MN-HA option of a message.
struct Found<'a> {
    /// Where its Type octet stands.
    offset: usize,
    option: Authentication<'a>,
    misplaced: bool,
}

/// Finds the MN-HA option and looks at what stands around it. Behind it only padding and
/// authentication options of other subtypes may stand, anything else would be believed
/// unprotected; and those others may not stand before it, nor may there be a second one
/// (RFC 4285 §5).
fn find(options: OptionsRef<'_>) -> Option<Found<'_>> {
    const MN_HA: AuthenticationSubtype = AuthenticationSubtype::MN_HA;
    let mut found = None;
    let mut misplaced = false;
    for (offset, option) in options.with_offsets() {
        let authentication = match option {
            MobilityOption::Authentication(option) => Some(option),
            _ => None,
        };
        match (&found, authentication) {
            (None, Some(option)) if option.subtype() == MN_HA => found = Some((offset, option)),
            (None, Some(_)) => misplaced = true,
            (None, None) => {}
            (Some(_), Some(option)) if option.subtype() != MN_HA => {}
            (Some(_), _) => misplaced = true,
        }
    }
    found.map(|(offset, option)| Found { offset, option, misplaced })
}

fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}
