#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeMap;

use actix_web::ResponseError as _;
use serde::Deserialize;

use super::*;

#[derive(Debug, Deserialize, ToSchema, PartialEq)]
struct Order {
    name: String,
    #[serde(default)]
    #[schema(nullable = false)]
    note: Option<String>,
    #[serde(default)]
    count: Option<i32>,
    #[serde(default)]
    urgent: Option<bool>,
    #[serde(default)]
    extra: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    part: Option<Part>,
    #[serde(default)]
    parts: Vec<Part>,
}

#[derive(Debug, Deserialize, ToSchema, PartialEq)]
struct Part {
    #[schema(minimum = 1)]
    number: i64,
}

#[derive(Debug, Deserialize, ToSchema)]
#[allow(dead_code)]
struct Login {
    name: String,
    #[schema(format = Password)]
    password: String,
}

fn faults_of<T: DeserializeOwned + ToSchema + 'static>(body: &str) -> Vec<Value> {
    let Err(problem) = read::<T>(body.as_bytes()) else { panic!("{body} was taken") };
    let answer = problem.error_response();
    assert_eq!(answer.status(), 422);
    let Ok(body) = answer.into_body().try_into_bytes() else { panic!("not a plain body") };
    let body: Value = serde_json::from_slice(&body).unwrap();
    body["detail"].as_array().unwrap().clone()
}

use actix_web::body::MessageBody as _;

/// `type` and `loc` of each fault, in any order.
fn check(body: &str, expected: &[(&str, Value)]) {
    let mut told: Vec<_> = faults_of::<Order>(body)
        .iter()
        .map(|fault| (fault["type"].as_str().unwrap().to_owned(), fault["loc"].to_string()))
        .collect();
    let mut expected: Vec<_> =
        expected.iter().map(|(kind, loc)| ((*kind).to_owned(), loc.to_string())).collect();
    told.sort();
    expected.sort();
    assert_eq!(told, expected, "{body}");
}

#[test]
fn every_fault_is_told_in_the_words_of_the_original() {
    check("", &[("missing", json!(["body"]))]);
    check("{}", &[("missing", json!(["body", "name"]))]);
    check("[]", &[("dict_type", json!(["body"]))]);
    check(r#"{"name": 1}"#, &[("string_type", json!(["body", "name"]))]);
    check(r#"{"name": null}"#, &[("string_type", json!(["body", "name"]))]);
    check(r#"{"name": "a", "note": null}"#, &[("string_type", json!(["body", "note"]))]);
    check(r#"{"name": "a", "count": "x"}"#, &[("int_parsing", json!(["body", "count"]))]);
    check(r#"{"name": "a", "count": 1.5}"#, &[("int_from_float", json!(["body", "count"]))]);
    check(r#"{"name": "a", "urgent": "so"}"#, &[("bool_parsing", json!(["body", "urgent"]))]);
    check(r#"{"name": "a", "extra": []}"#, &[("dict_type", json!(["body", "extra"]))]);
    check(r#"{"name": "a", "parts": {}}"#, &[("list_type", json!(["body", "parts"]))]);
    check(
        r#"{"count": [], "part": {}, "parts": [{"number": 1}, {"number": 0}, 7]}"#,
        &[
            ("missing", json!(["body", "name"])),
            ("int_type", json!(["body", "count"])),
            ("missing", json!(["body", "part", "number"])),
            ("greater_than_equal", json!(["body", "parts", 1, "number"])),
            ("dict_type", json!(["body", "parts", 2])),
        ],
    );
    // The schema knows nothing of 32 bits.
    check(r#"{"name": "a", "count": 3000000000}"#, &[("value_error", json!(["body", "count"]))]);
}

#[test]
fn what_is_no_json_is_told_with_its_place() {
    let told = faults_of::<Order>("{\n \"name\": x}");
    assert_eq!(told[0]["type"], "json_invalid");
    assert_eq!(told[0]["loc"], json!(["body", 11]));
    assert_eq!(told[0]["msg"], "JSON decode error");
    assert_eq!(told[0]["ctx"]["error"], "expected value");
}

#[test]
fn texts_that_say_a_number_are_read_as_the_original_did() {
    let body = r#"{"name": "a", "count": "5", "urgent": "yes", "parts": [{"number": " 7 "}]}"#;
    let order = read::<Order>(body.as_bytes()).unwrap();
    assert_eq!((order.count, order.urgent), (Some(5), Some(true)));
    assert_eq!(order.parts, [Part { number: 7 }]);
    // What is read so is held to the limits too.
    let body = r#"{"name": "a", "parts": [{"number": "0"}]}"#;
    check(body, &[("greater_than_equal", json!(["body", "parts", 0, "number"]))]);
}

#[test]
fn unknown_fields_are_passed_over_and_null_is_taken_where_it_may_stand() {
    let order = read::<Order>(br#"{"name": "a", "count": null, "else": {}}"#).unwrap();
    assert_eq!((order.name.as_str(), order.count), ("a", None));
}

#[test]
fn inputs_are_told_back_unless_they_are_secret_or_large() {
    assert_eq!(faults_of::<Order>(r#"{"name": 17}"#)[0]["input"], 17);
    let long = format!(r#"{{"name": ["{}"]}}"#, "x".repeat(1_000));
    assert_eq!(faults_of::<Order>(&long)[0].get("input"), None);
    let told = faults_of::<Login>(r#"{"password": "hunter2"}"#);
    assert!(!json!(told).to_string().contains("hunter2"), "{told:?}");
    let told = faults_of::<Login>(r#"{"name": "a", "password": 12345678}"#);
    assert!(!json!(told).to_string().contains("12345678"), "{told:?}");
    let many = format!(r#"{{"name": "a", "parts": [{}]}}"#, vec!["{}"; 1_000].join(","));
    assert_eq!(faults_of::<Order>(&many).len(), 100);
}
