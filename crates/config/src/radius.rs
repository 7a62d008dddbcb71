//! RADIUS servers, how patient we are with them, and what they are for.

use std::net::IpAddr;
use std::time::Duration;

use kedge_grammar::{Args, Datum, Item, Secret, Section, Writer};

use crate::dynamic_author::DynamicAuthor;
use crate::key::Key;
use crate::shared::host;

/// The group that is all servers.
const ALL: &str = "radius";

/// What is said about RADIUS.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RadiusConfig {
    /// How long an answer is waited for, each time a request is sent.
    pub timeout: Duration,
    /// How often a request is sent again before another server is asked.
    pub retransmit: u8,
    /// How long a server that does not answer is left alone; zero never leaves it alone.
    pub dead_time: Duration,
    /// The servers, in the order in which they are asked.
    pub servers: Vec<RadiusServer>,
    /// The group of servers that accounting records of the mobile services go to.
    pub accounting_group: Option<String>,
    /// Who may change and end sessions, if anybody may.
    pub dynamic_author: Option<DynamicAuthor>,
}

/// A RADIUS server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RadiusServer {
    /// Its address.
    pub address: IpAddr,
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
    /// Its own [`RadiusConfig::timeout`].
    pub timeout: Option<Duration>,
    /// Its own [`RadiusConfig::retransmit`].
    pub retransmit: Option<u8>,
    /// Its answers to Access-Requests are believed without a Message-Authenticator.
    pub lenient: bool,
    /// It is asked over TLS.
    pub tls: Option<RadiusTls>,
}

/// A server over TLS (RFC 6614). The files may be missing in a fragment; they are needed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RadiusTls {
    /// Its TCP port.
    pub port: u16,
    /// The file of the certificates that vouch for it.
    pub ca_file: Option<String>,
    /// The file of our certificate.
    pub certificate: Option<String>,
    /// The file of our private key.
    pub private_key: Option<String>,
    /// The name in its certificate; its address without one.
    pub server_name: Option<String>,
}

impl Default for RadiusConfig {
    /// What an empty configuration says.
    fn default() -> Self {
        Self::read(Section::new(&crate::table::GLOBAL, &[]))
    }
}

impl RadiusConfig {
    /// Whether accounting records have somewhere to go.
    pub fn accounts(&self) -> bool {
        self.accounting_group.as_deref() == Some(ALL) && !self.servers.is_empty()
    }

    /// A group of servers that is named, and is none.
    pub fn unknown_group(&self) -> Option<&str> {
        self.accounting_group.as_deref().filter(|group| *group != ALL)
    }

    pub(crate) fn read(section: Section<'_, Key>) -> Self {
        Self {
            timeout: Duration::from_secs(section.number(Key::RadiusTimeout)),
            retransmit: section.number(Key::RadiusRetransmit),
            dead_time: Duration::from_secs(section.number::<u64>(Key::RadiusDeadTime) * 60),
            servers: section.each(Key::RadiusServer).map(RadiusServer::read).collect(),
            accounting_group: section.text(Key::AccountingGroup),
            dynamic_author: section.find(Key::DynamicAuthor).map(DynamicAuthor::read),
        }
    }

    pub(crate) fn write(&self, writer: &mut Writer<Key>) {
        writer.number(Key::RadiusTimeout, self.timeout.as_secs());
        writer.number(Key::RadiusRetransmit, self.retransmit);
        writer.number(Key::RadiusDeadTime, self.dead_time.as_secs() / 60);
        self.servers.iter().for_each(|server| server.write(writer));
        writer.text(Key::AccountingGroup, self.accounting_group.as_deref());
        self.dynamic_author.iter().for_each(|dynamic| dynamic.write(writer));
    }
}

impl RadiusServer {
    fn read(item: &Item<Key>) -> Self {
        let section = item.section();
        let key = section.args(Key::RadiusSecret);
        let key_file = key.as_ref().and_then(|args| args.text("PATH").map(str::to_owned));
        let key = key.map(|args| args.secret("KEY").cloned().unwrap_or_else(|| Secret::new([])));
        Self {
            address: host(&item.args),
            auth_port: item.args.integer("AUTH-PORT"),
            acct_port: item.args.integer("ACCT-PORT"),
            key,
            key_file,
            timeout: section.optional_number(Key::RadiusTimeout).map(Duration::from_secs),
            retransmit: section.optional_number(Key::RadiusRetransmit),
            lenient: section.is_on(Key::RadiusLenient),
            tls: section.find(Key::RadiusTls).map(RadiusTls::read),
        }
    }

