//! RFC 4285 against values computed elsewhere, and against tampering.

use std::net::IpAddr;
use std::sync::OnceLock;

use kedge_model::{Lifetime, MnId, Sequence};
use kedge_wire::auth::{AuthVerdict, Key, sign, verify};
use kedge_wire::registry::{AuthenticationSubtype, MnIdSubtype};
use kedge_wire::*;

const SECRET: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
const SPI: u32 = 1000;
/// Octets of the signed update in front of its Authentication Data.
const COVERED: usize = 44;

// The expected octets were computed with Python:
//
//   import hmac, hashlib, ipaddress
//   coa = ipaddress.ip_address('2001:db8:1::2').packed
//   mh = bytes.fromhex('3b060500 0000 1234 8200 0384') + b'\x08\x10\x01mn1@example.com' \
//      + b'\x01\x05\0\0\0\0\0' + b'\x09\x11\x01' + (1000).to_bytes(4, 'big')
//   hmac.new(bytes(range(16)), coa + coa + mh, hashlib.sha1).digest()[:12]
#[test]
fn a_signed_update_is_what_an_independent_hmac_gives() {
    let signed = signed();
    let mh = "3b06050000001234820003840810016d6e31406578616d706c652e636f6d\
              01050000000000091101000003e8bd3161448384294f3ee1b84f";
    assert_eq!(hex(&signed), mh);
    assert_eq!(check(&signed), AuthVerdict::Valid);
}

// As above with coa = bytes(10) + b'\xff\xff' + bytes([192, 0, 2, 7]) and a home address of
// bytes(16).
#[test]
fn an_ipv4_care_of_address_stands_as_its_mapped_form() {
    let mut out = update();
    let care_of = "192.0.2.7".parse().unwrap();
    let home = "::".parse().unwrap();
    sign(&mut out, 0, key(), care_of, home);
    assert_eq!(hex(&out[COVERED..]), "f5ca36d3c1e0a6db95a96da5");
    let mapped = "::ffff:192.0.2.7".parse().unwrap();
    assert_eq!(verify(&out, |_| Some(key()), mapped, home), AuthVerdict::Valid);
}

#[test]
fn the_option_begins_at_8n_plus_5_and_ends_the_message() {
    for identifier in 0..40 {
        let mut out = b"in front".to_vec();
        let id = vec![b'x'; identifier];
        let mut encoder = Encoder::new(&mut out, BindingRefreshRequest);
        encoder.option(MnIdOption::new(MnIdSubtype::NAI, &id).unwrap());
        encoder.finish();
        sign(&mut out, 8, key(), care_of(), care_of());
        let mh = &out[8..];
        assert_eq!((usize::from(mh[1]) + 1) * 8, mh.len());
        assert_eq!(mh[mh.len() - 19..][..7], [9, 17, 1, 0, 0, 3, 232]);
        // No more padding than the option needs: what finished the message gave way.
        let options_end = 8 + 3 + identifier;
        assert!(mh.len() - 19 - options_end < 8, "{identifier}");
        assert_eq!(verify(mh, |_| Some(key()), care_of(), care_of()), AuthVerdict::Valid);
    }
}

#[test]
fn a_message_as_long_as_the_encoder_makes_it_can_be_signed() {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, BindingRefreshRequest);
    (0..7).for_each(|_| encoder.option(ServiceSelection::new(&[1; 255]).unwrap()));
    encoder.option(ServiceSelection::new(&[1; MAX_UNSIGNED - 8 - 7 * 257 - 2]).unwrap());
    assert_eq!(encoder.finish().omitted, 0);
    sign(&mut out, 0, key(), care_of(), care_of());
    assert_eq!(out.len(), MAX_LEN);
    assert_eq!(check(&out), AuthVerdict::Valid);
}

#[test]
fn octets_that_are_no_message_are_not_signed() {
    let mut out = b"\x3b\x01\x05\0\0\0".to_vec();
    sign(&mut out, 0, key(), care_of(), care_of());
    sign(&mut out, 7, key(), care_of(), care_of());
    assert_eq!(out, b"\x3b\x01\x05\0\0\0");
}

#[test]
fn a_change_of_any_covered_octet_is_noticed_and_of_the_checksum_is_not() {
    let signed = signed();
    for at in 0..signed.len() {
        let mut changed = signed.clone();
        changed[at] ^= 0x10;
        let valid = check(&changed) == AuthVerdict::Valid;
        assert_eq!(valid, (4..6).contains(&at), "octet {at}");
    }
}

#[test]
fn other_addresses_and_other_keys_are_wrong() {
    let signed = signed();
    let other: IpAddr = "2001:db8:1::3".parse().unwrap();
    let verdict = |care_of, home| verify(&signed, |_| Some(key()), care_of, home);
    assert_eq!(verdict(care_of(), care_of()), AuthVerdict::Valid);
    assert_eq!(verdict(other, care_of()), AuthVerdict::Wrong);
    assert_eq!(verdict(care_of(), other), AuthVerdict::Wrong);
    let stranger = Key::new(SPI, b"another secret");
    let verdict = verify(&signed, |_| Some(&stranger), care_of(), care_of());
    assert_eq!(verdict, AuthVerdict::Wrong);
}

