#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;

const MANIFEST: &str = r#"
id = "shop"
name = "Shop"
description = "Sells things to people"
category = "commerce"
tier = "free"
base_url = "{environment}/v1"

[config]
key = { secret = true, description = "A key", aliases = ["token"] }
user = { description = "A user" }
password = { secret = true, description = "A password" }
url = { type = "url", description = "An address" }
environment = { default = "live", description = "Which one", values = { live = "https://shop.example", test = "https://test.shop.example" } }
region = { required = true, description = "Where" }

[[sign_in]]
kind = "bearer"
token = "{key}"

[[sign_in]]
kind = "basic"
username = "{user}"
password = "{password}"
"#;

fn platform() -> Platform {
    Platform::read(MANIFEST).unwrap()
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    let platform = platform();
    for (config, faults) in [
        (json!({ "region": "ke", "key": "k" }), vec![]),
        (json!({ "region": "ke", "token": "k" }), vec![]),
        (json!({ "region": "ke", "user": "u", "password": "p" }), vec![]),
        (json!({ "key": "k" }), vec![("region", true)]),
        (json!({ "region": "", "key": "k" }), vec![("region", true)]),
        (json!({ "region": "ke", "user": "u" }), vec![("", true)]),
        (json!({ "region": "ke", "key": "k", "url": "shop" }), vec![("url", false)]),
        (json!({ "region": "ke", "key": "k", "environment": "x" }), vec![("environment", false)]),
        (json!({ "region": "ke", "key": "a\nb" }), vec![("key", false)]),
    ] {
        let found = platform.check(&object(config.clone()));
        let found: Vec<_> = found.iter().map(|it| (it.field.as_str(), it.missing)).collect();
        assert_eq!(found, faults, "{config}");
    }
}

#[test]
fn secrets_are_masked_and_unknown_fields_with_them() {
    let given = object(json!({
        "key": "0123456789abcdef", "password": "short", "region": "ke", "stray": "word" }));
    let masked = Value::Object(platform().masked(&given));
    let expected = json!({
        "key": "••••••••cdef", "password": MASK, "region": "ke", "stray": MASK });
    assert_eq!(masked, expected);
    let (open, secret) = platform().apart(&given);
    assert_eq!(open.keys().collect::<Vec<_>>(), ["region"]);
    assert_eq!(secret.keys().collect::<Vec<_>>(), ["key", "password", "stray"]);
}

#[test]
fn aliases_become_names_and_defaults_are_put_in() {
    let complete = platform().complete(&object(json!({ "token": "k", "user": "" })));
    assert_eq!(Value::Object(complete), json!({ "key": "k", "environment": "live" }));
}

#[test]
fn the_form_says_what_is_needed() {
    let schema = platform().config_schema();
    assert_eq!(schema["required"], json!(["region"]));
    assert_eq!(schema["properties"]["key"]["writeOnly"], json!(true));
    assert_eq!(schema["properties"]["environment"]["enum"], json!(["live", "test"]));
}
