//! What the demonstration says while it runs. Colours only where a person looks.

use std::{
    io::{IsTerminal, stdout},
    time::{Duration, Instant},
};

use kedge_lab::LabError;

/// Tells the story, each line with the seconds since the start.
pub struct Narrator {
    start: Instant,
    colour: bool,
}

impl Narrator {
    pub fn new() -> Self {
        let colour = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { start: Instant::now(), colour }
    }

    pub fn title(&self, text: &str) {
        println!("\n{}\n", self.paint("1", text));
    }

    /// The topology, indented.
    pub fn drawing(&self, text: &str) {
        for line in text.lines() {
            println!("    {line}");
        }
        println!();
    }

    /// A step that begins.
    pub fn step(&self, text: &str) {
        let stamp = format!("{:5.1} s", self.start.elapsed().as_secs_f64());
        println!("{}  {}", self.paint("36", &stamp), self.paint("1", text));
    }

    /// Something found out in the current step.
    pub fn fact(&self, text: &str) {
        println!("         {text}");
    }

    /// What an operator would type, and what came back.
    pub fn terminal(&self, prompt: &str, command: &str, answer: &str) {
        println!("         {}", self.paint("33", &format!("{prompt}# {command}")));
        for line in answer.trim_end().lines() {
            println!("         {}", self.paint("2", line));
        }
    }

    /// One promise, kept or broken; whether it was kept.
    pub fn verdict(&self, promise: &str, outcome: Result<(), LabError>) -> bool {
        let (mark, colour) = if outcome.is_ok() { ("kept  ", "32") } else { ("BROKEN", "31") };
        println!("         {} {promise}", self.paint(colour, mark));
        if let Err(error) = &outcome {
            self.fact(&format!("       {error}"));
        }
        outcome.is_ok()
    }

    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// The lines of a statistics listing that say something: those with a number other than zero,
/// each group under its heading.
pub fn moved(statistics: &str) -> String {
    let mut kept = Vec::new();
    let mut headings: Vec<&str> = Vec::new();
    for line in statistics.lines().filter(|l| !l.trim().is_empty()) {
        let depth = |l: &str| l.len() - l.trim_start().len();
        headings.retain(|h| depth(h) < depth(line));
        if line.trim_end().ends_with(|c: char| !c.is_ascii_digit()) {
            headings.push(line);
        } else if counts(line) {
            kept.append(&mut headings);
            kept.push(line);
        }
    }
    kept.join("\n")
}

/// Whether a line holds a number other than zero: a label may hold digits (`IPv4`), a number
/// stands alone.
fn counts(line: &str) -> bool {
    line.split_whitespace().any(|word| word.parse::<u64>().is_ok_and(|number| number > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_at_zero_and_groups_without_others_are_left_out() {
        let listing = "Binding Updates Received:\n  Total: 7\n  IPv4 refused: 0\nData Statistics:\n  Octets: 0\n";
        assert_eq!(moved(listing), "Binding Updates Received:\n  Total: 7");
    }
}
