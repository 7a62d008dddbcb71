use super::OptionBody;
use crate::registry::OptionType;
use crate::{DecodeError, Reader, Writer};

/// Service Selection Mobility option, RFC 5149 §3. No alignment.
///
/// ```text
/// |   Type = 20   |   Length      | Identifier ...
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ServiceSelection<'a> {
    identifier: &'a [u8],
}

impl<'a> ServiceSelection<'a> {
    /// `None` unless the identifier is 1 to 255 octets long.
    pub fn new(identifier: &'a [u8]) -> Option<Self> {
        (1..=255).contains(&identifier.len()).then_some(Self { identifier })
    }

    /// A name as the mobile operators' gateways write it in this option (3GPP TS 29.275): its parts,
    /// each behind an octet with its length, and no dots (TS 23.003 §9.1). `None` unless each has 1 to
    /// 63 octets.
    ///
    /// ```text
    /// | 8 |  internet  | 7 |  example  | 3 |  net  |
    /// ```
    pub fn labels(name: &str) -> Option<String> {
        let mut labels = String::with_capacity(name.len() + 1);
        for part in name.split('.') {
            let length = u8::try_from(part.len()).ok().filter(|length| (1..64).contains(length))?;
            labels.push(char::from(length));
            labels.push_str(part);
        }
        Some(labels)
    }

    /// Whether this is the service of a name, written as the name is or as labels.
    pub fn is(&self, name: &str) -> bool {
        self.identifier == name.as_bytes()
            || Self::labels(name).is_some_and(|labels| self.identifier == labels.as_bytes())
    }

    /// The service's name; UTF-8 if the sender keeps to the RFC.
    pub fn identifier(&self) -> &'a [u8] {
        self.identifier
    }
}

impl<'a> OptionBody<'a> for ServiceSelection<'a> {
    const TYPE: OptionType = OptionType::SERVICE_SELECTION;

    fn decode(body: &mut Reader<'a>) -> Result<Self, DecodeError> {
        // RFC 5149 §3: a Length of zero is not allowed.
        body.clone().skip(1, "identifier")?;
        Ok(Self { identifier: body.rest() })
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.bytes(self.identifier);
    }
}
