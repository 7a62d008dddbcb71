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

/// The counters of a statistics listing that are not zero, each group under its heading.
pub fn moved(statistics: &str) -> String {
    let mut kept = Vec::new();
    let mut heading = None;
    for line in statistics.lines().filter(|l| !l.trim().is_empty()) {
        let counters = counters(line);
        if counters.is_empty() {
            heading = Some(line.to_owned());
            continue;
        }
        let moved = counters.into_iter().filter(|(_, value)| *value > 0);
        let moved: Vec<String> = moved.map(|(label, value)| format!("{label} {value}")).collect();
        if !moved.is_empty() {
            kept.extend(heading.take());
            kept.push(format!("  {}", moved.join("   ")));
        }
    }
    kept.join("\n")
}

/// The counters of one line, label and value: a label may hold digits (`IPv4`), a value stands
/// alone.
fn counters(line: &str) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    let mut label = Vec::new();
    for word in line.split_whitespace() {
        match word.parse() {
            Ok(value) => found.push((std::mem::take(&mut label).join(" "), value)),
            Err(_) => label.push(word),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_at_zero_and_groups_without_others_are_left_out() {
        let listing = "Binding Updates Received:\n  Total:  7    IPv4 refused:  0\n  Denied: 2\n\
                       Data Statistics:\n  Octets: 0\n";
        assert_eq!(moved(listing), "Binding Updates Received:\n  Total: 7\n  Denied: 2");
    }
}
