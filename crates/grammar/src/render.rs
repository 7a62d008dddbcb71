//! From a tree to text: nested by indentation, one blank a level, `!` after each block.

use crate::Item;
use crate::spell::{self, Keys};

/// The text that reads as these items; with [`Keys::Starred`] it is to be looked at only.
pub fn render<K>(items: &[Item<K>], keys: Keys) -> String {
    let mut text = String::new();
    items.iter().for_each(|item| write_item(item, 0, keys, &mut text));
    text
}

pub(crate) fn write_item<K>(item: &Item<K>, depth: usize, keys: Keys, text: &mut String) {
    let indent = |text: &mut String| (0..depth).for_each(|_| text.push(' '));
    indent(text);
    text.push_str(&spell::line(item, keys));
    text.push('\n');
    if item.row.body.is_some() {
        item.body.iter().for_each(|item| write_item(item, depth + 1, keys, text));
        indent(text);
        text.push_str("!\n");
    }
}
