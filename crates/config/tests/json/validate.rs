/// Validates by the words of JSON Schema that the schema uses; `pattern` and `format` say no more
/// than the reader, which checks them by itself.
pub(crate) fn validate(root: &Value, schema: &Value, json: &Value, at: &str, faults: &mut Vec<String>) {
    let Value::Object(words) = schema else { panic!("{at}: a schema is an object: {schema}") };
    for (word, wanted) in words {
        let holds = match (word.as_str(), json) {
            ("$ref", _) => {
                let name = wanted.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                validate(root, &root["$defs"][name], json, at, faults);
                true
            }
            ("anyOf", _) => wanted.as_array().unwrap().iter().any(|schema| {
                let mut inner = Vec::new();
                validate(root, schema, json, at, &mut inner);
                inner.is_empty()
            }),
            ("type", json) => match wanted.as_str().unwrap() {
                "object" => json.is_object(),
                "array" => json.is_array(),
                "string" => json.is_string(),
                "boolean" => json.is_boolean(),
                "integer" => json.is_u64(),
                other => panic!("{other}"),
            },
            ("enum", json) => wanted.as_array().unwrap().contains(json),
            ("minimum", Value::Number(n)) => n.as_u64() >= wanted.as_u64(),
            ("maximum", Value::Number(n)) => n.as_u64() <= wanted.as_u64(),
            ("minLength", Value::String(s)) => s.chars().count() as u64 >= wanted.as_u64().unwrap(),
            ("maxLength", Value::String(s)) => s.chars().count() as u64 <= wanted.as_u64().unwrap(),
            ("required", Value::Object(members)) => {
                wanted.as_array().unwrap().iter().all(|name| members.contains_key(name.as_str().unwrap()))
            }
            ("items", Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    validate(root, wanted, item, &format!("{at}/{index}"), faults);
                }
                true
            }
            ("additionalProperties", Value::Object(members)) => {
                let known = words["properties"].as_object().unwrap();
                members.keys().all(|name| known.contains_key(name))
            }
            ("properties", Value::Object(members)) => {
                for (name, value) in members {
                    if let Some(schema) = wanted.get(name) {
                        validate(root, schema, value, &format!("{at}/{name}"), faults);
                    }
                }
                true
            }
            _ => true,
        };
        if !holds {
            faults.push(format!("{at}: {word} {wanted}: {json}"));
        }
    }
}
