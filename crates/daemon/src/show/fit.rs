//! Answers on a terminal that is narrower than they are.
//!
//! Whatever an answer shows in columns, its lines have a blank gutter in one place. Where the
//! terminal ends, all lines of such a block are cut at the last gutter that fits, and what is
//! behind it follows below, indented: a table keeps its columns, in two rows for each line.

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
        let rows: Vec<&[char]> = block.iter().map(Vec::as_slice).collect();
        write_block(&rows, "", width, &mut out);
    }
    out
}

fn indented(line: &[char]) -> bool {
    line.starts_with(&[' ', ' '])
}

fn write_block(rows: &[&[char]], indent: &str, width: usize, out: &mut String) {
    let room = width.saturating_sub(indent.len());
    let longest = rows.iter().map(|row| row.len()).max().unwrap_or(0);
    let cut = if longest <= room { None } else { cut(rows, room) };
    for row in rows {
        let (here, below) = row.split_at(cut.unwrap_or(row.len()).min(row.len()));
        out.push_str(indent);
        out.extend(here);
        out.truncate(out.trim_end_matches(' ').len());
        out.push('\n');
        let below = trimmed(below);
        if !below.is_empty() {
            write_block(&[below], INDENT, width, out);
        }
    }
}

/// Where the rows are cut: at the last gutter of all of them that leaves something before it; a
/// row alone also between two words.
fn cut(rows: &[&[char]], room: usize) -> Option<usize> {
    let blank = |row: &[char], at: usize| row.get(at).is_none_or(|c| *c == ' ');
    let gutter = |at: usize| {
        let starts = rows.iter().any(|row| !blank(row, at));
        starts && rows.iter().all(|row| (at - GUTTER..at).all(|at| blank(row, at)))
    };
    let says_something =
        |at: &usize| rows.iter().any(|row| !trimmed(&row[..row.len().min(*at)]).is_empty());
    let columns = (GUTTER..=room).rev().filter(|at| gutter(*at)).find(says_something);
    let [row] = rows else { return columns };
    let word = |at: usize| at < row.len() && !blank(row, at) && blank(row, at - 1);
    columns.or_else(|| (1..=room).rev().filter(|at| word(*at)).find(says_something))
}

fn trimmed(row: &[char]) -> &[char] {
    let start = row.iter().position(|c| *c != ' ').unwrap_or(row.len());
    &row[start..]
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
    fn a_heading_is_folded_between_words_and_a_word_stays_whole() {
        assert_eq!(
            fit("one two three four five six\n", 20),
            "one two three four\n      five six\n"
        );
        let word = format!("{}\n", "x".repeat(60));
        assert_eq!(fit(&word, 40), word);
    }
}
