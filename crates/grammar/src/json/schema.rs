//! The table as a JSON Schema (draft 2020-12): names, ranges, defaults and help.

use serde_json::{Map, Value as Json, json};

use super::{Shape, datum_json, is_flag, is_half, is_list, member, properties, shape};
use crate::table::{self, Takes};
use crate::{Block, Row, Value, tree};

/// The schema of what [`to_json`](super::to_json) writes and [`read_json`](super::read_json)
/// reads. `title` says what it is of.
pub fn json_schema<K: Copy + PartialEq>(block: &'static Block<K>, title: &str) -> Json {
    let mut blocks = Map::new();
    let members = members(block, &mut blocks);
    let mut schema = Map::new();
    schema.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
    schema.insert("title".to_owned(), title.into());
    schema.insert("description".to_owned(), block.help.into());
    schema.insert("type".to_owned(), "object".into());
    schema.insert("properties".to_owned(), Json::Object(members));
    schema.insert("additionalProperties".to_owned(), false.into());
    schema.insert("$defs".to_owned(), Json::Object(blocks));
    Json::Object(schema)
}

fn members<K: Copy + PartialEq>(
    block: &'static Block<K>,
    blocks: &mut Map<String, Json>,
) -> Map<String, Json> {
    properties(block).map(|(name, row)| (name, command(row, blocks))).collect()
}

fn command<K: Copy + PartialEq>(row: &'static Row<K>, blocks: &mut Map<String, Json>) -> Json {
    let one = match (shape(row), row.body) {
        (Shape::Presence, _) => json!({ "type": "boolean", "default": row.on_by_default }),
        (Shape::Value, _) => {
            let mut values = Vec::new();
            table::for_each_argument(row.syntax, &mut |_, value, _| {
                values.extend(value.filter(|value| !is_half(value)).map(of_value));
            });
            any_of(values)
        }
        (Shape::Object, None) => Json::Object(arguments(row, Map::new(), row.help)),
        (Shape::Object, Some(body)) => {
            if !blocks.contains_key(body.name) {
                // The name stands before what is inside of it, and keeps its place.
                blocks.insert(body.name.to_owned(), Json::Null);
                let members = members(body, blocks);
                let object = arguments(row, members, body.help);
                blocks.insert(body.name.to_owned(), Json::Object(object));
            }
            json!({ "$ref": format!("#/$defs/{}", body.name) })
        }
    };
    let mut schema = Map::new();
    schema.insert("description".to_owned(), row.help.into());
    match (is_list(row), one) {
        (true, one) => {
            schema.insert("type".to_owned(), "array".into());
            schema.insert("items".to_owned(), one);
        }
        (false, Json::Object(members)) => {
            members.into_iter().for_each(|(name, value)| drop(schema.insert(name, value)));
        }
        (false, _) => {}
    }
    schema.insert("description".to_owned(), row.help.into());
    if let Some(args) = tree::default_args(row) {
        let value = |(name, datum): &(&'static str, crate::Datum)| {
            (member(name), datum_json(datum, is_flag(row.syntax, name)))
        };
        let mut values: Map<String, Json> = args.iter().map(value).collect();
        let default = match shape(row) {
            Shape::Value => values.values_mut().next().map(Json::take).unwrap_or_default(),
            _ => Json::Object(values),
        };
        schema.insert("default".to_owned(), default);
    }
    let takes = match row.takes {
        _ if !row.has_effect => "nothing comes of it yet",
        Takes::Live => "live",
        Takes::NewBindings => "new bindings",
        Takes::Restart => "restart",
    };
    schema.insert("x-takes".to_owned(), takes.into());
    Json::Object(schema)
}

