//! No secret of a text is in what is said about it.

use kedge_config::{Candidate, Config, compare, from_json, parse, to_json};
use proptest::prelude::*;

/// A line that holds a key, with something wrong with it or nothing.
fn line() -> impl Strategy<Value = (String, String)> {
    let secret = "[A-Za-z][A-Za-z0-9+/_.-]{7,20}";
    let forms = [
        "auth-option spi 67 key ascii KEY",
        "auth-option spi 67 key 0 ascii KEY",
        "auth-option spi 67 key ascii KEY extra",
        "auth-option spi 67 key KEY",
        "auth-option spi 67 key hex KEY",
        "auth-option spi 67 key 7 ascii KEY",
        "auth-option spi 67 key 5 ascii KEY",
        "auth-option spi 67 key asci KEY",
        "auth-option spi 67 ky ascii KEY",
        "auth-option spi key ascii KEY",
        "auth-option sp 67 key ascii KEY updates-only home-address",
        "auth-opton spi 67 key ascii KEY",
        "auth spi 67 k as KEY",
        "auth-option spi 67 key ascii \"KEY",
        "auth-option spi 67 key ascii \"KEY and KEY\" more",
        "auth-option key KEY spi 67",
        "no auth-option spi 67 key ascii KEY",
        "default auth-option spi 67 key ascii KEY",
        "Device(config)# auth-option spi 67 key ascii KEY",
        "Device(config)# auth-option spi 67 key ascii KEY KEY",
        "radius-server host 192.0.2.1\n key KEY",
        "radius-server host 192.0.2.1\n key 7 KEY",
        "radius-server host 192.0.2.1\n key 0 KEY x",
        "radius-server host 192.0.2.1\n kye KEY",
        "radius-server host 192.0.2.1 key KEY",
    ];
    (prop::sample::select(forms.to_vec()), secret)
        .prop_map(|(form, secret)| (form.replace("KEY", &secret), secret))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn no_key_of_the_input_is_in_an_error_a_warning_a_difference_or_a_completion(
        lines in prop::collection::vec(line(), 1..5),
        block in prop::sample::select(vec![
            "ipv6 mobile pmipv6-domain d",
            "ipv6 mobile pmipv6-domain d\nnai @x.example",
            "ipv6 mobile pmipv6-lma l domain d\nmag m d",
            "ipv6 mobile pmipv6-mag m domain d\nlma l d",
            "ipv6 mobile pmipv6-mag m domian d",
            "vrf v",
            "!",
        ]),
    ) {
        let mut said = String::new();
        let mut candidate = Candidate::of(&Config::default());
        let text: Vec<&str> = lines.iter().map(|(line, _)| line.as_str()).collect();
        let text = format!("{block}\n{}\n", text.join("\n"));
        for line in text.lines() {
            said += &messages(&candidate.line(line));
            for end in (0..line.len()).filter(|end| line.is_char_boundary(*end)) {
                let hints = candidate.complete(&line[..end], &|_| Vec::new());
                said.extend(hints.into_iter().flat_map(|hint| [hint.what, hint.help]));
            }
        }
        if let Ok((config, warnings)) = candidate.config() {
            warnings.iter().for_each(|warning| said += &warning.to_string());
            said += &compare(&Config::default(), &config);
            said += &compare(&config, &Config::default());
            said += &format!("{config:?}");
            said += &to_json(&config).to_string();
        }
        said += &messages(&parse(&text, "file"));
        said += &messages(&from_json(&serde_json::Value::String(text.clone())));
        for (_, secret) in &lines {
            prop_assert!(!said.contains(secret.as_str()), "{}\n{}", text, said);
        }
    }
}

fn messages<T, E: ToString>(outcome: &Result<T, Vec<E>>) -> String {
    outcome.as_ref().err().into_iter().flatten().map(ToString::to_string).collect()
}
