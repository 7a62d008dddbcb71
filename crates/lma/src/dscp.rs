//! The code point of an answer.

use crate::settings::Dscp;

/// The rules of `dscp control-plane`: what a request came with goes back, unless it came with
/// none or the configuration insists.
///
/// | configured | request had 0 | had the same | had another |
/// |---|---|---|---|
/// | nothing | 0 | copy | copy |
/// | a value | the value | the value | copy |
/// | a value, force | the value | the value | the value |
pub(crate) fn answer(configured: Option<Dscp>, received: u8) -> u8 {
    match configured {
        Some(dscp) if dscp.force || received == 0 => dscp.value,
        _ => received,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_code_points_holds() {
        let value = Some(Dscp { value: 48, force: false });
        let force = Some(Dscp { value: 48, force: true });
        let row = |configured| [0, 48, 10].map(|received| answer(configured, received));
        assert_eq!(row(None), [0, 48, 10]);
        assert_eq!(row(value), [48, 48, 10]);
        assert_eq!(row(force), [48, 48, 48]);
    }
}
