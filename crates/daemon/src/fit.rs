//! Answers on a terminal that is narrower than they are.
//!
//! Whatever an answer shows in columns, its lines have a blank gutter in one place. Where the
//! terminal ends, all lines of such a block are cut at the last gutter that fits, and what is
//! behind it follows below, indented: a table keeps its columns, in two rows for each line. Where
//! only the words of the last column are too many, they are folded in that column.

use kedge_api::fold;

/// What stands before the rest of a line.
const INDENT: &str = "      ";
/// Blanks between two columns.
const GUTTER: usize = 2;
/// Below this, nothing can be laid out.
const NARROWEST: usize = 20;

/// The text in lines that `width` columns hold, as far as its words and columns allow.
pub fn fit(text: &str, width: u16) -> String {
    let width = usize::from(width);
    let is_long = |line: &str| line.chars().count() > width;
    if width < NARROWEST || !text.lines().any(is_long) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    let lines: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
    // An empty line ends a block, and so does a heading: it is not indented.
    let same = |above: &Vec<char>, below: &Vec<char>| indented(above) && indented(below);
    for block in lines.chunk_by(same) {
        write_block(block, width, &mut out);
    }
    out
}

fn indented(line: &[char]) -> bool {
    line.starts_with(&[' ', ' '])
}

/// Writes each row in as many lines as it takes; what stood in one column still does.
fn write_block(rows: &[Vec<char>], width: usize, out: &mut String) {
    let mut rest: Vec<&[char]> = rows.iter().map(Vec::as_slice).collect();
    if let Some(at) = last_column(&rest, width) {
        return write_folded(&rest, at, width, out);
    }
    let mut lines: Vec<(&str, Vec<&[char]>)> = Vec::new();
    loop {
        let indent = if lines.is_empty() { "" } else { INDENT };
        let room = width - indent.len();
        let longest = rest.iter().map(|row| row.len()).max().unwrap_or(0);
        let cut = if longest <= room { None } else { cut(&rest, room) };
        let Some(at) = cut else {
            lines.push((indent, rest));
            break;
        };
        let (here, below): (Vec<&[char]>, Vec<&[char]>) =
            rest.iter().map(|row| row.split_at(at.min(row.len()))).unzip();
        lines.push((indent, here));
        let blanks = |row: &&[char]| row.iter().position(|c| *c != ' ');
        let margin = below.iter().filter_map(blanks).min().unwrap_or(0);
        rest = below.iter().map(|row| &row[margin.min(row.len())..]).collect();
    }
    for row in 0..rows.len() {
        for (index, (indent, parts)) in lines.iter().enumerate() {
            let part: String = parts[row].iter().collect();
            let part = part.trim_end();
            if rows.len() > 1 && part.chars().count() > width - indent.len() {
                // Prose, in a column that nothing stands behind.
                for line in fold(part, width - INDENT.len()) {
                    out.push_str(&format!("{INDENT}{line}\n"));
                }
            } else if index == 0 || !part.is_empty() {
                out.push_str(&format!("{}\n", format!("{indent}{part}").trim_end()));
            }
        }
    }
}

/// Where the last column begins, if there is room to fold what stands in it.
fn last_column(rows: &[&[char]], width: usize) -> Option<usize> {
    /// A column narrower than this is no place for prose.
    const LEAST: usize = 24;
    let longest = rows.iter().map(|row| row.len()).max().filter(|longest| *longest > width)?;
    let at = (GUTTER..longest).rev().find(|at| is_gutter(rows, *at))?;
    let room = width.checked_sub(at).filter(|room| *room >= LEAST)?;
    let fits = |row: &&[char]| {
        let last = row.get(at..).unwrap_or_default();
        last.split(|c| *c == ' ').all(|word| word.len() <= room)
    };
    rows.iter().all(fits).then_some(at)
}

