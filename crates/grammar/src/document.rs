//! The table as documentation: one Markdown page for each block.

use crate::{Block, Part, Row, Takes};

/// The pages: file name and text, the global block's first.
pub fn document<K: Copy + PartialEq>(global: &'static Block<K>) -> Vec<(String, String)> {
    let mut pages = Vec::new();
    add_page(global, None, &mut pages);
    pages
}

fn add_page<K: Copy + PartialEq>(
    block: &'static Block<K>,
    opened_by: Option<&'static Row<K>>,
    pages: &mut Vec<(String, String)>,
) {
    let file = format!("{}.md", block.name);
    if pages.iter().any(|(known, _)| *known == file) {
        return;
    }
    let mut text = format!("# {}\n\n{}\n", block.name, block.help);
    if let Some(row) = opened_by {
        text.push_str(&format!("\nOpened by `{}`.\n", syntax(row.syntax)));
    }
    for row in block.rows {
        text.push_str(&section(row));
    }
    pages.push((file, text));
    for row in block.rows {
        if let Some(body) = row.body {
            add_page(body, Some(row), pages);
        }
    }
}

fn section<K: Copy + PartialEq>(row: &'static Row<K>) -> String {
    let mut text = format!("\n## `{}`\n\n{}.\n\n", syntax(row.syntax), row.help);
    let mut arguments = Vec::new();
    list_arguments(row.syntax, &mut arguments);
    for (name, help) in arguments {
        text.push_str(&format!("- `{name}`: {help}\n"));
    }
    if row.on_by_default {
        text.push_str(&format!("- on by default; `no {}` turns it off\n", row.name()));
    }
    if let Some(default) = row.default {
        text.push_str(&format!("- default: `{default}`\n"));
    }
    let effect = match row.takes {
        _ if !row.has_effect => "**accepted; it has no effect yet**",
        Takes::Live => "a change holds at once",
        Takes::NewBindings => "a change holds for new bindings",
        Takes::Restart => "a change starts the service again",
    };
    text.push_str(&format!(
        "- {effect}
"
    ));
    if row.also {
        text.push_str("- another spelling: it is read, the other one is written back\n");
    }
    if !row.source.is_empty() {
        text.push_str(&format!("- source: {}\n", row.source));
    }
    if let Some(body) = row.body {
        text.push_str(&format!("- opens [{0}]({0}.md)\n", body.name));
    }
    text
}

/// A command's syntax in the usual notation: `[optional]`, `{one | of}`, ARGUMENTS in capitals.
pub(crate) fn syntax(parts: &[Part]) -> String {
    let words: Vec<String> = parts
        .iter()
        .map(|part| match part {
            Part::Word { word, .. } | Part::Flag { word, .. } => (*word).to_owned(),
            Part::Arg { value, .. } if value.is_choice() => {
                let words: Vec<&str> = value.choices().map(|(word, ..)| word).collect();
                format!("{{{}}}", words.join(" | "))
            }
            Part::Arg { name, .. } => (*name).to_owned(),
            Part::Optional(inner) => format!("[{}]", syntax(inner)),
            Part::AnyOrder(each) => {
                let each: Vec<String> =
                    each.iter().map(|parts| format!("[{}]", syntax(parts))).collect();
                each.join(" ")
            }
            Part::OneOf(choices) => {
                let choices: Vec<String> = choices.iter().map(|parts| syntax(parts)).collect();
                format!("{{{}}}", choices.join(" | "))
            }
        })
        .collect();
    words.join(" ")
}

fn list_arguments(parts: &[Part], list: &mut Vec<(String, String)>) {
    for part in parts {
        match part {
            Part::Word { .. } => {}
            Part::Flag { word, help } => add(list, word, (*help).to_owned()),
            Part::Arg { value, .. } if value.is_choice() => {
                value.choices().for_each(|(word, _, help)| add(list, word, help.to_owned()));
            }
            Part::Arg { name, value, help: "" } => add(list, name, value.describe()),
            Part::Arg { name, value, help } => {
                add(list, name, format!("{help} ({})", value.describe()));
            }
            Part::Optional(inner) => list_arguments(inner, list),
            Part::OneOf(choices) | Part::AnyOrder(choices) => {
                choices.iter().for_each(|parts| list_arguments(parts, list));
            }
        }
    }
}

fn add(list: &mut Vec<(String, String)>, name: &str, help: String) {
    if !list.iter().any(|(known, known_help)| known == name && *known_help == help) {
        list.push((name.to_owned(), help));
    }
}
