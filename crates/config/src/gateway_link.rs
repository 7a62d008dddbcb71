//! The interfaces of a gateway: those that nodes are on, and those that lead to anchors.

use kedge_grammar::{Datum, Item, Writer};

use crate::key::Key;
use crate::keyword::keywords;
use crate::shared;

keywords! {
    /// Access technologies (RFC 5213 §8.5 and its registry).
    pub enum AccessTechnology {
        Virtual = "virtual", "A virtual interface";
        Ppp = "ppp", "The Point-to-Point Protocol";
        Ethernet = "ethernet", "Ethernet, IEEE 802.3";
        Wlan = "wlan", "Wireless LAN, IEEE 802.11";
        Wimax = "wimax", "WiMAX, IEEE 802.16e";
        Geran = "3gpp-geran", "3GPP GERAN";
        Utran = "3gpp-utran", "3GPP UTRAN";
        EUtran = "3gpp-eutran", "3GPP E-UTRAN";
        Ehrpd = "3gpp2-ehrpd", "3GPP2 eHRPD";
        Hrpd = "3gpp2-hrpd", "3GPP2 HRPD";
        OneXrtt = "3gpp2-1rtt", "3GPP2 1xRTT";
        Umb = "3gpp2-umb", "3GPP2 UMB";
    }
}

/// An access interface.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccessInterface {
    /// Its name in the configuration.
    pub name: String,
    /// The Linux device when it has another name ([`Self::device`]).
    pub device: Option<String>,
    /// Its access technology; `None` is what the role implies ([`MagConfig::technology`]).
    pub technology: Option<AccessTechnology>,
    /// The identifier of the one node on it.
    pub nai: Option<String>,
    /// That node is attached while the link is up.
    pub attach_static: bool,
}

keywords! {
    /// The access technology of a roaming interface.
    pub enum EgressTechnology {
        ThirdGeneration = "3G", "Third generation";
        Ethernet = "ETHERNET", "Ethernet";
        Lte = "LTE", "Long term evolution";
        Wlan = "WLAN", "Wireless LAN";
    }
}

/// An interface whose address is a care-of address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoamingInterface {
    /// Its name in the configuration.
    pub name: String,
    /// Preference among the interfaces, 1 to 100.
    pub priority: Option<u8>,
    /// Its access technology.
    pub technology: Option<EgressTechnology>,
    /// The label that mobile maps and heartbeats refer to.
    pub label: Option<String>,
}

impl AccessTechnology {
    /// The Access Technology Type option's value.
    pub fn number(self) -> u8 {
        match self {
            Self::Virtual => 1,
            Self::Ppp => 2,
            Self::Ethernet => 3,
            Self::Wlan => 4,
            Self::Wimax => 5,
            Self::Geran => 6,
            Self::Utran => 7,
            Self::EUtran => 8,
            Self::Ehrpd => 9,
            Self::Hrpd => 10,
            Self::OneXrtt => 11,
            Self::Umb => 12,
        }
    }
}

impl AccessInterface {
    /// The Linux device.
    pub fn device(&self) -> &str {
        self.device.as_deref().unwrap_or(&self.name)
    }

    pub(crate) fn read(item: &Item<Key>) -> Self {
        let section = item.section();
        Self {
            name: shared::interface(&item.args),
            device: section.text(Key::InterfaceDevice),
            technology: section
                .word(Key::InterfaceTechnology)
                .and_then(AccessTechnology::from_word),
            nai: section.text(Key::InterfaceNai),
            attach_static: section.is_on(Key::InterfaceAttach),
        }
    }

    pub(crate) fn write(&self, writer: &mut Writer<Key>) {
        writer.block(Key::Interface, shared::interface_args(&self.name), |writer| {
            writer.text(Key::InterfaceDevice, self.device.as_deref());
            if let Some(technology) = self.technology {
                writer.value(Key::InterfaceTechnology, Datum::Word(technology.word()));
            }
            writer.text(Key::InterfaceNai, self.nai.as_deref());
            writer.on(Key::InterfaceAttach, self.attach_static);
        });
    }
}

impl RoamingInterface {
    pub(crate) fn read(item: &Item<Key>) -> Self {
        Self {
            name: shared::interface(&item.args),
            priority: item.args.integer("PRIORITY"),
            technology: item.args.word("att").and_then(EgressTechnology::from_word),
            label: item.args.text("LABEL").map(str::to_owned),
        }
    }

    pub(crate) fn write(&self, writer: &mut Writer<Key>) {
        let mut args = shared::interface_args(&self.name);
        if let Some(priority) = self.priority {
            args.push("PRIORITY", Datum::Integer(priority.into()));
        }
        if let Some(technology) = self.technology {
            args.push("att", Datum::Word(technology.word()));
        }
        if let Some(label) = &self.label {
            args.push("LABEL", Datum::Text(label.clone()));
        }
        writer.put(Key::Roaming, args);
    }
}
