//! What FreeRADIUS writes down: its detail file, a paragraph for each accounting record.

use std::collections::BTreeMap;

/// An accounting record as FreeRADIUS wrote it: the values of each attribute, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record(BTreeMap<String, Vec<String>>);

impl Record {
    pub(crate) fn read_all(text: &str) -> Vec<Self> {
        text.split("\n\n").map(Self::read).filter(|record| !record.0.is_empty()).collect()
    }

    fn read(text: &str) -> Self {
        let mut values = BTreeMap::<String, Vec<String>>::new();
        for (name, value) in text.lines().filter_map(|line| line.trim().split_once(" = ")) {
            // A tag of zero is none.
            let name = name.split_once(':').map_or(name, |(name, _)| name);
            values.entry(name.to_owned()).or_default().push(value.trim_matches('"').to_owned());
        }
        Self(values)
    }

    /// The first value of an attribute.
    #[must_use]
    pub fn get(&self, attribute: &str) -> &str {
        self.0.get(attribute).and_then(|values| values.first()).map_or("", String::as_str)
    }

    /// The first value of an attribute as a number; zero if it is none.
    #[must_use]
    pub fn number(&self, attribute: &str) -> u64 {
        self.get(attribute).parse().unwrap_or(0)
    }

    /// Acct-Status-Type.
    #[must_use]
    pub fn status(&self) -> &str {
        self.get("Acct-Status-Type")
    }

    /// Octets of a direction, the gigawords added.
    #[must_use]
    pub fn octets(&self, direction: &str) -> u64 {
        let gigawords = self.number(&format!("Acct-{direction}-Gigawords"));
        (gigawords << 32) + self.number(&format!("Acct-{direction}-Octets"))
    }
}
