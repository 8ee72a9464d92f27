//! Data is redacted wherever it stands, and bounded as a whole.

use serde_json::{Map, Value, json};

use super::super::Room;
use super::super::data::{LARGEST, WIDTH};

fn field(name: &str, value: Value) -> Value {
    Room::new().field(name.to_owned().into(), value).unwrap().1
}

/// All of these values as one object, as they leave.
fn all(fields: impl IntoIterator<Item = (String, Value)>) -> Map<String, Value> {
    let (mut room, mut shown) = (Room::new(), Map::new());
    for (name, value) in fields {
        if let Some((name, value)) = room.field(name.into(), value) {
            assert!(shown.insert(name.into_owned(), value).is_none(), "a name stands there twice");
        }
    }
    shown
}

fn is_bounded(fields: impl IntoIterator<Item = (String, Value)>) -> Map<String, Value> {
    let shown = all(fields);
    let length = Value::Object(shown.clone()).to_string().len();
    assert!(length <= LARGEST, "{length}");
    shown
}

#[test]
fn data_is_bounded_and_redacted_at_every_depth() {
    let mut deep = Value::from("postgres://u:pw@h");
    for _ in 0..3 {
        deep = Value::from(vec![deep]);
    }
    assert_eq!(field("x", deep).to_string(), r#"[[["postgres://u:***@h"]]]"#);
    let mut endless = Value::Null;
    for _ in 0..100 {
        endless = Value::from(vec![endless]);
    }
    assert!(field("x", endless).to_string().len() < 40);
    assert_eq!(
        field("x", serde_json::json!({"token": "abc", "n": 1})).to_string(),
        r#"{"n":1,"token":"***"}"#
    );
    assert_eq!(field("token", "abc".into()), "***");
    assert_eq!(field("password", serde_json::json!({ "value": ["abc"] })), "***");
    assert_eq!(field("tokens", 42.into()), 42);
    assert_eq!(field("x", Value::from(vec![0; 10_000])).as_array().map(Vec::len), Some(WIDTH));
}

#[test]
fn what_fits_is_left_as_it_is() {
    let fields = || {
        (0..10).map(|n| {
            (format!("field{n}"), json!({"n": n, "text": "\"quoted\" \\", "list": [1, [null], {"a": {}}]}))
        })
    };
    assert_eq!(all(fields()), fields().collect());
    // To the byte: 15 texts of the greatest length, and one more that fills what is left.
    let text = |bytes: usize| Value::from("x".repeat(bytes));
    let fifteen = || (10..25).map(|n| (format!("n{n}"), text(1024)));
    let shown = Value::Object(fifteen().collect()).to_string().len();
    let left = LARGEST - shown - r#","n25":"","#.len() - r#""…":"…","#.len();
    for (bytes, fits) in [(left, true), (left + 1, false)] {
        let shown = is_bounded(fifteen().chain([("n25".to_owned(), text(bytes))]));
        assert_eq!(shown["n25"] != "…", fits, "{bytes} of {left}");
    }
}

#[test]
fn all_of_it_together_is_bounded() {
    let long = "\"".repeat(1024);
    let list = Value::from(vec![long.clone(); WIDTH]);
    let mut shapes = vec![list.clone(), json!({ "a": list.clone() }), Value::from(vec![0; 10_000])];
    let (mut wide, mut tree) = (json!([[], {}, 1.5, "é"]), json!({ long.clone(): long.clone() }));
    for level in 0..3 {
        wide = Value::from(vec![wide; 24]);
        tree = (0..12).map(|n| (format!("{n}{}", "k".repeat(300 * level)), tree.clone())).collect();
    }
    shapes.extend([wide, tree]);
    for shape in &shapes {
        is_bounded((0..100).map(|n| (n.to_string(), shape.clone())));
        is_bounded((0..100).map(|n| (n.to_string() + &"n".repeat(1000), shape.clone())));
    }
    is_bounded((0..100).map(|n| (n.to_string() + &long, Value::from(&*long))));
}

#[test]
fn what_does_not_fit_gives_way_to_a_sign_and_to_what_is_small() {
    let huge = Value::from(vec!["x".repeat(1000); WIDTH]);
    let shown =
        is_bounded([("queue", 7.into()), ("huge", huge), ("later", 8.into())].map(|(n, v)| (n.into(), v)));
    assert_eq!((&shown["queue"], &shown["later"]), (&json!(7), &json!(8)));
    let kept = shown["huge"].as_array().unwrap();
    assert!(kept.len() == 17 && kept.last() == Some(&json!("…")) && kept[0] != "…", "{}", kept.len());

    let texts = (0..20).map(|n| (format!("text{n:02}"), Value::from("x".repeat(1000))));
    let shown = is_bounded(texts.chain([("later".to_owned(), 8.into())]));
    assert_eq!((shown.len(), &shown["text19"], &shown["later"]), (21, &json!("…"), &json!(8)));
}

#[test]
fn a_name_stands_there_once_whatever_was_hidden_in_it() {
    let names = ["redis://:a0b1@h", "redis://:c2d3@h"];
    let shown = all(names.map(|name| (name.to_owned(), name.len().into())));
    assert_eq!(Value::Object(shown), json!({ "redis://:***@h": 15 }));
}
