//! What tells two configurations apart, for people, for texts and for code.

use std::collections::{HashMap, HashSet};

use crate::spell::{self, Keys};
use crate::tree::Identity;
use crate::{Block, Item, Repeats};

/// One difference. A whole block that is new or gone is one.
#[derive(Clone, Debug)]
pub struct Difference<'a, K: 'static> {
    /// The lines that opened the blocks around it, outermost first.
    pub path: Vec<&'a Item<K>>,
    /// What was there.
    pub before: Option<&'a Item<K>>,
    /// What takes its place. With a block that is there in both, only its first line differs; the
    /// differences inside of it follow.
    pub after: Option<&'a Item<K>>,
}

/// What tells `new` from `old`, in table order. Lines whose order means something and has changed
/// are gone and come again.
pub fn diff<'a, K: Copy + PartialEq>(
    block: &'static Block<K>,
    old: &'a [Item<K>],
    new: &'a [Item<K>],
) -> Vec<Difference<'a, K>> {
    let mut differences = Vec::new();
    compare(block, old, new, &mut Vec::new(), &mut differences);
    differences
}

fn compare<'a, K: Copy + PartialEq>(
    block: &'static Block<K>,
    old: &'a [Item<K>],
    new: &'a [Item<K>],
    path: &mut Vec<&'a Item<K>>,
    differences: &mut Vec<Difference<'a, K>>,
) {
    let was: HashMap<Identity, &'a Item<K>> = old.iter().map(|i| (i.identity(block), i)).collect();
    let is: HashSet<Identity> = new.iter().map(|item| item.identity(block)).collect();
    let moved = moved(block, old, new, &was, &is);
    let mut found: Vec<Difference<'a, K>> = Vec::new();
    for item in old {
        let identity = item.identity(block);
        if !is.contains(&identity) || moved.contains(&identity) {
            found.push(Difference { path: path.clone(), before: Some(item), after: None });
        }
    }
    for item in new {
        let identity = item.identity(block);
        let before = was.get(&identity).filter(|_| !moved.contains(&identity)).copied();
        found.push(Difference { path: path.clone(), before, after: Some(item) });
    }
    let row = |difference: &Difference<'_, K>| {
        let item = difference.after.or(difference.before)?;
        block.rows.iter().position(|row| row.is_same_command(item.row))
    };
    found.sort_by_key(row);
    for difference in found {
        let (Some(old), Some(new)) = (difference.before, difference.after) else {
            differences.push(difference);
            continue;
        };
        let same = old.args == new.args && old.negated == new.negated;
        if !same && new.row.repeats == Repeats::Once {
            // It is another one, and the old one must go first.
            let path = || difference.path.clone();
            differences.push(Difference { path: path(), before: Some(old), after: None });
            differences.push(Difference { path: path(), before: None, after: Some(new) });
            continue;
        }
        if !same {
            differences.push(difference);
        }
        if let Some(body) = new.row.body {
            path.push(new);
            compare(body, &old.body, &new.body, path, differences);
            path.pop();
        }
    }
}

/// The lines that are in both, with an order that means something and that has changed. Lines
/// that are added behind the others move none of them.
fn moved<K: Copy + PartialEq>(
    block: &'static Block<K>,
    old: &[Item<K>],
    new: &[Item<K>],
    was: &HashMap<Identity, &Item<K>>,
    is: &HashSet<Identity>,
) -> HashSet<Identity> {
    let mut moved = HashSet::new();
    for row in block.rows.iter().filter(|row| row.in_order && !row.also) {
        let of = |items: &[Item<K>]| -> Vec<Identity> {
            let lines = items.iter().filter(|item| item.row.is_same_command(row));
            lines.map(|item| item.identity(block)).collect()
        };
        let kept: Vec<Identity> = of(old).into_iter().filter(|id| is.contains(id)).collect();
        let wanted = of(new);
        let same = kept.iter().zip(&wanted).take_while(|(a, b)| a == b).count();
        moved.extend(wanted.into_iter().skip(same).filter(|id| was.contains_key(id)));
    }
    moved
}

/// The differences as a person reads them: `-` before a line that goes, `+` before one that
/// comes, and the blocks they are in. Secrets are starred out.
pub fn render_diff<K: Copy + PartialEq>(differences: &[Difference<'_, K>]) -> String {
    let mut text = String::new();
    write_nested(differences, " ", &mut text, |difference, depth, text| {
        let indent = " ".repeat(depth);
        let lines = [('-', difference.before), ('+', difference.after)];
        let whole = difference.before.is_none() || difference.after.is_none();
        for (sign, item) in lines {
            let Some(item) = item else { continue };
            if whole {
                write_signed(item, depth, sign, text);
            } else {
                let line = spell::line(item, Keys::Starred);
                text.push_str(&format!("{sign}{indent}{line}\n"));
            }
        }
    });
    text
}

fn write_signed<K>(item: &Item<K>, depth: usize, sign: char, text: &mut String) {
    let indent = " ".repeat(depth);
    text.push_str(&format!("{sign}{indent}{}\n", spell::line(item, Keys::Starred)));
    if item.row.body.is_some() {
        item.body.iter().for_each(|item| write_signed(item, depth + 1, sign, text));
        text.push_str(&format!("{sign}{indent}!\n"));
    }
}

/// The differences as commands: read into the old configuration, they make the new one of it.
pub fn render_commands<K: Copy + PartialEq>(
    differences: &[Difference<'_, K>],
    keys: Keys,
) -> String {
    let mut text = String::new();
    write_nested(differences, "", &mut text, |difference, depth, text| {
        let indent = " ".repeat(depth);
        match (difference.before, difference.after) {
            (Some(gone), None) => text.push_str(&format!("{indent}{}\n", taken_away(gone, keys))),
            (Some(_), Some(item)) => {
                text.push_str(&format!("{indent}{}\n", spell::line(item, keys)));
                if item.row.body.is_some() {
                    text.push_str(&format!("{indent}!\n"));
                }
            }
            (None, Some(item)) => crate::render::write_item(item, depth, keys, text),
            (None, None) => {}
        }
    });
    text
}

/// The command that takes a line away.
fn taken_away<K: Copy + PartialEq>(item: &Item<K>, keys: Keys) -> String {
    if item.negated {
        return spell::line(&Item { negated: false, ..item.clone() }, keys);
    }
    let single = matches!(item.row.repeats, Repeats::Replaces | Repeats::Once);
    if single && item.row.has_secret() {
        return format!("no {}", item.row.name());
    }
    format!("no {}", spell::line(item, keys))
}

/// Writes what `write` says about each difference, inside the blocks that it is in.
fn write_nested<'a, K>(
    differences: &[Difference<'a, K>],
    margin: &str,
    text: &mut String,
    mut write: impl FnMut(&Difference<'a, K>, usize, &mut String),
) {
    let mut open: Vec<&Item<K>> = Vec::new();
    let close = |open: &mut Vec<&Item<K>>, depth: usize, text: &mut String| {
        while open.len() > depth {
            open.pop();
            text.push_str(&format!("{margin}{}!\n", " ".repeat(open.len())));
        }
    };
    for difference in differences {
        let same = |(a, b): &(&&Item<K>, &&Item<K>)| std::ptr::eq(**a, **b);
        let shared = open.iter().zip(&difference.path).take_while(same).count();
        close(&mut open, shared, text);
        for item in &difference.path[shared..] {
            let indent = " ".repeat(open.len());
            text.push_str(&format!("{margin}{indent}{}\n", spell::line(item, Keys::Starred)));
            open.push(item);
        }
        write(difference, open.len(), text);
    }
    close(&mut open, 0, text);
}
