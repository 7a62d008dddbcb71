//! Who sent a packet: the authenticators of RFC 2865 §3 and RFC 2866 §3, the
//! Message-Authenticator of RFC 2869 §5.14, and the hiding of a password (RFC 2865 §5.2).

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::packet::HEADER;
use crate::{AttributeType, Packet, PacketRef, TooLong};

/// The secret that a server and its client share. It is wiped when it is dropped and never shown.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// A secret of any length.
    pub fn new(octets: &[u8]) -> Self {
        Self(Zeroizing::new(octets.to_vec()))
    }

    fn md5(&self, parts: &[&[u8]]) -> [u8; 16] {
        let mut digest = Md5::new();
        parts.iter().for_each(|part| digest.update(part));
        digest.update(&*self.0);
        digest.finalize().into()
    }

    fn hmac(&self, packet: &[u8], authenticator: &[u8; 16], value_at: usize) -> [u8; 16] {
        // HMAC takes a key of any length (RFC 2104 §3).
        let mac = Hmac::<Md5>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        let mut mac = mac.chain_update(&packet[..4]).chain_update(authenticator);
        mac.update(&packet[HEADER..value_at]);
        mac.update(&[0; 16]);
        mac.update(&packet[value_at + 16..]);
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Why a packet is not believed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Forged {
    /// The Authenticator is not that of the secret.
    #[error("bad authenticator")]
    Authenticator,
    /// The Message-Authenticator is not that of the secret, or is none.
    #[error("bad Message-Authenticator")]
    MessageAuthenticator,
    /// There is no Message-Authenticator where there must be one.
    #[error("no Message-Authenticator")]
    NoMessageAuthenticator,
}

impl Packet {
    /// Adds a Message-Authenticator to be filled in when the packet is signed.
    pub(crate) fn reserve(&mut self) -> Result<(), TooLong> {
        self.push(AttributeType::MESSAGE_AUTHENTICATOR, &[0; 16])
    }

    /// Signs an Access-Request, whose Authenticator is `random` (RFC 2865 §3).
    pub(crate) fn sign_access(&mut self, secret: &Secret, random: [u8; 16]) {
        self.set_authenticator(random);
        self.fill_in(secret, &random);
    }

    /// Signs an Accounting-Request, Disconnect-Request or CoA-Request (RFC 2866 §3, RFC 5176
    /// §2.3): the Authenticator is made with zeros in its place.
    pub fn sign_request(&mut self, secret: &Secret) {
        let zeros = [0; 16];
        self.set_authenticator(zeros);
        self.fill_in(secret, &zeros);
        self.set_authenticator(secret.md5(&[&self.bytes]));
    }

    /// Signs an answer to the request with this Authenticator.
    pub fn sign_answer(&mut self, secret: &Secret, request: [u8; 16]) {
        self.set_authenticator(request);
        self.fill_in(secret, &request);
        self.set_authenticator(secret.md5(&[&self.bytes]));
    }

    fn fill_in(&mut self, secret: &Secret, authenticator: &[u8; 16]) {
        let Some(at) = self.view().value_at(AttributeType::MESSAGE_AUTHENTICATOR) else { return };
        let value = secret.hmac(&self.bytes, authenticator, at);
        self.bytes[at..at + 16].copy_from_slice(&value);
    }
}

impl PacketRef<'_> {
    /// Whether this is an answer of who has the secret to the request with this Authenticator.
    pub fn verify_answer(
        &self,
        secret: &Secret,
        request: [u8; 16],
        needs_message_authenticator: bool,
    ) -> Result<(), Forged> {
        self.verify(secret, request, needs_message_authenticator)
    }

    /// Whether this is a request of who has the secret, of those that [`Packet::sign_request`]
    /// signs.
    pub fn verify_request(&self, secret: &Secret) -> Result<(), Forged> {
        self.verify(secret, [0; 16], false)
    }

    fn verify(
        &self,
        secret: &Secret,
        base: [u8; 16],
        needs_message_authenticator: bool,
    ) -> Result<(), Forged> {
        let bytes = self.bytes();
        let expected = secret.md5(&[&bytes[..4], &base, &bytes[HEADER..]]);
        if !bool::from(expected.ct_eq(&self.authenticator())) {
            return Err(Forged::Authenticator);
        }
        let mut present = self.all(AttributeType::MESSAGE_AUTHENTICATOR);
        let (first, second) = (present.next(), present.next());
        let Some(at) = self.value_at(AttributeType::MESSAGE_AUTHENTICATOR) else {
            return match needs_message_authenticator {
                true => Err(Forged::NoMessageAuthenticator),
                false => Ok(()),
            };
        };
        // At most one, and whole (RFC 2869 §5.19).
        let Some(value) = first.filter(|a| a.value.len() == 16 && second.is_none()) else {
            return Err(Forged::MessageAuthenticator);
        };
        match bool::from(secret.hmac(bytes, &base, at).ct_eq(value.value)) {
            true => Ok(()),
            false => Err(Forged::MessageAuthenticator),
        }
    }
}

