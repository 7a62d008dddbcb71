//! RADIUS servers.

use std::net::Ipv4Addr;

use kedge_grammar::{Args, Datum, Item, Secret, Writer};

use crate::key::Key;

/// A RADIUS server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RadiusServer {
    /// Its address.
    pub address: Ipv4Addr,
    /// Its port for authentication.
    pub auth_port: Option<u16>,
    /// Its port for accounting.
    pub acct_port: Option<u16>,
    /// The shared secret. Of one in a file it is empty until [`Config::read_key_files`].
    ///
    /// [`Config::read_key_files`]: crate::Config::read_key_files
    pub key: Option<Secret>,
    /// The file that the secret is in.
    pub key_file: Option<String>,
}

impl RadiusServer {
    pub(crate) fn read(item: &Item<Key>) -> Self {
        let key = item.section().args(Key::RadiusSecret);
        let key_file = key.as_ref().and_then(|args| args.text("PATH").map(str::to_owned));
        let key = key.map(|args| args.secret("KEY").cloned().unwrap_or_else(|| Secret::new([])));
        Self {
            address: item.args.ipv4("ADDRESS").expect("the table makes it mandatory"),
            auth_port: item.args.integer("AUTH-PORT"),
            acct_port: item.args.integer("ACCT-PORT"),
            key,
            key_file,
        }
    }

    pub(crate) fn write(&self, writer: &mut Writer<Key>) {
        let mut args = Args::default().with("ADDRESS", Datum::Ipv4(self.address));
        for (name, port) in [("AUTH-PORT", self.auth_port), ("ACCT-PORT", self.acct_port)] {
            if let Some(port) = port {
                args.push(name, Datum::Integer(port.into()));
            }
        }
        writer.block(Key::RadiusServer, args, |writer| {
            if let Some(path) = &self.key_file {
                let path = Datum::Text(path.clone());
                writer.put(Key::RadiusSecret, Args::default().with("PATH", path));
            } else if let Some(key) = &self.key {
                writer.value(Key::RadiusSecret, Datum::Secret(key.clone()));
            }
        });
    }
}
