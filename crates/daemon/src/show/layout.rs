//! How answers are laid out for a person at a terminal.

use std::fmt::Write;
use std::time::Duration;

use kedge_telemetry::{Group, Row};
use serde_json::{Map, Value};

/// Statistics: a heading for each group, two counters a line, values aligned to the right.
pub fn groups(groups: &[Group], out: &mut String) {
    for group in groups {
        let _ = writeln!(out, "{}:", group.title);
        let labels = group.rows.iter().map(|row| row.label.len()).max().unwrap_or(0);
        let values = group.rows.iter().map(|row| digits(row.value)).max().unwrap_or(0).max(10);
        for pair in group.rows.chunks(2) {
            let cell = |row: &Row| {
                let label = format!("{}:", row.label);
                format!("  {label:<w$} {:>values$}", row.value, w = labels + 1)
            };
            let line: Vec<String> = pair.iter().map(cell).collect();
            let _ = writeln!(out, "{}", line.join("  "));
        }
        out.push('\n');
    }
}

fn digits(value: u64) -> usize {
    value.checked_ilog10().map_or(1, |log| log as usize + 1)
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

    #[test]
    fn counters_stand_in_two_aligned_columns() {
        let rows = vec![
            Row { label: "Sent", key: "sent", help: "", value: 1 },
            Row { label: "Retries Sent", key: "retries_sent", help: "", value: 12_345_678_901 },
            Row { label: "Ack Rcvd", key: "acks_received", help: "", value: 0 },
        ];
        let mut out = String::new();
        groups(&[Group { title: "Binding Revocation", key: "binding_revocation", rows }], &mut out);
        assert_eq!(
            out,
            "Binding Revocation:\n  \
               Sent:                   1    Retries Sent: 12345678901\n  \
               Ack Rcvd:               0\n\n"
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
