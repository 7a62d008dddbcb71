//! Every command does something, or is marked as one that has no effect yet.
//!
//! The schema of a configuration names every command and its values. Each is changed by itself in
//! a configuration that has every block, and the plans before and after are compared: they differ
//! if, and only if, the schema does not say that nothing comes of the command.

use std::collections::{BTreeMap, BTreeSet};

use kedge_config::{from_json, json_schema, parse, to_json};
use serde_json::{Map, Value, json};

use super::plan::plan;
use crate::numbers::Numbers;

/// Every block, and what each needs to be in force.
const BASE: &str = "\
vrf blue
 netns blue
!
vrf red
 netns red
!
management-api
 listen 192.0.2.1 port 7443
 certificate /c
 private-key /k
 tokens /t
!
radius-server host 192.0.2.60
 key secret
!
aaa accounting mobile default group radius
aaa server radius dynamic-author
 client 192.0.2.61 server-key secret
!
ip access-list extended one
 permit tcp any any
!
ipv6 access-list one
 permit tcp any any
!
ip local pool v4 172.16.0.10 172.16.0.20
!
ipv6 local pool v6 2001:db8:172::/48 64
!
ipv6 mobile pmipv6-domain d
 replay-protection timestamp window 9
 lma lma2
  ipv4-address 192.0.2.2
 !
 mag mag2
  ipv6-address 2001:db8::3
 !
 nai mn@example.net
  network home
  service dual
 !
 nai mn3@example.net
  customer c1
 !
 mobile-map m 1
  match access-list one
 !
!
ipv6 mobile pmipv6-lma lma1 domain d
 address ipv6 2001:db8::1
 address ipv4 192.0.2.1
 aaa accounting
 tunnel acl one
 mag mag1 d
  ipv6 address 2001:db8::7
  ipv4 address 192.0.2.7
 !
 mag mag2 d
 !
 network home
  pool mobile-node ipv6 start-address 2001:db8:100:: pool-prefix 48
  pool mobile-node ipv4 start-address 198.51.100.0 pool-prefix 24
 !
 network away
  pool ipv4 v4 pfxlen 24
  pool ipv6 v6 pfxlen 64
 !
 mobility-service mobile-local-loop
  customer c1 vrf blue
   network authorized cn
    pool mobile-node ipv4 start-address 10.0.0.1 pool-prefix 24
   !
   network authorized ca
    pool ipv4 v4 pfxlen 24
   !
   transport
    address ipv4 192.0.2.99
   !
  !
  customer c2 vrf red
   transport
    address ipv4 192.0.2.98
   !
  !
 !
 mobility-service hybrid-access
  profile-definition p
   jitter 5
  !
 !
!
ipv6 mobile pmipv6-mag mag2 domain d
 address ipv6 2001:db8::8
 address ipv4 192.0.2.8
 apn internet.example
 lma lma1 d
  ipv4-address 192.0.2.1
  encap gre-ipv4
 !
 lma lma2 d
 !
 lma lma3 d
  ipv4-address 192.0.2.3
 !
 interface eth0
  nai mn@example.net
 !
 logical-mn router@example.net
  reverse-tunnel route ipv4 198.51.100.0 24
  fixed interface eth5
 !
 mobility-service mobile-local-loop
  reverse-tunnel default-route
 !
 mobility-service hybrid-access
  profile-definition p
   jitter 5
  !
 !
!
";

#[test]
fn every_command_without_the_mark_changes_the_plan_and_none_with_it() {
    let base = to_json(&parse(BASE, "base").unwrap_or_else(|errors| panic!("{}", errors[0])).0);
    let (config, _) = from_json(&base).expect("it reads");
    let plan = format!("{:?}", plan(&config, 1, &mut Numbers::default()));
    assert!(plan.starts_with("Ok("), "{plan}");
    let mut walk = Walk { schema: json_schema(), base, plan, commands: BTreeMap::new() };
    let global = walk.schema.clone();
    walk.block(&global, "", "", false);
    assert!(walk.commands.len() > 150, "{}", walk.commands.len());
    let found = |wanted: (bool, bool)| -> Vec<&String> {
        let of = walk.commands.iter().filter(|(_, found)| **found == wanted);
        of.map(|(command, _)| command).collect()
    };
    let idle = found((false, false));
    assert!(idle.is_empty(), "no mark, and nothing comes of them: {idle:#?}");
    let busy = found((true, true));
    assert!(busy.is_empty(), "the mark says that nothing comes of them: {busy:#?}");
}

struct Walk {
    schema: Value,
    base: Value,
    /// The plan of the base.
    plan: String,
    /// For each command: whether it is marked, and whether the plan changes with it.
    commands: BTreeMap<String, (bool, bool)>,
}

