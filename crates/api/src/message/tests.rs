use serde_json::json;

use super::*;

fn asks() -> Vec<Ask> {
    vec![
        Ask::command("show running-config"),
        Ask::Command {
            line: "show x\n| json".into(),
            text: None,
            format: Format::Json,
            width: Some(80),
        },
        Ask::Command {
            line: "load terminal".into(),
            text: Some("a\nb\n".into()),
            format: Format::Text,
            width: None,
        },
        Ask::Complete { line: "show ipv6 ".into() },
    ]
}

#[test]
fn a_request_survives_its_line() {
    for ask in asks() {
        let request = Request { id: 3, ask };
        let line = request.encode();
        assert_eq!(line.iter().filter(|&&octet| octet == b'\n').count(), 1);
        assert_eq!(Request::decode(&line), Ok(request));
    }
}

#[test]
fn an_answer_survives_its_line() {
    let refusal = Refusal {
        message: "no such word".into(),
        line: Some(4),
        column: Some(6),
        caret: Some("show bogus\n     ^".into()),
        allowed: vec!["ipv6".into()],
    };
    let words = [("show", false), ("NAI", true), ("<cr>", false)].map(|(word, placeholder)| Word {
        word: word.into(),
        help: "Look".into(),
        placeholder,
    });
    let literal: Vec<_> = words.iter().filter(|word| word.is_literal()).collect();
    assert_eq!(literal, [&words[0]]);
    let outcomes = [
        Ok(Reply::Text("a\nb\n".into())),
        Ok(Reply::Text(String::new())),
        Ok(Reply::Data(json!({"z": 1, "a": [null]}))),
        Ok(Reply::Data(Value::Null)),
        Ok(Reply::Words(words.to_vec())),
        Err(refusal),
    ];
    for outcome in outcomes {
        for mode in [None, Some("config-pmipv6-lma".to_owned())] {
            let answer = Answer { id: 9, outcome: outcome.clone(), mode };
            assert_eq!(Answer::decode(&answer.clone().encode()), Ok(answer));
        }
    }
}

#[test]
fn the_request_is_the_flat_object_that_the_documentation_shows() {
    let line = br#"{"version":1,"id":7,"command":"show x","format":"json","width":132}"#;
    let (line_typed, width) = ("show x".into(), Some(132));
    let ask = Ask::Command { line: line_typed, text: None, format: Format::Json, width };
    assert_eq!(Request::decode(line), Ok(Request { id: 7, ask }));
}

#[test]
fn members_keep_the_order_in_which_the_daemon_wrote_them() {
    let line = br#"{"version":1,"id":1,"status":"ok","data":{"zulu":1,"alpha":2}}"#;
    let Ok(Reply::Data(data)) = Answer::decode(line).unwrap().outcome else { panic!() };
    assert_eq!(data.to_string(), r#"{"zulu":1,"alpha":2}"#);
}

#[test]
fn a_request_of_another_version_is_refused_by_number_and_keeps_its_id() {
    let line = br#"{"version":2,"id":5,"anything":true}"#;
    let error = Request::decode(line).unwrap_err();
    assert_eq!(error, RequestError::Version { id: 5, version: Some(2) });
    assert_eq!(error.to_string(), "API version 2 is not spoken here, only 1");
    assert_eq!(
        Request::decode(br#"{"id":5,"command":"show"}"#),
        Err(RequestError::Version { id: 5, version: None })
    );
}

#[test]
fn a_request_with_an_unknown_member_or_without_a_kind_or_with_two_is_refused() {
    let lines: [&[u8]; 5] = [
        br#"{"version":1,"id":5,"command":"show","colour":"red"}"#,
        br#"{"version":1,"id":5}"#,
        br#"{"version":1,"id":5,"command":"show","complete":"show"}"#,
        br#"{"version":1,"id":5,"command":"show","format":"xml"}"#,
        br#"{"version":1,"id":5,"command":"show","width":-1}"#,
    ];
    for line in lines {
        let error = Request::decode(line).unwrap_err();
        assert!(matches!(error, RequestError::Malformed { id: 5, .. }), "{error:?}");
    }
}

#[test]
fn what_is_no_json_object_is_refused_under_id_zero() {
    let lines: [&[u8]; 6] =
        [b"", b"show running-config", b"[]", b"[5, 1]", b"{\"version\":1", b"\xff\xfe"];
    for line in lines {
        let error = Request::decode(line).unwrap_err();
        assert!(matches!(error, RequestError::Malformed { id: 0, .. }), "{error:?}");
    }
}

#[test]
fn an_answer_that_contradicts_itself_is_refused() {
    let lines: [&[u8]; 3] = [
        br#"{"version":1,"id":1,"status":"error"}"#,
        br#"{"version":1,"id":1,"status":"ok","error":{"message":"x"}}"#,
        br#"{"version":1,"id":1,"status":"ok","text":"a","data":{}}"#,
    ];
    for line in lines {
        assert!(matches!(Answer::decode(line), Err(AnswerError::Malformed(_))));
    }
    let line = br#"{"version":3,"id":1,"status":"ok","text":"a"}"#;
    assert_eq!(Answer::decode(line), Err(AnswerError::Version(Some(3))));
}
