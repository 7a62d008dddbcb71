//! Counter groups: one table gives the struct, the labels, the keys and the rows.
//!
//! A group is declared once with [`counters!`]; what prints it, what writes it as JSON and what
//! documents it read the same table. Counters are plain numbers with one writer, the machine
//! that owns them; nothing here is shared between threads.

/// One counter of a group, ready to be shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row {
    /// What an operator reads, spelled as the vendor documents spell it.
    pub label: &'static str,
    /// The counter's name in JSON, below its group's key.
    pub key: &'static str,
    /// What makes it count.
    pub help: &'static str,
    /// The count.
    pub value: u64,
}

/// A declared group of counters.
pub trait CounterGroup {
    /// The heading an operator reads.
    const TITLE: &'static str;
    /// The group's name in JSON.
    const KEY: &'static str;

    /// Every counter of the group in the order of its declaration.
    fn rows(&self) -> Vec<Row>;
}

/// A group without its type: what a statistics answer is made of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    /// The heading an operator reads.
    pub title: &'static str,
    /// The group's name in JSON.
    pub key: &'static str,
    /// The counters in the order of their declaration.
    pub rows: Vec<Row>,
}

impl Group {
    /// The sum of a group here and there: two have the same counters.
    pub fn plus(mut self, other: Self) -> Self {
        for (sum, more) in self.rows.iter_mut().zip(other.rows) {
            sum.value += more.value;
        }
        self
    }

    /// A copy of `group` as it stands.
    pub fn of<G: CounterGroup>(group: &G) -> Self {
        Self { title: G::TITLE, key: G::KEY, rows: group.rows() }
    }
}

/// Declares a struct of counters and its [`CounterGroup`]. A counter's documentation is what an
/// operator reads about it.
///
/// ```
/// kedge_telemetry::counters! {
///     /// Binding Updates as they arrive.
///     pub struct Received: "Binding Updates Received", "binding_updates_received" {
///         /// Every message of MH type 5.
///         total: "Total Received",
///     }
/// }
/// let mut group = Received::default();
/// group.total += 1;
/// let row = kedge_telemetry::Group::of(&group).rows[0];
/// assert_eq!((row.value, row.help), (1, "Every message of MH type 5."));
/// ```
#[macro_export]
macro_rules! counters {
    ($(#[$meta:meta])* $vis:vis struct $name:ident : $title:literal, $key:literal {
        $($(#[doc = $help:literal])+ $field:ident : $label:literal),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        $vis struct $name { $($(#[doc = $help])+ pub $field: u64),* }

        impl $crate::CounterGroup for $name {
            const TITLE: &'static str = $title;
            const KEY: &'static str = $key;

            fn rows(&self) -> Vec<$crate::Row> {
                vec![$($crate::Row {
                    label: $label,
                    key: stringify!($field),
                    help: concat!($($help),+).trim_ascii_start(),
                    value: self.$field,
                }),*]
            }
        }
    };
}
