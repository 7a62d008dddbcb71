//! Keys that are in files, so that the configuration itself holds no secret.

use kedge_grammar::Secret;

use crate::{AuthOption, Config, DomainConfig, LmaConfig, MagConfig};

impl Config {
    /// Reads the keys that are in files, each with `read`, which is given the path. The first
    /// failure ends it.
    pub fn read_key_files<E>(
        &mut self,
        mut read: impl FnMut(&str) -> Result<Secret, E>,
    ) -> Result<(), E> {
        for (path, key) in self.keys() {
            if let Some(path) = path {
                *key = read(path)?;
            }
        }
        Ok(())
    }

    pub(crate) fn has_key_files(&self) -> bool {
        // The copy is of what is small beside the rest: the paths need a look at everything.
        self.clone().keys().any(|(path, _)| path.is_some())
    }

    /// With the keys in the place of the files that they were read from.
    pub(crate) fn with_keys_inline(&self) -> Self {
        let mut config = self.clone();
        config.keys().for_each(|(path, key)| {
            if !key.expose().is_empty() {
                *path = None;
            }
        });
        config
    }

    /// Every key, with the file that it is in.
    fn keys(&mut self) -> impl Iterator<Item = (&mut Option<String>, &mut Secret)> {
        let Self { domains, lma, mag, radius, .. } = self;
        let servers = radius.servers.iter_mut();
        let servers = servers.filter_map(|s| Some((&mut s.key_file, s.key.as_mut()?)));
        let options = auth_options(domains, lma.as_mut(), mag.as_mut());
        let clients = radius.dynamic_author.iter_mut().flat_map(|dynamic| &mut dynamic.clients);
        let clients = clients.map(|client| (&mut client.key_file, &mut client.key));
        options.map(|auth| (&mut auth.key_file, &mut auth.key)).chain(servers).chain(clients)
    }
}

fn auth_options<'a>(
    domains: &'a mut [DomainConfig],
    lma: Option<&'a mut LmaConfig>,
    mag: Option<&'a mut MagConfig>,
) -> impl Iterator<Item = &'a mut AuthOption> {
    let domains = domains.iter_mut().flat_map(|domain| {
        domain.auth.iter_mut().chain(domain.nais.iter_mut().filter_map(|nai| nai.auth.as_mut()))
    });
    let lma = lma.into_iter().flat_map(|lma| {
        let customers = lma.local_loop.iter_mut().flat_map(|service| &mut service.customers);
        let customers = customers.filter_map(|customer| customer.auth.as_mut());
        lma.mags.iter_mut().filter_map(|mag| mag.auth.as_mut()).chain(customers)
    });
    let mag = mag.into_iter().flat_map(|mag| &mut mag.lmas);
    domains.chain(lma).chain(mag.filter_map(|lma| lma.auth.as_mut()))
}

#[cfg(test)]
mod tests {
    use crate::{Change, Object, Secret, Takes, What, changes, parse, render};

    #[test]
    fn a_key_in_a_file_is_read_from_there_and_written_back_as_the_path() {
        let text = "ipv6 mobile pmipv6-domain d\n auth-option spi 67 key file /etc/kedge/key\n";
        let (mut config, warnings) = parse(text, "t").unwrap();
        assert!(warnings.is_empty());
        let read = |path: &str| Ok::<_, ()>(Secret::new(format!("the key in {path}")));
        config.read_key_files(read).unwrap();
        let auth = config.domains[0].auth.clone().unwrap();
        assert_eq!(auth.key.expose(), b"the key in /etc/kedge/key");
        assert_eq!(render(&config), format!("{text}!\n"));
        assert_eq!(config.read_key_files(|_| Err("no such file")), Err("no such file"));
    }
    #[test]
    fn a_servers_key_may_be_in_a_file() {
        let text = "radius-server host 192.0.2.1\n key file /etc/kedge/radius\n";
        let (mut config, _) = parse(text, "t").unwrap();
        config.read_key_files(|_| Ok::<_, ()>(Secret::new("sesame"))).unwrap();
        let server = &config.radius.servers[0];
        assert_eq!(server.key.as_ref().map(Secret::expose), Some(b"sesame".as_slice()));
        assert_eq!(render(&config), format!("{text}!\n"));
    }

    #[test]
    fn a_file_whose_content_has_changed_is_a_change_of_what_it_is_the_key_of() {
        let text = "radius-server host 192.0.2.1\n key file /k\n\
                    ipv6 mobile pmipv6-domain d\n auth-option spi 67 key file /k\n";
        let with = |key: &str| {
            let (mut config, _) = parse(text, "t").unwrap();
            config.read_key_files(|_| Ok::<_, ()>(Secret::new(key))).unwrap();
            config
        };
        let set = |object, command: &str| Change {
            object,
            what: What::Set { command: command.to_owned() },
            takes: Takes::Live,
        };
        assert_eq!(
            changes(&with("old"), &with("new")),
            [
                set(Object::RadiusServer([192, 0, 2, 1].into()), "key"),
                set(Object::Domain("d".to_owned()), "auth-option"),
            ]
        );
        assert!(changes(&with("same"), &with("same")).is_empty());
    }
}
