//! What a check found, and which of two lines is to blame.

use kedge_grammar::{Item, Place};

use crate::key::Key;
use crate::{Caution, ConfigError, ConfigFault, Warning};

/// What a check found.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) errors: Vec<ConfigError>,
    pub(crate) warnings: Vec<Warning>,
}

impl Findings {
    pub(super) fn error(&mut self, place: &Place, fault: ConfigFault) {
        self.errors.push(ConfigError { place: place.clone(), fault });
    }

    /// Two lines that exclude each other; the later one is wrong.
    pub(super) fn exclude(&mut self, a: &Item<Key>, b: &Item<Key>) {
        let (first, second) = in_order(a, b);
        let (other, at) = (first.row.name(), first.place.seen_from(&second.place));
        let fault = ConfigFault::Excludes { command: second.row.name(), other, at };
        self.error(&second.place, fault);
    }

    pub(super) fn warn(&mut self, place: &Place, caution: Caution) {
        self.warnings.push(Warning { place: place.clone(), caution });
    }
}

/// Of two lines that cannot both be, the second is the wrong one: the one that was read later,
/// whatever texts they are of.
pub(super) fn in_order<'a>(a: &'a Item<Key>, b: &'a Item<Key>) -> (&'a Item<Key>, &'a Item<Key>) {
    if a.place.nth <= b.place.nth { (a, b) } else { (b, a) }
}

/// The one of two lines that is to blame when `least` says more than `most`: that one, unless the
/// other has come since, in another text.
pub(super) fn too_much<'a>(
    least: Option<&'a Item<Key>>,
    most: Option<&'a Item<Key>>,
) -> Option<&'a Item<Key>> {
    match (least, most) {
        (Some(least), Some(most)) if least.place.origin != most.place.origin => {
            Some(in_order(least, most).1)
        }
        _ => least.or(most),
    }
}
