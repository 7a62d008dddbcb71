//! Keys that are in files, so that the configuration itself holds no secret.

use kedge_grammar::Secret;

use crate::{AuthOption, Config};

impl Config {
    /// Reads the keys that are in files, each with `read`, which is given the path. The first
    /// failure ends it.
    pub fn read_key_files<E>(
        &mut self,
        mut read: impl FnMut(&str) -> Result<Secret, E>,
    ) -> Result<(), E> {
        for auth in self.auth_options() {
            if let Some(path) = &auth.key_file {
                auth.key = read(path)?;
            }
        }
        Ok(())
    }

    fn auth_options(&mut self) -> impl Iterator<Item = &mut AuthOption> {
        let domains = self.domains.iter_mut().flat_map(|domain| {
            domain.auth.iter_mut().chain(domain.nais.iter_mut().filter_map(|nai| nai.auth.as_mut()))
        });
        let lma = self.lma.iter_mut().flat_map(|lma| {
            let customers = lma.local_loop.iter_mut().flat_map(|service| &mut service.customers);
            let customers = customers.filter_map(|customer| customer.auth.as_mut());
            lma.mags.iter_mut().filter_map(|mag| mag.auth.as_mut()).chain(customers)
        });
        let mag = self.mag.iter_mut().flat_map(|mag| &mut mag.lmas);
        domains.chain(lma).chain(mag.filter_map(|lma| lma.auth.as_mut()))
    }
}

#[cfg(test)]
mod tests {
    use crate::{Secret, parse, render};

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
}
