//! A part of a configuration by its words: `ipv6 mobile pmipv6-lma`, or `customer CUST1` wherever
//! it stands.

use crate::thread::Match;
use crate::{Block, Item, matcher};

/// The lines that `words` name, with what is in their blocks and the blocks they are in. Words may
/// be abbreviated, arguments left out. `None` when no command of the language begins like this.
pub fn select<K: Copy + PartialEq>(
    block: &'static Block<K>,
    items: &[Item<K>],
    words: &[&str],
) -> Option<Vec<Item<K>>> {
    if words.is_empty() {
        return Some(items.to_vec());
    }
    if let Some(found) = here(block, items, words) {
        return Some(found);
    }
    let mut known = false;
    let mut found = Vec::new();
    for body in bodies(block) {
        let inside =
            items.iter().filter(|item| item.row.body.is_some_and(|b| std::ptr::eq(b, body)));
        known |= select(body, &[], words).is_some();
        for item in inside {
            let lines = select(body, &item.body, words).unwrap_or_default();
            if !lines.is_empty() {
                found.push(Item { body: lines, ..item.clone() });
            }
        }
    }
    known.then_some(found)
}

/// The blocks that lines of a block open, each once.
fn bodies<K>(block: &'static Block<K>) -> Vec<&'static Block<K>> {
    let mut bodies: Vec<&'static Block<K>> = Vec::new();
    for body in block.rows.iter().filter_map(|row| row.body) {
        if !bodies.iter().any(|known| std::ptr::eq(*known, body)) {
            bodies.push(body);
        }
    }
    bodies
}

/// The lines of this block that the words name; of a block's first line and what comes after it,
/// those in the block.
fn here<K: Copy + PartialEq>(
    block: &'static Block<K>,
    items: &[Item<K>],
    words: &[&str],
) -> Option<Vec<Item<K>>> {
    if let Ok(named) = matcher::find_begun(block.rows, words) {
        let is_named = |item: &&Item<K>| {
            let same = |found: &Match<K>| {
                found.row.is_same_command(item.row) && found.args.agrees_with(&item.args)
            };
            named.iter().any(same)
        };
        return Some(items.iter().filter(is_named).cloned().collect());
    }
    for split in (1..words.len()).rev() {
        let (first, rest) = words.split_at(split);
        let Ok(opening) = matcher::find(block.rows, first) else { continue };
        let Some(body) = opening.row.body else { continue };
        here(body, &[], rest)?;
        let opened = items.iter().filter(|item| {
            item.row.is_same_command(opening.row) && opening.args.agrees_with(&item.args)
        });
        let part = |item: &Item<K>| {
            let lines = here(body, &item.body, rest).unwrap_or_default();
            (!lines.is_empty()).then(|| Item { body: lines, ..item.clone() })
        };
        return Some(opened.filter_map(part).collect());
    }
    None
}
