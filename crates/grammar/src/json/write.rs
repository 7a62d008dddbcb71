//! From a tree to JSON.

use serde_json::{Map, Value};

use super::{Shape, datum_json, is_flag, is_list, member, property, shape};
use crate::{Block, Item, Row};

/// The lines of `block` as a JSON object.
pub fn to_json<K: Copy + PartialEq>(block: &'static Block<K>, items: &[Item<K>]) -> Value {
    Value::Object(object(block, items))
}

fn object<K: Copy + PartialEq>(block: &'static Block<K>, items: &[Item<K>]) -> Map<String, Value> {
    let mut object = Map::new();
    // The lines of one command stand together, and there may be thousands.
    for lines in items.chunk_by(|a, b| a.row.is_same_command(b.row)) {
        let row = written(block, lines[0].row);
        let name = property(block, row);
        let mut values: Vec<Value> = lines.iter().map(|item| line(row, item)).collect();
        match is_list(row) {
            true => object.insert(name, Value::Array(values)),
            false => values.pop().and_then(|value| object.insert(name, value)),
        };
    }
    object
}

/// The spelling of a command that is written.
pub(super) fn written<K: Copy + PartialEq>(
    block: &'static Block<K>,
    row: &'static Row<K>,
) -> &'static Row<K> {
    block.rows.iter().find(|other| !other.also && other.is_same_command(row)).unwrap_or(row)
}

fn line<K: Copy + PartialEq>(row: &'static Row<K>, item: &Item<K>) -> Value {
    let mut members = Map::new();
    for (name, datum) in item.args.iter() {
        members.insert(member(name), datum_json(datum, is_flag(row.syntax, name)));
    }
    match shape(row) {
        Shape::Presence => Value::Bool(!item.negated),
        Shape::Value => members.into_iter().next().map_or(Value::Null, |(_, value)| value),
        Shape::Object => {
            if let Some(body) = row.body {
                members.extend(object(body, &item.body));
            }
            Value::Object(members)
        }
    }
}
