//! A router's banner: text for people over several lines, up to a sign that its first line names.
//!
//! ```text
//! banner motd ^C
//!  Authorised access only
//! ^C
//! ```
//!
//! What stands in it may look like anything, also like a command, and is none.

/// The kinds of banners.
const KINDS: [&str; 6] = ["motd", "login", "exec", "incoming", "prompt-timeout", "slip-ppp"];

/// What ends the text that a line of these words begins, the third of which begins `rest`; `None`
/// when it begins none, or ends it itself.
pub(crate) fn end_of(words: &[&str], rest: &str) -> Option<String> {
    let [first, kind, _, ..] = words else { return None };
    let is_kind = KINDS.iter().any(|known| known.eq_ignore_ascii_case(kind));
    if !first.eq_ignore_ascii_case("banner") || !is_kind {
        return None;
    }
    // Routers print the control character as two.
    let end = match rest.strip_prefix("^C") {
        Some(_) => "^C".to_owned(),
        None => rest.chars().next().filter(|c| !c.is_alphanumeric())?.to_string(),
    };
    let ends = rest.strip_prefix(&end).is_some_and(|rest| rest.contains(&end));
    (!ends).then_some(end)
}
