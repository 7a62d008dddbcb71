//! `docs/api.schema.json` against what the code says and reads.
//!
//! A validator of the few words of JSON Schema that the file uses is part of the test; any other
//! word in the file fails it, so that none is silently not looked at.

use std::sync::LazyLock;

use kedge_api::{Answer, Ask, Format, Refusal, Reply, Request, Word};
use serde_json::{Map, Value, json};

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../docs/api.schema.json")).expect("JSON")
});

#[test]
fn every_request_that_the_client_writes_is_of_the_schema() {
    let asks = [
        Ask::command("show version"),
        Ask::Command {
            line: "load terminal".to_owned(),
            text: Some("vrf blue\n".to_owned()),
            format: Format::Json,
            width: Some(80),
        },
        Ask::Complete { line: "show ".to_owned() },
    ];
    for ask in asks {
        let written = Request { id: 7, ask }.encode();
        let value: Value = serde_json::from_slice(&written).unwrap();
        assert_eq!(fault("request", &value), None, "{value}");
    }
}

#[test]
fn every_answer_that_the_server_writes_is_of_the_schema() {
    let word = |placeholder| Word { word: "NAI".into(), help: "a node".into(), placeholder };
    let refusal = Refusal {
        message: "unknown".into(),
        line: Some(1),
        column: Some(6),
        caret: Some("show x\n     ^".into()),
        allowed: vec!["ipv6".into()],
    };
    let outcomes = [
        Ok(Reply::Text(String::new())),
        Ok(Reply::Data(json!({"bindings": []}))),
        Ok(Reply::Data(Value::from(1))),
        Ok(Reply::Words(vec![word(false), word(true)])),
        Err(Refusal::new("no")),
        Err(refusal),
    ];
    for outcome in outcomes {
        for mode in [None, Some("config".to_owned())] {
            let written = Answer { id: 7, outcome: outcome.clone(), mode }.encode();
            let value: Value = serde_json::from_slice(&written).unwrap();
            assert_eq!(fault("answer", &value), None, "{value}");
        }
    }
}

/// The reader and the schema agree on every request that has or lacks any of the members.
#[test]
fn a_request_is_read_if_and_only_if_it_is_of_the_schema() {
    let members = [
        ("version", vec![json!(1), json!(2), json!("1")]),
        ("id", vec![json!(0), json!(-1), json!("x")]),
        ("command", vec![json!("show"), json!(1)]),
        ("complete", vec![json!("show")]),
        ("text", vec![json!("vrf blue"), json!([])]),
        ("format", vec![json!("json"), json!("yaml")]),
        ("width", vec![json!(80), json!(70000), json!(-1)]),
        ("comand", vec![json!("show")]),
    ];
    let mut requests = vec![Map::new()];
    for (name, values) in members {
        let with = |request: &Map<String, Value>, value: &Value| {
            let mut request = request.clone();
            request.insert(name.to_owned(), value.clone());
            request
        };
        let more: Vec<_> = requests
            .iter()
            .flat_map(|request| values.iter().map(|value| with(request, value)))
            .collect();
        requests.extend(more);
    }
    let mut read = 0;
    for request in requests {
        // The reader is kinder than the schema: these two say nothing about a completion.
        let lenient = request.contains_key("complete")
            && ["text", "format", "width"].iter().any(|member| request.contains_key(*member));
        if lenient {
            continue;
        }
        let value = Value::Object(request);
        let is_read = Request::decode(value.to_string().as_bytes()).is_ok();
        assert_eq!(is_read, fault("request", &value).is_none(), "{value}");
        read += usize::from(is_read);
    }
    assert_ne!(read, 0);
}

#[test]
fn an_answer_has_exactly_one_content_and_it_fits_the_status() {
    let refused = [
        json!({"version": 1, "id": 1, "status": "ok", "text": "a", "data": 1}),
        json!({"version": 1, "id": 1, "status": "error", "text": "a"}),
        json!({"version": 1, "id": 1, "status": "ok", "error": {"message": "a"}}),
        json!({"version": 1, "id": 1, "status": "error", "error": {}}),
        json!({"version": 1, "id": 1, "status": "ok", "words": [{"word": "a"}]}),
    ];
    for value in refused {
        assert!(fault("answer", &value).is_some(), "{value}");
        assert!(Answer::decode(value.to_string().as_bytes()).is_err(), "{value}");
    }
}

#[test]
fn a_login_has_a_version_an_id_and_a_token() {
    let login = json!({"version": 1, "id": 1, "token": "t"});
    assert_eq!(fault("login", &login), None);
    assert!(fault("request", &login).is_some(), "it is no request");
}

/// What is wrong with `value` by a definition of the schema.
fn fault(definition: &str, value: &Value) -> Option<String> {
    check(&SCHEMA, &SCHEMA["$defs"][definition], value).err()
}

fn check(root: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let schema = schema.as_object().unwrap();
    let at = |found: bool, what: &str| if found { Ok(()) } else { Err(format!("{what}: {value}")) };
    for (word, rule) in schema {
        match word.as_str() {
            "description" => {}
            "$ref" => {
                let name = rule.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                let definition = &root["$defs"][name];
                assert!(definition.is_object(), "no definition of {name}");
                check(root, definition, value)?;
            }
            "const" => at(value == rule, "const")?,
            "enum" => at(rule.as_array().unwrap().contains(value), "enum")?,
            "type" => at(is_of_type(value, rule.as_str().unwrap()), "type")?,
            "minimum" => at(value.as_i64().is_some_and(|v| v >= rule.as_i64().unwrap()), word)?,
            "maximum" => at(value.as_i64().is_some_and(|v| v <= rule.as_i64().unwrap()), word)?,
            "items" => {
                let mut items = value.as_array().into_iter().flatten();
                items.try_for_each(|item| check(root, rule, item))?;
            }
            "required" => {
                let names = rule.as_array().unwrap().iter().map(|name| name.as_str().unwrap());
                at(names.into_iter().all(|name| value.get(name).is_some()), "required")?;
            }
            "properties" => {
                for (name, rule) in rule.as_object().unwrap() {
                    value.get(name).map_or(Ok(()), |member| check(root, rule, member))?;
                }
            }
            "additionalProperties" => {
                assert_eq!(rule, &Value::Bool(false));
                let known = schema["properties"].as_object().unwrap();
                let mut names = value.as_object().into_iter().flatten().map(|(name, _)| name);
                at(names.all(|name| known.contains_key(name)), "additionalProperties")?;
            }
            "oneOf" => {
                let schemas = rule.as_array().unwrap().iter();
                let fits = schemas.filter(|schema| check(root, schema, value).is_ok()).count();
                at(fits == 1, "oneOf")?;
            }
            other => panic!("the test does not know '{other}'"),
        }
    }
    Ok(())
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("the test does not know the type '{other}'"),
    }
}
