//! Configurations as JSON: they read as the same, they are what the schema asks for, and mistakes
//! are shown where they are.

use kedge_config::{Config, from_json, json_schema, parse, to_json};
use serde_json::{Value, json};

const TEXT: &str = "\
radius-server host 192.0.2.7 auth-port 1645
 key sesame
ip access-list extended web
 permit tcp any host 192.0.2.1 eq 80
 deny 89 10.0.0.0 0.255.255.255 any
ipv6 mobile pmipv6-domain d
 auth-option spi 87E key ascii \"two words\" updates-only
 nai @c.example
  service dual
ipv6 mobile pmipv6-lma lma1 domain d
 address ipv4 192.0.2.1
 bce lifetime 600
 heartbeat interval 10 retries 3
 heartbeat interval 10 retries 3 label L natreboot
 no generate grekey
 dynamic mag learning
 interface Ethernet 0/0
";

fn config() -> Config {
    parse(TEXT, "t").unwrap_or_else(|errors| panic!("{}", errors[0])).0
}

#[test]
fn a_configuration_has_the_documented_form() {
    let json = to_json(&config());
    let lma = &json["ipv6-mobile-pmipv6-lma"];
    assert_eq!(lma["id"], "lma1");
    assert_eq!(lma["address-ipv4"], json!(["192.0.2.1"]));
    assert_eq!(lma["bce-lifetime"], 600);
    assert_eq!(lma["heartbeat"], json!({ "interval": 10, "retries": 3, "timeout": 10 }));
    assert_eq!(lma["heartbeat-label"][0]["label"], "L");
    assert_eq!(lma["heartbeat-label"][0]["natreboot"], true);
    assert_eq!(
        (&lma["generate-grekey"], &lma["dynamic-mag-learning"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(lma["interface"], json!(["Ethernet0/0"]));
    let domain = &json["ipv6-mobile-pmipv6-domain"][0];
    assert_eq!(domain["auth-option"]["spi"], 0x87e);
    assert!(!json.to_string().contains("two words") && !json.to_string().contains("sesame"));
    assert_eq!(from_json(&json).unwrap().0, config());
    assert_valid(&json);
}

#[test]
fn a_key_may_be_given_as_it_is() {
    let mut json = to_json(&config());
    json["radius-server-host"][0]["key"]["key"] = json!({ "ascii": "sesame" });
    json["ipv6-mobile-pmipv6-domain"][0]["auth-option"]["key"] =
        json!({ "hex": "74776f20776f726473" });
    assert_valid(&json);
    assert_eq!(from_json(&json).unwrap().0, config());
}

#[test]
fn every_mistake_is_shown_where_it_is() {
    let json = json!({
        "ipv6-mobile-pmipv6-lma": {
            "id": "l", "domain": "d",
            "bce-lifetim": 600,
            "bce-maximum": 0,
            "hnp-maximum": "2",
            "address-ipv4": "192.0.2.1",
            "dynamic-mag-learning": 1,
            "heartbeat": { "interval": 10 },
            "dscp-control-plane": { "dscp": 5, "forse": true },
            "default-profile": "a\nno ipv6 mobile pmipv6-lma l domain d",
        },
        "pools": 1,
    });
    let errors = from_json(&json).unwrap_err();
    let shown: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let lma = "/ipv6-mobile-pmipv6-lma";
    let expected = [
        format!("{lma}/bce-lifetim: no such member; did you mean 'bce-lifetime'?"),
        format!("{lma}/bce-maximum: not a value; allowed: 1-16000000 bindings"),
        format!("{lma}/hnp-maximum: not a value; allowed: 1-3 prefixes"),
        format!("{lma}/address-ipv4: an array is wanted here"),
        format!("{lma}/dynamic-mag-learning: true or false is wanted here"),
        format!(
            "{lma}/heartbeat: the members do not make: heartbeat interval INTERVAL retries RETRIES \
             [timeout TIMEOUT]"
        ),
        format!("{lma}/dscp-control-plane/forse: no such member; did you mean 'force'?"),
        format!("{lma}/default-profile: not a value; allowed: name of 1-125 characters"),
    ];
    assert_eq!(shown[..8], expected);
    assert!(shown[8].starts_with("/pools: no such member; there are: vrf, "), "{}", shown[8]);
    assert_eq!(shown.len(), 9);
    assert!(!is_valid(&json));
}

#[test]
fn what_contradicts_itself_is_shown_where_it_is() {
    let json = json!({ "ipv6-mobile-pmipv6-lma": {
        "id": "l", "domain": "d", "bri-delay-min": 3000, "bri-delay-max": 1000,
    }});
    let errors = from_json(&json).unwrap_err();
    let shown = errors[0].to_string();
    assert!(shown.starts_with("/ipv6-mobile-pmipv6-lma/bri-delay-m"), "{shown}");
    assert!(shown.contains("bri delay min is 3000, above bri delay max"), "{shown}");
}

#[test]
fn a_value_that_is_no_configuration_is_refused_and_not_a_panic() {
    for json in [json!(null), json!([]), json!({ "vrf": [null] }), json!({ "vrf": [{}] })] {
        assert!(!from_json(&json).unwrap_err().is_empty(), "{json}");
        assert!(!is_valid(&json), "{json}");
    }
    assert_eq!(from_json(&json!({})).unwrap().0, Config::default());
}

fn assert_valid(json: &Value) {
    let schema = json_schema();
    let mut faults = Vec::new();
    validate(&schema, &schema, json, "", &mut faults);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn is_valid(json: &Value) -> bool {
    let schema = json_schema();
    let mut faults = Vec::new();
    validate(&schema, &schema, json, "", &mut faults);
    faults.is_empty()
}

include!("json/validate.rs");
