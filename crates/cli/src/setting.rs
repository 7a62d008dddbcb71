//! `terminal length N` and `terminal width N`: the daemon has read them, here they are obeyed.

/// What one of them asks for; 0 is no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Setting {
    /// An answer is shown in pages when it has more lines.
    Length(usize),
    /// Tables are laid out for so many characters.
    Width(u16),
}

impl Setting {
    /// That of a line which the daemon has taken.
    pub(crate) fn of(line: &str) -> Option<Self> {
        let words: Vec<String> = line.split_whitespace().map(str::to_ascii_lowercase).collect();
        // Within the configuration they stand behind this word.
        let words = words.strip_prefix(&["do".to_owned()]).unwrap_or(&words);
        let [terminal, what, number] = words else { return None };
        if !"terminal".starts_with(terminal.as_str()) {
            return None;
        }
        let number: u16 = number.parse().ok()?;
        match what.as_str() {
            what if "length".starts_with(what) => Some(Self::Length(number.into())),
            what if "width".starts_with(what) => Some(Self::Width(number)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_known_abbreviated_and_other_commands_are_none() {
        assert_eq!(Setting::of("terminal length 0"), Some(Setting::Length(0)));
        assert_eq!(Setting::of(" ter wid 132 "), Some(Setting::Width(132)));
        assert_eq!(Setting::of("do terminal length 24"), Some(Setting::Length(24)));
        for other in ["terminal monitor", "show version", "terminal length", "terminal length x"] {
            assert_eq!(Setting::of(other), None, "{other}");
        }
    }
}
