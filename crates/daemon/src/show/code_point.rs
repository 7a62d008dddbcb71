//! The code point of signalling packets (`dscp control-plane`), as anchors and gateways show it.

/// In words: a value and whether it is forced. Without a value an answer has what the request
/// had, and nothing else has one.
pub fn code_point(said: Option<(u8, bool)>) -> String {
    match said {
        None => "as received".to_owned(),
        Some((value, false)) => format!("{value}; answers keep what was received, if anything"),
        Some((value, true)) => format!("{value}, forced"),
    }
}
