//! From a tree to text: nested by indentation, one blank a level, `!` after each block.

use crate::{Item, tree};

/// The text that reads as these items.
pub fn render<K>(items: &[Item<K>]) -> String {
    let mut text = String::new();
    write_items(items, 0, &mut text);
    text
}

fn write_items<K>(items: &[Item<K>], depth: usize, text: &mut String) {
    let indent = " ".repeat(depth);
    for item in items {
        text.push_str(&format!("{indent}{}\n", tree::line(item)));
        if item.row.body.is_some() {
            write_items(&item.body, depth + 1, text);
            text.push_str(&format!("{indent}!\n"));
        }
    }
}