/// The object of a line's arguments, with the members of its block.
fn arguments<K>(row: &'static Row<K>, block: Map<String, Json>, help: &str) -> Map<String, Json> {
    let mut members: Vec<(String, Vec<Json>)> = Vec::new();
    let mut required: Vec<String> = Vec::new();
    table::for_each_argument(row.syntax, &mut |argument, value, help| {
        let name = member(argument);
        let mut schema = match value {
            Some(value) if is_half(value) => return,
            Some(value) => of_value(value),
            None => json!({ "type": "boolean" }),
        };
        if let (Some(object), false) = (schema.as_object_mut(), help.is_empty()) {
            object.insert("description".to_owned(), help.into());
        }
        if table::needs(row.syntax, argument) && !required.contains(&name) {
            required.push(name.clone());
        }
        match members.iter_mut().find(|(known, _)| *known == name) {
            Some((_, schemas)) if schemas.contains(&schema) => {}
            Some((_, schemas)) => schemas.push(schema),
            None => members.push((name, vec![schema])),
        }
    });
    let mut properties: Map<String, Json> =
        members.into_iter().map(|(name, schemas)| (name, any_of(schemas))).collect();
    properties.extend(block);
    let mut schema = Map::new();
    schema.insert("description".to_owned(), help.into());
    schema.insert("type".to_owned(), "object".into());
    schema.insert("properties".to_owned(), Json::Object(properties));
    schema.insert("required".to_owned(), required.into());
    schema.insert("additionalProperties".to_owned(), false.into());
    schema
}

fn any_of(mut schemas: Vec<Json>) -> Json {
    match schemas.len() {
        1 => schemas.remove(0),
        _ => json!({ "anyOf": schemas }),
    }
}

fn of_value(value: &Value) -> Json {
    match *value {
        Value::Name { max } | Value::Known { max, .. } | Value::Line { max } => {
            json!({ "type": "string", "minLength": 1, "maxLength": max })
        }
        Value::Integer { min, max, unit: "" } => {
            json!({ "type": "integer", "minimum": min, "maximum": max })
        }
        Value::Integer { min, max, unit } => {
            json!({ "type": "integer", "minimum": min, "maximum": max, "x-unit": unit })
        }
        Value::Hex32 => json!({ "type": "integer", "minimum": 1, "maximum": u32::MAX }),
        Value::Ipv4 => json!({ "type": "string", "format": "ipv4" }),
        Value::Ipv6 => json!({ "type": "string", "format": "ipv6" }),
        Value::Ipv4Prefix | Value::Ipv6Prefix => {
            json!({ "type": "string", "pattern": "^[0-9A-Fa-f.:]+/[0-9]{1,3}$" })
        }
        Value::Named(names) => {
            let numbers: Vec<u64> = names.iter().map(|(_, number, _)| *number).collect();
            json!({ "type": "integer", "enum": numbers })
        }
        Value::Mac => json!({ "type": "string", "minLength": 12, "maxLength": 17 }),
        Value::Nai => json!({ "type": "string", "pattern": "@[^@]+$", "maxLength": 125 }),
        Value::NodeNai => {
            json!({ "type": "string", "pattern": "^[^@].*@[^@]+$", "maxLength": 125 })
        }
        Value::Keyword(_) | Value::Spelled(_) => {
            let words: Vec<Json> =
                value.choices().map(|(_, meant, _)| datum_json(&meant, false)).collect();
            json!({ "type": "string", "enum": words })
        }
        Value::Interface | Value::InterfaceType | Value::InterfaceNumber => {
            json!({ "type": "string", "minLength": 1, "maxLength": 64 })
        }
        Value::Device => json!({ "type": "string", "minLength": 1, "maxLength": 15 }),
        Value::SecretObfuscated => {
            json!({ "type": "string", "pattern": "^[0-9]{2}([0-9A-Fa-f]{2})+$" })
        }
        Value::SecretText => secret("ascii", &json!({ "minLength": 1, "maxLength": 125 })),
        Value::SecretHex => secret("hex", &json!({ "minLength": 2, "maxLength": 128 })),
    }
}

/// A key in another form than the obfuscated one: it is read, and never written.
fn secret(form: &str, limits: &Json) -> Json {
    let mut text = limits.clone();
    text["type"] = "string".into();
    json!({
        "type": "object",
        "properties": { form: text },
        "required": [form],
        "additionalProperties": false,
    })
}