/// Writes rows with what stands in the last column folded there.
fn write_folded(rows: &[&[char]], at: usize, width: usize, out: &mut String) {
    for row in rows {
        let (before, last) = row.split_at(at.min(row.len()));
        let mut before: String = before.iter().collect();
        let lines = fold(&last.iter().collect::<String>(), width - at);
        if lines.is_empty() {
            out.push_str(&format!("{}\n", before.trim_end()));
        }
        for line in lines {
            out.push_str(&format!("{before:at$}{line}\n"));
            before.clear();
        }
    }
}

/// Where the rows are cut: at the last gutter of all of them that leaves something before it; a
/// row alone also between two words.
fn cut(rows: &[&[char]], room: usize) -> Option<usize> {
    let says_something =
        |at: &usize| rows.iter().any(|row| row.iter().take(*at).any(|c| *c != ' '));
    let columns = (GUTTER..=room).rev().filter(|at| is_gutter(rows, *at)).find(says_something);
    let [row] = rows else { return columns };
    let word = |at: usize| at < row.len() && !blank(row, at) && blank(row, at - 1);
    columns.or_else(|| (1..=room).rev().filter(|at| word(*at)).find(says_something))
}

/// Whether a column begins here that all rows have blanks before.
fn is_gutter(rows: &[&[char]], at: usize) -> bool {
    let starts = rows.iter().any(|row| !blank(row, at));
    starts && rows.iter().all(|row| (at - GUTTER..at).all(|at| blank(row, at)))
}

fn blank(row: &[char], at: usize) -> bool {
    row.get(at).is_none_or(|c| *c == ' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
Tunnels: 2

  Gateway      Bindings  MTU   Between
  mag1               12  1460  192.0.2.1 and 192.0.2.2
  a long name         3  1420  2001:db8::1 and 2001:db8::2
";

    #[test]
    fn a_text_that_fits_is_as_it_was() {
        assert_eq!(fit(TABLE, 60), TABLE);
        assert_eq!(fit("", 60), "");
    }

    #[test]
    fn columns_that_do_not_fit_go_below_in_every_row() {
        assert_eq!(
            fit(TABLE, 50),
            "\
Tunnels: 2

  Gateway      Bindings  MTU
      Between
  mag1               12  1460
      192.0.2.1 and 192.0.2.2
  a long name         3  1420
      2001:db8::1 and 2001:db8::2
"
        );
        for width in 40..60 {
            let fitted = fit(TABLE, width);
            assert!(fitted.lines().all(|line| line.len() <= usize::from(width)), "{fitted}");
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(words(&fitted), words(TABLE));
        }
    }

    #[test]
    fn prose_behind_columns_is_folded_where_it_is_too_long() {
        let table = "  1  root    why it was done, in many words\n  2  kedged  short\n";
        assert_eq!(
            fit(table, 24),
            "  1  root\n      why it was done,\n      in many words\n  2  kedged\n      short\n"
        );
    }

    #[test]
    fn a_long_value_is_folded_where_values_stand_and_the_others_stay_beside_their_names() {
        let pairs = "  Tunnel MTU   as the tunnel allows\n  Revocations  sent again 1 time, first \
                     after 1000 ms, at most every 2000 ms\n  DSCP         as received\n";
        assert_eq!(
            fit(pairs, 48),
            "  Tunnel MTU   as the tunnel allows\n  Revocations  sent again 1 time, first after\n\
             \x20              1000 ms, at most every 2000 ms\n  DSCP         as received\n"
        );
    }

    #[test]
    fn numbers_stay_below_their_heading() {
        let table = "  Name  State     Bindings  Peer\n  a     up               5  b\n";
        assert_eq!(
            fit(table, 24),
            "  Name  State\n      Bindings  Peer\n  a     up\n             5  b\n"
        );
    }

    #[test]
    fn a_heading_is_folded_between_words_and_a_word_stays_whole() {
        assert_eq!(
            fit("one two three four five six\n", 20),
            "one two three four\n      five six\n"
        );
        let word = format!("{}\n", "x".repeat(60));
        assert_eq!(fit(&word, 40), word);
    }
}
