//! How answers are laid out for a person at a terminal.

use std::fmt::Write;
use std::time::Duration;

use kedge_telemetry::Group;
use serde_json::{Map, Value};

/// The room of a counter in [`groups`]: its label, a colon, its value.
const COUNTER: usize = 38;
/// Blanks before each counter.
const GAP: usize = 2;

/// How many counters a line of that many columns holds; two where nobody says how long it is.
pub fn counters_a_line(width: Option<u16>) -> usize {
    width.map_or(2, |width| (usize::from(width) / (GAP + COUNTER)).clamp(1, 4))
}

/// Statistics: a heading for each group, so many counters a line, in the same columns all the way
/// down. A counter that needs more room has a line of its own.
pub fn groups(groups: &[Group], a_line: usize, out: &mut String) {
    for group in groups {
        let _ = writeln!(out, "{}:", group.title);
        let mut on_line = 0;
        for row in &group.rows {
            let room = COUNTER.saturating_sub(row.label.len() + 1);
            let fits = digits(row.value) < room;
            if on_line == a_line || on_line > 0 && !fits {
                out.push('\n');
                on_line = 0;
            }
            let _ = match fits {
                true => write!(out, "{:GAP$}{}:{:>room$}", "", row.label, row.value),
                false => write!(out, "{:GAP$}{}: {}", "", row.label, row.value),
            };
            on_line = if fits { on_line + 1 } else { a_line };
        }
        out.push_str(if on_line > 0 { "\n\n" } else { "\n" });
    }
}

fn digits(value: u64) -> usize {
    value.checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// On which side the cells of a column stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A table with a head, its columns as wide as what is in them.
pub struct Table {
    columns: Vec<Align>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    pub fn new(head: &[(&str, Align)]) -> Self {
        let titles = head.iter().map(|(title, _)| (*title).to_owned()).collect();
        Self { columns: head.iter().map(|(_, align)| *align).collect(), rows: vec![titles] }
    }

    /// Adds a line.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Writes the table below an empty line, or nothing if it has no lines but its head.
    pub fn write(&self, out: &mut String) {
        if self.rows.len() == 1 {
            return;
        }
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        out.push('\n');
        for row in &self.rows {
            let mut line = String::new();
            for ((cell, align), width) in row.iter().zip(&self.columns).zip(&widths) {
                let _ = match align {
                    Align::Left => write!(line, "  {cell:<width$}"),
                    Align::Right => write!(line, "  {cell:>width$}"),
                };
            }
            let _ = writeln!(out, "{}", line.trim_end());
        }
    }
}

/// Statistics as `group_key: { counter_key: value }`.
pub fn groups_json(groups: &[Group]) -> Value {
    let counters = |group: &Group| -> Map<String, Value> {
        group.rows.iter().map(|row| (row.key.to_owned(), row.value.into())).collect()
    };
    groups.iter().map(|group| (group.key.to_owned(), Value::Object(counters(group)))).collect()
}

/// A block of `label  value` lines, values in one column.
#[derive(Default)]
pub struct Block {
    rows: Vec<(&'static str, String)>,
}

impl Block {
    /// Adds a line.
    pub fn row(&mut self, label: &'static str, value: impl ToString) -> &mut Self {
        self.rows.push((label, value.to_string()));
        self
    }

    /// Writes the block, each line indented by two.
    pub fn write(&self, out: &mut String) {
        let width = self.rows.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
        for (label, value) in &self.rows {
            let _ = writeln!(out, "  {label:<width$}  {value}");
        }
    }
}

/// A time span as operators read it: `12s`, `3m 05s`, `2h 07m`, `4d 01h`.
pub fn span(time: Duration) -> String {
    let s = time.as_secs();
    match s {
        0..60 => format!("{s}s"),
        60..3600 => format!("{}m {:02}s", s / 60, s % 60),
        3600..86_400 => format!("{}h {:02}m", s / 3600, s % 3600 / 60),
        _ => format!("{}d {:02}h", s / 86_400, s % 86_400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kedge_telemetry::Row;

    fn group(title: &'static str, rows: &[(&'static str, u64)]) -> Group {
        let row = |&(label, value): &_| Row { label, key: "", help: "", value };
        Group { title, key: "", rows: rows.iter().map(row).collect() }
    }

    #[test]
    fn counters_stand_in_the_same_two_columns_in_every_group() {
        let first = group("First", &[("Sent", 1), ("Retries Sent", 12_345_678_901), ("Ack", 0)]);
        let second = group("Second", &[("A long label of a counter", 7), ("Z", 1)]);
        let mut out = String::new();
        groups(&[first, second], counters_a_line(None), &mut out);
        let expected = "\
            First:\n  \
              Sent:                                1  Retries Sent:              12345678901\n  \
              Ack:                                 0\n\n\
            Second:\n  \
              A long label of a counter:           7  Z:                                   1\n\n";
        assert_eq!(out, expected);
        assert!(out.lines().all(|line| line.len() <= 80));
    }

    #[test]
    fn a_counter_that_is_too_long_for_its_column_has_a_line_of_its_own() {
        let rows = [("A", 1), ("No Response / Timeout Failures", u64::MAX), ("B", 2), ("C", 3)];
        let mut out = String::new();
        groups(&[group("G", &rows)], 2, &mut out);
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(lines[2], "  No Response / Timeout Failures: 18446744073709551615");
        assert!(lines[1].starts_with("  A:") && lines[3].starts_with("  B:"));
    }

    #[test]
    fn a_line_has_as_many_counters_as_the_terminal_has_room_for() {
        for (width, expected) in [(39, 1), (79, 1), (80, 2), (119, 2), (120, 3), (400, 4)] {
            assert_eq!(counters_a_line(Some(width)), expected, "{width}");
        }
        let rows = [("A", 1), ("B", 2), ("C", 3), ("D", 4)];
        let mut out = String::new();
        groups(&[group("G", &rows)], 3, &mut out);
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(lines.len(), 4, "a heading, three counters, one, an end: {out}");
        assert_eq!(lines[1].len(), 120);
        assert!(lines[1].contains("  C:") && lines[2].starts_with("  D:"), "{out}");
    }

    #[test]
    fn columns_of_a_table_are_as_wide_as_what_is_in_them() {
        let mut table = Table::new(&[("Gateway", Align::Left), ("Missed", Align::Right)]);
        let mut out = String::new();
        table.write(&mut out);
        assert_eq!(out, "", "a head alone says nothing");
        table.row(vec!["mag1".to_owned(), "0".to_owned()]);
        table.row(vec!["a long name".to_owned(), "12345678".to_owned()]);
        table.write(&mut out);
        assert_eq!(
            out,
            "\n  Gateway        Missed\n  mag1                0\n  a long name  12345678\n"
        );
    }

    #[test]
    fn spans_have_two_units_at_most() {
        let text = |s| span(Duration::from_secs(s));
        assert_eq!(
            [text(7), text(185), text(7_650), text(349_000)],
            ["7s", "3m 05s", "2h 07m", "4d 00h"]
        );
    }
}
