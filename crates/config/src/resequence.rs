//! `ip access-list resequence NAME [START [STEP]]`: an access list's lines get new numbers, in the
//! order in which they stand. It says nothing itself; it changes what a session has.

use kedge_grammar::table::{Block, arg_help, last, row, word};
use kedge_grammar::{Hint, Item, Part, Place, SyntaxFault, Value, Writer};

use crate::key::Key;
use crate::{AccessList, ConfigError, ConfigFault, Family, table};

const NUMBER: Value = Value::Integer { min: 1, max: AccessList::LAST as u64, unit: "" };
const LIST: Part = word("access-list", "Access lists");
const NAME: Part =
    arg_help("NAME", Value::Known { what: "access list", max: 125 }, "name of the list");
const NUMBERS: Part = Part::Optional(&[
    arg_help("START", NUMBER, "the first line's number; 10 without it"),
    Part::Optional(&[arg_help("STEP", NUMBER, "what lies between two; 10 without it")]),
]);
const HELP: &str = "Give an access list's lines new numbers";

static COMMANDS: Block<Family> = Block {
    name: "resequence",
    help: "New numbers for access lists.",
    rows: &[
        row(
            Family::Ipv4,
            &[word("ip", "Internet Protocol version 4"), LIST, last("resequence"), NAME, NUMBERS],
            HELP,
        ),
        row(
            Family::Ipv4,
            &[last("resequence"), word("ipv4", "Of IPv4"), LIST, NAME, NUMBERS],
            HELP,
        ),
        row(
            Family::Ipv6,
            &[last("resequence"), word("ipv6", "Of IPv6"), LIST, NAME, NUMBERS],
            HELP,
        ),
    ],
};

/// What is to be numbered, and how.
pub(crate) struct Resequence {
    family: Family,
    name: String,
    start: u32,
    step: u32,
}

/// Whether a line can be this command.
pub(crate) fn may_be(line: &str) -> bool {
    kedge_grammar::begins_command(&COMMANDS, line)
}

/// Reads a line as this command.
pub(crate) fn parse(line: &str) -> Result<Resequence, Box<(Place, SyntaxFault)>> {
    let (family, args) = kedge_grammar::read_command(&COMMANDS, line, "")?;
    let number = |name| args.integer(name).unwrap_or(10);
    let (start, step) = (number("START"), number("STEP"));
    Ok(Resequence { family, name: crate::shared::name(&args, "NAME"), start, step })
}

/// What of this command may stand where `line` ends.
pub(crate) fn complete(line: &str, names: &dyn Fn(&str) -> Vec<String>) -> Vec<Hint> {
    kedge_grammar::complete(&COMMANDS, line, names)
}

impl Resequence {
    /// The lines that do it with the configuration `items`, typed as `line`.
    pub(crate) fn commands(
        &self,
        items: &[Item<Key>],
        line: &str,
    ) -> Result<String, Box<ConfigError>> {
        let key = match self.family {
            Family::Ipv4 => Key::AccessList,
            Family::Ipv6 => Key::AccessListIpv6,
        };
        let lists = items.iter().filter(|item| item.row.key == key);
        let mut lists = lists.map(AccessList::read);
        let fault = |fault| {
            let place = Place { line: 1, text: line.into(), ..Place::default() };
            Box::new(ConfigError { place, fault })
        };
        let mut list = lists
            .find(|list| list.name == self.name)
            .ok_or_else(|| fault(ConfigFault::NoAccessList { name: self.name.clone() }))?;
        list.renumber(self.start, self.step).ok_or_else(|| fault(ConfigFault::NumbersTooHigh))?;
        let mut writer = Writer::new(&table::GLOBAL);
        list.write(&mut writer);
        let text = kedge_grammar::render(&writer.finish(), kedge_grammar::Keys::Obfuscated);
        let opening = text.lines().next().unwrap_or_default();
        Ok(format!("no {opening}\n{text}"))
    }
}
