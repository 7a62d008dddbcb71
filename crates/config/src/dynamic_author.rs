//! Who may change and end sessions by RADIUS (RFC 5176).

use std::net::IpAddr;

use kedge_grammar::{Args, Datum, Item, Secret, Writer};

use crate::key::Key;
use crate::shared::host;

/// The hosts that may ask for changes, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DynamicAuthor {
    /// The UDP port they send to.
    pub port: u16,
    /// A request that does not say when it was made is dropped.
    pub needs_timestamp: bool,
    /// Who may ask.
    pub clients: Vec<DynamicClient>,
}

/// A host that may ask for changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DynamicClient {
    /// Its address.
    pub address: IpAddr,
    /// The shared secret. Of one in a file it is empty until [`Config::read_key_files`].
    ///
    /// [`Config::read_key_files`]: crate::Config::read_key_files
    pub key: Secret,
    /// The file that the secret is in.
    pub key_file: Option<String>,
}

impl DynamicAuthor {
    pub(crate) fn read(item: &Item<Key>) -> Self {
        let section = item.section();
        Self {
            port: section.number(Key::DynamicPort),
            needs_timestamp: section.is_on(Key::DynamicTimestamp),
            clients: section.each(Key::DynamicClient).map(DynamicClient::read).collect(),
        }
    }

    pub(crate) fn write(&self, writer: &mut Writer<Key>) {
        writer.block(Key::DynamicAuthor, Args::default(), |writer| {
            self.clients.iter().for_each(|client| client.write(writer));
            writer.number(Key::DynamicPort, self.port);
            writer.on(Key::DynamicTimestamp, self.needs_timestamp);
        });
    }
}

impl DynamicClient {
    fn read(item: &Item<Key>) -> Self {
        Self {
            address: host(&item.args),
            key: item.args.secret("KEY").cloned().unwrap_or_else(|| Secret::new([])),
            key_file: item.args.text("PATH").map(str::to_owned),
        }
    }

    fn write(&self, writer: &mut Writer<Key>) {
        let mut args = Args::default().with("ADDRESS", self.address.into());
        match &self.key_file {
            Some(path) => args.push("PATH", Datum::Text(path.clone())),
            None => args.push("KEY", Datum::Secret(self.key.clone())),
        }
        writer.put(Key::DynamicClient, args);
    }
}

#[cfg(test)]
mod tests {
    use crate::{Secret, parse, render};

    #[test]
    fn the_clients_are_read_and_written_back() {
        let text = "aaa server radius dynamic-author\n client 192.0.2.9 server-key file /k\n \
                    client 2001:db8::9 server-key file /l\n port 1700\n \
                    event-timestamp required\n!\n";
        let (mut config, warnings) = parse(text, "t").unwrap();
        assert!(warnings.is_empty(), "{warnings:?}");
        config.read_key_files(|path| Ok::<_, ()>(Secret::new(path))).unwrap();
        let dynamic = config.radius.dynamic_author.as_ref().unwrap();
        assert_eq!((dynamic.port, dynamic.needs_timestamp), (1700, true));
        assert_eq!(dynamic.clients[1].key.expose(), b"/l");
        assert_eq!(render(&config), text);
        let text = "aaa server radius dynamic-author\n client 192.0.2.9 server-key 0 sesame\n";
        let (config, _) = parse(text, "t").unwrap();
        let dynamic = config.radius.dynamic_author.as_ref().unwrap();
        assert_eq!((dynamic.port, dynamic.clients[0].key.expose()), (3799, &b"sesame"[..]));
        assert_eq!(parse(&render(&config), "t").unwrap().0, config, "written and read again");
    }
}