#[test]
fn a_message_without_the_option_or_without_a_key_says_so() {
    assert_eq!(check(&update()), AuthVerdict::Missing);
    let verdict = verify(&signed(), |_| None, care_of(), care_of());
    assert_eq!(verdict, AuthVerdict::UnknownSpi(SPI));
    // MN-AAA is between others (RFC 4285 §5.2).
    let mn_aaa = Authentication::new(AuthenticationSubtype::MN_AAA, SPI, &[0; 12]).unwrap();
    assert_eq!(check(&with_behind(&update(), mn_aaa)), AuthVerdict::Missing);
}

#[test]
fn options_smuggled_in_behind_the_authentication_are_noticed() {
    // The attacker cannot correct Header Len under the HMAC, so let the key's owner have sent it
    // so: authenticated data that ends before an option must not be believed.
    let mut out = update();
    sign(&mut out, 0, key(), care_of(), care_of());
    let mut longer = out[..COVERED].to_vec();
    longer[1] += 1;
    let data = hmac_of(&longer);
    longer.extend_from_slice(&data);
    let mut padded = longer.clone();
    padded.extend_from_slice(&[1, 6, 0, 0, 0, 0, 0, 0]);
    assert_eq!(check(&padded), AuthVerdict::Valid, "padding carries nothing");
    longer.extend_from_slice(&[23, 2, 0, 1, 0, 0, 0, 0]);
    assert_eq!(check(&longer), AuthVerdict::Wrong);
}

#[test]
fn an_mn_aaa_option_may_follow() {
    let mut mh = signed()[..COVERED].to_vec();
    mh[1] += 3;
    let data = hmac_of(&mh);
    mh.extend_from_slice(&data);
    mh.extend_from_slice(&[1, 3, 0, 0, 0, 9, 17, 2, 0, 0, 0, 3]);
    mh.resize(56 + 24, 0);
    assert_eq!(check(&mh), AuthVerdict::Valid);
}

// RFC 4285 §5: MN-HA comes before MN-AAA, and there is one of each subtype.
#[test]
fn an_mn_aaa_option_in_front_and_a_second_mn_ha_option_are_wrong() {
    for subtype in [AuthenticationSubtype::MN_AAA, AuthenticationSubtype::MN_HA] {
        let other = Authentication::new(subtype, SPI, &[0; 12]).unwrap();
        let mut in_front = with_behind(&update(), other);
        sign(&mut in_front, 0, key(), care_of(), care_of());
        assert_eq!(check(&in_front), AuthVerdict::Wrong, "{subtype}");
    }
    let mut covered = signed()[..COVERED].to_vec();
    covered[1] += 3;
    let data = hmac_of(&covered);
    let mut twice = covered.clone();
    twice.extend_from_slice(&data);
    twice.extend_from_slice(&[1, 3, 0, 0, 0]);
    twice.extend_from_slice(&covered[COVERED - 7..]);
    twice.extend_from_slice(&data);
    assert_eq!(twice.len(), 56 + 24);
    assert_eq!(check(&twice), AuthVerdict::Wrong);
}

// A truncated value would be guessed in no time: one octet of it is right in 256 tries.
#[test]
fn authentication_data_of_another_length_is_wrong() {
    let full = signed();
    for len in [0, 1, 11] {
        let mut mh = full[..COVERED].to_vec();
        mh[COVERED - 6] = 5 + len as u8;
        mh.extend_from_slice(&hmac_of(&full[..COVERED])[..len]);
        mh.resize(full.len(), 0);
        assert_eq!(check(&mh), AuthVerdict::Wrong, "{len}");
    }
}

#[test]
fn a_key_does_not_show_its_secret() {
    assert_eq!(format!("{:?}", Key::new(256, b"secret")), "Key { spi: 256, .. }");
}

fn key() -> &'static Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    KEY.get_or_init(|| Key::new(SPI, &SECRET))
}

fn care_of() -> IpAddr {
    "2001:db8:1::2".parse().unwrap()
}

fn update() -> Vec<u8> {
    let (flags, lifetime) = (BuFlags::A | BuFlags::P, Lifetime::from_units(0x384));
    let mut out = Vec::new();
    let update = BindingUpdate { sequence: Sequence(0x1234), flags, lifetime };
    let mut encoder = Encoder::new(&mut out, update);
    encoder.option(MnIdOption::from(&MnId::nai("mn1@example.com").unwrap()));
    encoder.finish();
    out
}

fn signed() -> Vec<u8> {
    let mut out = update();
    sign(&mut out, 0, key(), care_of(), care_of());
    out
}

fn check(mh: &[u8]) -> AuthVerdict {
    verify(mh, |spi| (spi == SPI).then(key), care_of(), care_of())
}

fn with_behind(mh: &[u8], option: Authentication<'_>) -> Vec<u8> {
    let mut packet = Packet::decode(mh).unwrap();
    packet.options.push(option);
    let mut out = Vec::new();
    packet.encode(&mut out);
    out
}

/// The authentication data for these octets of a message, by the primitive itself.
fn hmac_of(covered: &[u8]) -> [u8; 12] {
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(&SECRET).unwrap();
    let IpAddr::V6(address) = care_of() else { panic!("the tests are over IPv6") };
    mac.update(&address.octets());
    mac.update(&address.octets());
    mac.update(covered);
    mac.finalize().into_bytes()[..12].try_into().unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|octet| format!("{octet:02x}")).collect()
}
