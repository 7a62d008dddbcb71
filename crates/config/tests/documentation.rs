//! `docs/config/` is what the table says.

use std::path::Path;

#[test]
fn the_pages_are_those_that_the_table_makes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/config");
    let pages = kedge_config::document();
    if std::env::var_os("KEDGE_UPDATE").is_some() {
        std::fs::create_dir_all(&folder).unwrap();
        for (file, text) in &pages {
            std::fs::write(folder.join(file), text).unwrap();
        }
    }
    for (file, text) in &pages {
        let found = std::fs::read_to_string(folder.join(file)).unwrap_or_default();
        assert!(found == *text, "docs/config/{file} is stale: run the test with KEDGE_UPDATE=1");
    }
    let files = std::fs::read_dir(&folder).unwrap();
    for file in files {
        let name = file.unwrap().file_name().into_string().unwrap();
        if name == "schema.json" {
            continue;
        }
        assert!(pages.iter().any(|(file, _)| *file == name), "docs/config/{name} is of no block");
    }
}
