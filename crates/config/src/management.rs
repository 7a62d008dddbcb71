//! Management from other hosts.

use std::net::SocketAddr;

use kedge_grammar::{Args, Datum, Item, Writer};

use crate::key::Key;

/// How clients of other hosts come in. Each may be missing in a fragment; together they are
/// needed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ManagementApi {
    /// Where they connect to.
    pub listen: Option<SocketAddr>,
    /// The file of the certificate.
    pub certificate: Option<String>,
    /// The file of its private key.
    pub private_key: Option<String>,
    /// The file of the tokens.
    pub tokens: Option<String>,
}

impl ManagementApi {
    pub(crate) fn read(item: &Item<Key>) -> Self {
        let section = item.section();
        let listen = section
            .args(Key::ApiListen)
            .and_then(|args| Some(SocketAddr::new(args.ip("ADDRESS")?, args.integer("PORT")?)));
        Self {
            listen,
            certificate: section.text(Key::ApiCertificate),
            private_key: section.text(Key::ApiKeyFile),
            tokens: section.text(Key::ApiTokens),
        }
    }

    pub(crate) fn write(&self, writer: &mut Writer<Key>) {
        writer.block(Key::ManagementApi, Args::default(), |writer| {
            if let Some(listen) = self.listen {
                let port = Datum::Integer(listen.port().into());
                let args = Args::default().with("ADDRESS", listen.ip().into()).with("PORT", port);
                writer.put(Key::ApiListen, args);
            }
            writer.text(Key::ApiCertificate, self.certificate.as_deref());
            writer.text(Key::ApiKeyFile, self.private_key.as_deref());
            writer.text(Key::ApiTokens, self.tokens.as_deref());
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::{ManagementApi, parse, render};

    #[test]
    fn the_block_is_read_and_written_back() {
        let text = "\
management-api
 listen 2001:db8::1 port 7443
 certificate /etc/kedge/certificate.pem
 private-key /etc/kedge/key.pem
 tokens \"/etc/kedge/my tokens\"
!
";
        let (config, warnings) = parse(text, "t").unwrap();
        assert!(warnings.is_empty());
        let expected = ManagementApi {
            listen: Some("[2001:db8::1]:7443".parse().unwrap()),
            certificate: Some("/etc/kedge/certificate.pem".to_owned()),
            private_key: Some("/etc/kedge/key.pem".to_owned()),
            tokens: Some("/etc/kedge/my tokens".to_owned()),
        };
        assert_eq!(config.management_api, Some(expected));
        assert_eq!(render(&config), text);
    }

    #[test]
    fn the_name_of_the_key_is_no_secret() {
        let errors = parse("management-api\n private-key /etc/key.pem more\n", "t").unwrap_err();
        assert!(errors[0].to_string().contains("private-key /etc/key.pem"), "{}", errors[0]);
    }
}