impl Walk {
    /// Tries the commands of a block. `at` is where the base has it, as a JSON pointer, `name` what
    /// it is called, and `idle` says whether the line that opens it has the mark: then nothing
    /// comes of what is in it, and it needs no mark of its own.
    fn block(&mut self, schema: &Value, at: &str, name: &str, idle: bool) {
        let members = schema["properties"].as_object().expect("members").clone();
        for (member, schema) in &members {
            let Some(takes) = schema["x-takes"].as_str() else { continue };
            let command = format!("{name}/{member}");
            let marked = idle || takes == "nothing comes of it yet";
            let changes = self.changes(at, member, &self.values(schema));
            let known = self.commands.entry(command.clone()).or_insert((marked, false));
            known.1 |= changes;
            let at = format!("{at}/{member}");
            let (inner, places) = match self.base.pointer(&at) {
                Some(Value::Array(lines)) => {
                    let places = (0..lines.len()).map(|index| format!("{at}/{index}")).collect();
                    (self.resolved(&schema["items"]), places)
                }
                Some(_) => (self.resolved(schema), vec![at]),
                None => continue,
            };
            let members = inner["properties"].as_object();
            if members.is_some_and(|all| all.values().any(|one| one.get("x-takes").is_some())) {
                places.iter().for_each(|at| self.block(&inner, at, &command, marked));
            }
        }
    }

    /// Whether the plans with these values, without any, and as it is, are not all one.
    fn changes(&self, at: &str, member: &str, values: &[Value]) -> bool {
        let mut plans = BTreeSet::from([self.plan.clone()]);
        for value in std::iter::once(None).chain(values.iter().map(Some)) {
            let mut json = self.base.clone();
            let object = json.pointer_mut(at).and_then(Value::as_object_mut).expect("a block");
            match value {
                None => drop(object.remove(member)),
                Some(value) => drop(object.insert(member.to_owned(), value.clone())),
            }
            let Ok((config, _)) = from_json(&json) else { continue };
            // What cannot be in force because of it is no less an effect.
            plans.insert(format!("{:?}", plan(&config, 1, &mut Numbers::default())));
            if plans.len() > 1 {
                return true;
            }
        }
        false
    }

    fn resolved(&self, schema: &Value) -> Value {
        let name = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/"));
        name.map_or_else(|| schema.clone(), |name| self.schema["$defs"][name].clone())
    }

    /// Some values that a schema allows.
    fn values(&self, schema: &Value) -> Vec<Value> {
        let schema = self.resolved(schema);
        if let Some(choices) = schema["anyOf"].as_array() {
            return choices.iter().flat_map(|choice| self.values(choice)).collect();
        }
        if let Some(words) = schema["enum"].as_array() {
            return words.clone();
        }
        match schema["type"].as_str() {
            Some("boolean") => vec![json!(true), json!(false)],
            Some("integer") => vec![schema["minimum"].clone(), schema["maximum"].clone()],
            Some("array") => {
                self.values(&schema["items"]).into_iter().map(|item| json!([item])).collect()
            }
            Some("string") => strings(&schema),
            Some("object") => self.objects(&schema),
            _ => Vec::new(),
        }
    }

    /// Objects with what is required, and each other argument by itself and all together.
    fn objects(&self, schema: &Value) -> Vec<Value> {
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let members = schema["properties"].as_object().cloned().unwrap_or_default();
        let least: Map<String, Value> = required
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), self.values(&members[*name]).pop()?)))
            .collect();
        let mut objects = vec![least.clone()];
        for (name, member) in members.iter().filter(|(_, m)| m.get("x-takes").is_none()) {
            for value in self.values(member) {
                // Two arguments may need each other, as the two ends of a range do.
                let fuller = objects.iter().take(8).cloned().collect::<Vec<_>>();
                for mut object in fuller {
                    object.insert(name.clone(), value.clone());
                    objects.push(object);
                }
            }
        }
        objects.truncate(24);
        objects.into_iter().map(Value::Object).collect()
    }
}

/// Words of a kind that a schema describes.
fn strings(schema: &Value) -> Vec<Value> {
    let words: &[&str] = match (schema["format"].as_str(), schema["pattern"].as_str()) {
        (Some("ipv4"), _) => &["192.0.2.201", "192.0.2.202"],
        (Some("ipv6"), _) => &["2001:db8::201", "2001:db8::202"],
        (_, Some(pattern)) if pattern.contains('@') => &["mn@example.net", "mn2@example.net"],
        (_, Some(pattern)) if pattern.contains("0-9]{2}(") => &["094F471A1A0A"],
        (_, Some(pattern)) if pattern.contains('/') => &["198.51.100.0/24", "2001:db8:51::/48"],
        _ if schema["minLength"] == 12 => &["02:00:00:00:00:01", "02:00:00:00:00:02"],
        _ => &["eth7", "home", "00ff", "mn@example.net", "d"],
    };
    words.iter().map(|word| json!(word)).collect()
}
