//! Which block a line belongs to, in texts that are indented, flat, or both.

use kedge_grammar::table::{Block, Row, arg, last, row};
use kedge_grammar::{Item, Value, read};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Key {
    Service,
    Peer,
    Pool,
    Lifetime,
}

const NAME: Value = Value::Name { max: 9 };
const LIFETIME: Row<Key> = row(
    Key::Lifetime,
    &[last("lifetime"), arg("N", Value::Integer { min: 1, max: 99, unit: "" })],
    "A lifetime",
);

static GLOBAL: Block<Key> = Block {
    name: "global",
    help: "Everything.",
    rows: &[row(Key::Service, &[last("service"), arg("ID", NAME)], "A service").opens(&SERVICE)],
};
static SERVICE: Block<Key> = Block {
    name: "service",
    help: "A service.",
    rows: &[
        LIFETIME,
        row(Key::Pool, &[last("pool"), arg("ID", NAME)], "A pool").each(&[]),
        row(Key::Peer, &[last("peer"), arg("ID", NAME)], "A peer").opens(&PEER),
    ],
};
static PEER: Block<Key> = Block { name: "peer", help: "A peer.", rows: &[LIFETIME] };

/// `service a(lifetime 1 peer b(lifetime 2))`, without the names of commands.
fn tree(text: &str) -> String {
    fn show(items: &[Item<Key>]) -> String {
        let one = |item: &Item<Key>| {
            let name = item.args.text("ID").map(str::to_owned);
            let value = name.or(item.args.integer::<u8>("N").map(|n| n.to_string())).unwrap();
            if item.row.body.is_none() { value } else { format!("{value}({})", show(&item.body)) }
        };
        items.iter().map(one).collect::<Vec<_>>().join(" ")
    }
    let reading = read(&GLOBAL, text, "t");
    assert!(reading.faults.is_empty(), "{:?}", reading.faults);
    show(&reading.items)
}

#[test]
fn a_flat_line_belongs_to_the_innermost_block_that_knows_it() {
    assert_eq!(
        tree("service a\nlifetime 1\npeer b\nlifetime 2\npool p\nservice c"),
        "a(1 p b(2)) c()"
    );
}

#[test]
fn separators_close_nothing() {
    assert_eq!(tree("service a\n!\npeer b\n!\nlifetime 2\n!"), "a(b(2))");
}

#[test]
fn a_line_left_of_a_blocks_first_line_is_not_in_it() {
    assert_eq!(tree("service a\n  peer b\n lifetime 1"), "a(1 b())");
}

#[test]
fn a_line_as_far_left_as_an_indented_blocks_first_line_is_not_in_it() {
    assert_eq!(tree("service a\n peer b\n  lifetime 2\n lifetime 1"), "a(1 b(2))");
    assert_eq!(tree("service a\n peer b\n lifetime 2\n lifetime 3"), "a(b(3))");
}

#[test]
fn a_tab_reaches_the_next_multiple_of_eight() {
    assert_eq!(tree("service a\n\tpeer b\n        lifetime 2"), "a(b(2))");
    assert_eq!(tree("service a\n         peer b\n\tlifetime 1"), "a(1 b())");
}

#[test]
fn exit_closes_one_block_and_end_closes_all() {
    assert_eq!(tree("service a\npeer b\nexit\nlifetime 1"), "a(1 b())");
    for end in ["end", "commit", "root", "configure terminal", "conf t"] {
        let text = format!("service a\npeer b\n{end}\nservice a\nlifetime 1");
        assert_eq!(tree(&text), "a(1 b())", "{end}");
    }
}

#[test]
fn a_block_that_is_entered_again_goes_on() {
    assert_eq!(tree("service a\npeer b\nservice c\nservice a\nlifetime 1\npeer b"), "a(1 b()) c()");
}

#[test]
fn no_takes_away_a_line_a_list_and_a_block() {
    let text = "service a\nlifetime 1\npool p\npool q\npeer b\nlifetime 2\nexit\n";
    assert_eq!(tree(&format!("{text}no lifetime")), "a(p q b(2))");
    assert_eq!(tree(&format!("{text}no lifetime 9")), "a(1 p q b(2))");
    assert_eq!(tree(&format!("{text}no pool p")), "a(1 q b(2))");
    assert_eq!(tree(&format!("{text}no pool")), "a(1 b(2))");
    assert_eq!(tree(&format!("{text}no peer b")), "a(1 p q)");
    assert_eq!(tree(&format!("{text}no service a")), "");
}

#[test]
fn a_wrong_first_line_still_opens_its_block() {
    let reading = read(&GLOBAL, "service\n lifetime 1\n peer b c\n  lifetime 200\n pool x", "t");
    let lines: Vec<usize> = reading.faults.iter().map(|(place, _)| place.line).collect();
    assert_eq!(lines, [1, 3, 4]);
}

#[test]
fn what_is_indented_below_an_unknown_line_goes_with_it() {
    let text = "router x\n neighbor y\n  remote z\nservice a\n what\n lifetime 0";
    let reading = read(&GLOBAL, text, "t");
    let lines: Vec<usize> = reading.faults.iter().map(|(place, _)| place.line).collect();
    assert_eq!(lines, [1, 5, 6]);
}