    fn write(&self, writer: &mut Writer<Key>) {
        let mut args = Args::default().with("ADDRESS", self.address.into());
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
            writer.optional_number(Key::RadiusTimeout, self.timeout.map(|t| t.as_secs()));
            writer.optional_number(Key::RadiusRetransmit, self.retransmit);
            writer.on(Key::RadiusLenient, self.lenient);
            self.tls.iter().for_each(|tls| tls.write(writer));
        });
    }
}

impl RadiusTls {
    fn read(item: &Item<Key>) -> Self {
        let section = item.section();
        Self {
            port: section.number(Key::RadiusTlsPort),
            ca_file: section.text(Key::RadiusTlsAuthority),
            certificate: section.text(Key::RadiusTlsCertificate),
            private_key: section.text(Key::RadiusTlsPrivate),
            server_name: section.text(Key::RadiusTlsName),
        }
    }

    fn write(&self, writer: &mut Writer<Key>) {
        writer.block(Key::RadiusTls, Args::default(), |writer| {
            writer.number(Key::RadiusTlsPort, self.port);
            writer.text(Key::RadiusTlsAuthority, self.ca_file.as_deref());
            writer.text(Key::RadiusTlsCertificate, self.certificate.as_deref());
            writer.text(Key::RadiusTlsPrivate, self.private_key.as_deref());
            writer.text(Key::RadiusTlsName, self.server_name.as_deref());
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Change, Object, What, changes, parse, render};

    #[test]
    fn everything_about_radius_is_read_and_written_back() {
        let text = "\
radius-server timeout 2
radius-server retransmit 1
radius-server deadtime 0
radius-server host 192.0.2.1 auth-port 1645 acct-port 1646
 timeout 9
 retransmit 0
 message-authenticator optional
!
radius-server host 2001:db8::1
 tls
  port 2084
  ca-file /etc/kedge/radius/ca.pem
  certificate /etc/kedge/radius/us.pem
  private-key /etc/kedge/radius/us.key
  server-name aaa.example.com
 !
!
aaa accounting mobile default group radius
";
        let (config, warnings) = parse(text, "t").unwrap();
        assert!(warnings.is_empty(), "{warnings:?}");
        assert!(config.radius.accounts());
        assert_eq!(config.radius.dead_time, Duration::ZERO);
        let [first, second] = &config.radius.servers[..] else { panic!("two servers") };
        assert_eq!((first.timeout, first.retransmit), (Some(Duration::from_secs(9)), Some(0)));
        assert!(first.lenient && !second.lenient);
        let tls = second.tls.as_ref().unwrap();
        assert_eq!((tls.port, tls.server_name.as_deref()), (2084, Some("aaa.example.com")));
        assert_eq!(render(&config), text);
    }

    #[test]
    fn the_first_server_stays_the_first() {
        let text = "radius-server host 192.0.2.9\n!\nradius-server host 192.0.2.1\n!\n";
        let (config, _) = parse(text, "t").unwrap();
        assert_eq!(config.radius.servers[0].address, IpAddr::from([192, 0, 2, 9]));
        assert_eq!(render(&config), text);
    }

    #[test]
    fn a_change_of_a_server_names_the_server() {
        let read = |text| parse(text, "t").unwrap().0;
        let before = read("radius-server host 192.0.2.9\n tls\n  port 1\n");
        let after = read("radius-server host 192.0.2.9\n tls\n  port 2\n");
        let changes = changes(&before, &after);
        let [Change { object, what: What::Set { command }, .. }] = &changes[..] else {
            panic!("{changes:?}")
        };
        assert_eq!(*object, Object::RadiusServer(IpAddr::from([192, 0, 2, 9])));
        assert_eq!(command, "port");
    }
}
