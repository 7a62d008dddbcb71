//! Scenarios: one text file for each rule of the RFCs, written to be read aloud, and played to a
//! machine in virtual time.
//!
//! ```text
//! # RFC 5213 §5.3.1 (4): an update without the Mobile Node Identifier option is denied.
//! mag1 sends PBU no nai
//! anchor denies with 160: no mobile node identifier option
//!   lifetime 0 hnp ::
//! ```
//!
//! A file below `lma` is played to an anchor, one below `mag` to a gateway; the README says what
//! can be written. A scenario is strict. Every message the machine sends is named before the next
//! thing happens, and so is why it refuses one. `counters` names every counter that has moved.
//! After each step the sums of the counter groups hold. A file that asserts nothing is an error.
//!
//! | file | what is in it |
//! |---|---|
//! | `script` | sentences and words |
//! | `fields`, `message` | messages between octets and words |
//! | `clock` | virtual time |
//! | `counters` | what moved, and the sums that hold |
//! | `anchor`, `gateway` | the machines and the sentences about them |
//! | `seen` | what a scenario has shown, for the tests that ask whether all is shown |

mod anchor;
mod clock;
mod counters;
mod fields;
mod gateway;
mod message;
mod script;
mod seen;

use std::path::{Path, PathBuf};
use std::{fs, io};

pub use seen::Seen;

/// What can be the subject of a scenario.
trait Stage {
    /// Acts on a sentence, or checks it.
    fn say(&mut self, sentence: &script::Sentence, seen: &mut Seen) -> Result<(), String>;
    /// The last sentence was said: nothing may be left unsaid.
    fn finish(&mut self) -> Result<(), String>;
}

/// The scenario files of a machine, in the order of their names.
pub fn files(machine: &str) -> io::Result<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(machine);
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    files.sort();
    Ok(files)
}

/// Plays a file. The error says where it went otherwise than written.
pub fn play(file: &Path) -> Result<Seen, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let machine = file.parent().and_then(Path::file_name).unwrap_or_default();
    play_text(&machine.to_string_lossy(), &text).map_err(|why| format!("{}:{why}", file.display()))
}

/// Plays the text of a scenario to a machine. The error begins with the number of its line.
pub fn play_text(machine: &str, text: &str) -> Result<Seen, String> {
    let fail = |line: usize, why: String| format!("{line}: {why}");
    let mut stage: Box<dyn Stage> = match machine {
        "lma" => Box::new(anchor::Anchor::new()),
        "mag" => Box::new(gateway::Gateway::new().map_err(|why| fail(1, why))?),
        _ => return Err(fail(1, format!("there is no machine “{machine}”"))),
    };
    let sentences = script::sentences(text)?;
    let mut seen = Seen::default();
    for sentence in &sentences {
        stage.say(sentence, &mut seen).map_err(|why| fail(sentence.line, why))?;
    }
    stage.finish().map_err(|why| fail(text.lines().count(), why))?;
    if seen.assertions == 0 {
        return Err(fail(1, "asserts nothing".to_owned()));
    }
    Ok(seen)
}
