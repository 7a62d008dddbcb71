//! The example blocks of the vendors' document, as printed there.

mod show {
    /// Every message of a reading, one after another.
    pub fn all<T: std::fmt::Display>(messages: &[T]) -> String {
        messages.iter().map(ToString::to_string).collect()
    }
}

use kedge_config::{Config, Service, Warning, parse};

fn load(text: &str) -> (Config, Vec<Warning>) {
    parse(text, "example").unwrap_or_else(|errors| panic!("{}", show::all(&errors)))
}

#[test]
fn the_domain_example_loads() {
    let (config, warnings) = load(include_str!("examples/domain.conf"));
    let domain = config.domain("cisco.com").unwrap();
    let auth = domain.auth.as_ref().unwrap();
    assert_eq!((auth.spi, auth.key.expose()), (0x67, b"key1".as_slice()));
    let [first, second] = domain.nais.as_slice() else { panic!("{domain:?}") };
    assert_eq!((first.nai.as_str(), first.network.as_deref()), ("example@cisco", Some("network2")));
    assert_eq!(first.service, Service::Ipv4);
    assert_eq!((second.nai.as_str(), second.network.as_deref()), ("example@ctc", Some("network3")));
    assert_eq!((second.service, second.customer.as_deref()), (Service::Dual, Some("CUST1")));
    assert_eq!(
        show::all(&warnings),
        "example:10:1: warning: 'customer' is accepted; it has no effect yet
  in nai example@ctc
    customer CUST1
    ^^^^^^^^
"
    );
}
