//! What an operator, or who got at the operator's files, can write.

/// A whole configuration: what reads well is written back as the same.
pub fn configuration(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    if let Ok((config, _)) = kedge_config::parse(text, "fuzz") {
        let written = kedge_config::render(&config);
        let again = kedge_config::parse(&written, "written").expect("it reads what it writes");
        assert_eq!(again.0, config);
    }
}

/// One line at the terminal, run or completed.
pub fn command(octets: &[u8]) {
    let Ok(line) = std::str::from_utf8(octets) else { return };
    let _ = kedge_config::parse_command(line);
    let _ = kedge_config::complete(line, &|_| Vec::new());
}