/// Hides a password with the secret and the request's Authenticator (RFC 2865 §5.2). At most 128
/// octets of it are sent.
pub(crate) fn hide(password: &[u8], secret: &Secret, authenticator: &[u8; 16]) -> Vec<u8> {
    let mut padded = Zeroizing::new(password[..password.len().min(128)].to_vec());
    let len = padded.len().div_ceil(16).max(1) * 16;
    padded.resize(len, 0);
    let mut hidden: Vec<u8> = Vec::with_capacity(padded.len());
    let mut last = *authenticator;
    for chunk in padded.chunks_exact(16) {
        let mut digest = Md5::new();
        digest.update(&*secret.0);
        digest.update(last);
        let mask: [u8; 16] = digest.finalize().into();
        for (octet, mask) in chunk.iter().zip(mask) {
            hidden.push(octet ^ mask);
        }
        last.copy_from_slice(&hidden[hidden.len() - 16..]);
    }
    hidden
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Code;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        let octet =
            |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.chunks(2).map(octet).collect()
    }

    /// RFC 2865 §7.1: nemo logs in, and the server accepts.
    #[test]
    fn the_example_of_rfc_2865_is_hidden_and_verified_as_printed() {
        let secret = Secret::new(b"xyzzy5461");
        let authenticator: [u8; 16] =
            hex("0f 40 3f 94 73 97 80 57 bd 83 d5 cb 98 f4 22 7a").try_into().unwrap();
        let hidden = hex("0d be 70 8d 93 d4 13 ce 31 96 e4 3f 78 2a 0a ee");
        assert_eq!(hide(b"arctangent", &secret, &authenticator), hidden);
        let accept =
            hex("02 00 00 26 86 fe 22 0e 76 24 ba 2a 10 05 f6 bf 9b 55 e0 b2 06 06 00 00 \
             00 01 0f 06 00 00 00 00 0e 06 c0 a8 01 03");
        let accept = PacketRef::decode(&accept).unwrap();
        assert_eq!(accept.verify_answer(&secret, authenticator, false), Ok(()));
        let missing = Err(Forged::NoMessageAuthenticator);
        assert_eq!(accept.verify_answer(&secret, authenticator, true), missing);
        let other = Secret::new(b"xyzzy5462");
        let forged = Err(Forged::Authenticator);
        assert_eq!(accept.verify_answer(&other, authenticator, false), forged);
        assert_eq!(accept.verify_answer(&secret, [0; 16], false), forged);
    }

    #[test]
    fn a_long_password_is_hidden_in_blocks_and_an_empty_one_in_one() {
        let secret = Secret::new(b"s");
        assert_eq!(hide(b"", &secret, &[0; 16]).len(), 16);
        assert_eq!(hide(&[b'x'; 17], &secret, &[0; 16]).len(), 32);
        assert_eq!(hide(&[b'x'; 500], &secret, &[0; 16]).len(), 128);
    }

    #[test]
    fn one_wrong_bit_anywhere_is_noticed() {
        let secret = Secret::new(b"testing123");
        let mut request = Packet::new(Code::DISCONNECT_REQUEST, 9);
        request.reserve().unwrap();
        request.push(AttributeType::USER_NAME, b"mn1@example.com").unwrap();
        request.sign_request(&secret);
        assert_eq!(request.view().verify_request(&secret), Ok(()));
        for bit in 0..request.bytes().len() * 8 {
            let mut bent = request.bytes().to_vec();
            bent[bit / 8] ^= 1 << (bit % 8);
            let believed =
                PacketRef::decode(&bent).is_ok_and(|p| p.verify_request(&secret).is_ok());
            assert!(!believed, "bit {bit}");
        }
    }

    #[test]
    fn a_message_authenticator_that_is_wrong_short_or_twice_there_is_no_good() {
        let secret = Secret::new(b"testing123");
        let request = [7; 16];
        for values in [&[&[0_u8; 16][..]][..], &[&[0; 15]], &[&[0; 16], &[0; 16]]] {
            let mut answer = Packet::new(Code::ACCESS_ACCEPT, 1);
            for value in values {
                answer.push(AttributeType::MESSAGE_AUTHENTICATOR, value).unwrap();
            }
            // The Authenticator alone is right.
            answer.set_authenticator(request);
            answer.set_authenticator(secret.md5(&[&answer.bytes]));
            let verdict = answer.view().verify_answer(&secret, request, false);
            assert_eq!(verdict, Err(Forged::MessageAuthenticator), "{values:?}");
        }
        let mut answer = Packet::new(Code::ACCESS_ACCEPT, 1);
        answer.reserve().unwrap();
        answer.sign_answer(&secret, request);
        assert_eq!(answer.view().verify_answer(&secret, request, true), Ok(()));
        assert_eq!(format!("{secret:?}"), "Secret(..)");
    }
}
