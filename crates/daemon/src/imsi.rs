//! Subscribers by their IMSI, which is in the identifiers that 3GPP makes of it.
//!
//! TS 23.003 section 19.3 gives a node the identifier `<IMSI>@nai.epc.mnc<MNC>.mcc<MCC>.
//! 3gppnetwork.org`, with one more digit before the IMSI where it has authenticated: 0 for EAP-AKA,
//! 1 for EAP-SIM, 6 for EAP-AKA'.

use kedge_lma::{Binding, Lma};
use kedge_model::MnId;

/// The digits of an international mobile subscriber identity.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Imsi(String);

impl Imsi {
    /// `None` when it is not 6 to 15 digits.
    pub fn new(digits: &str) -> Option<Self> {
        let right = (6..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        right.then(|| Self(digits.to_owned()))
    }

    /// Whether an identifier is made of it.
    pub fn is_in(&self, mn_id: &MnId) -> bool {
        let Some((user, realm)) = mn_id.as_nai().and_then(|nai| nai.split_once('@')) else {
            return false;
        };
        let user = user.strip_suffix(&self.0).unwrap_or("none");
        let realm = realm.to_ascii_lowercase();
        matches!(user, "" | "0" | "1" | "6") && realm.ends_with(".3gppnetwork.org")
    }

    /// The bindings of its subscriber.
    pub fn bindings<'a>(&'a self, lma: &'a Lma) -> impl Iterator<Item = &'a Binding> {
        lma.bindings().filter(|binding| self.is_in(&binding.mn_id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_imsi_is_found_in_identifiers_of_3gpp_form_and_nowhere_else() {
        let imsi = Imsi::new("001010123456789").expect("digits");
        let is_in = |nai: &str| imsi.is_in(&MnId::nai(nai).expect("short"));
        for user in ["", "0", "1", "6"] {
            let realm = "nai.epc.mnc001.mcc001.3gppnetwork.org";
            assert!(is_in(&format!("{user}001010123456789@{realm}")), "{user}");
        }
        for other in [
            "001010123456789@example.net",
            "7001010123456789@nai.epc.mnc001.mcc001.3gppnetwork.org",
            "001010123456780@nai.epc.mnc001.mcc001.3gppnetwork.org",
            "01010123456789@nai.epc.mnc001.mcc001.3gppnetwork.org",
            "001010123456789",
        ] {
            assert!(!is_in(other), "{other}");
        }
        for wrong in ["12345", "1234567890123456", "12345x"] {
            assert_eq!(Imsi::new(wrong), None);
        }
    }
}
