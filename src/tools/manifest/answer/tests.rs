#![allow(clippy::unwrap_used)]

use serde_json::from_value;

use super::*;

fn reading(status: u16, headers: &[(&'static str, &str)], body: Value) -> Reading {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, value.parse().unwrap());
    }
    Reading { status, body, headers: map, text: None, secrets: Vec::new() }
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

#[test]
fn waiting_times_are_read_in_every_form() {
    let now = at(1_800_000_000);
    let limits: Limits = from_value(json!({ "statuses": [403, 429], "wait_s": 30.0,
        "retry_after": ["header:Retry-After", "/parameters/retry_after"],
        "reset": "header:X-Reset", "remaining": "header:X-Left" }))
    .unwrap();
    let date = "Fri, 15 Jan 2027 08:01:00 GMT";
    for (status, headers, body, wait) in [
        (429, vec![("retry-after", "7")], json!({}), Some(7)),
        (429, vec![("retry-after", date)], json!({}), Some(60)),
        (429, vec![], json!({ "parameters": { "retry_after": 1.2 } }), Some(1)),
        (429, vec![("x-reset", "1800000009")], json!({}), Some(9)),
        (429, vec![("x-reset", "1800000009000")], json!({}), Some(9)),
        (429, vec![("x-reset", "2027-01-15T08:00:05Z")], json!({}), Some(5)),
        (429, vec![], json!({}), Some(30)),
        (403, vec![], json!({}), None),
        (403, vec![("x-left", "0"), ("x-reset", "1800000009")], json!({}), Some(9)),
        (403, vec![("x-left", "5"), ("x-reset", "1800000009")], json!({}), None),
        (200, vec![("x-left", "0"), ("x-reset", "1800000009")], json!({}), Some(9)),
        (200, vec![("x-left", "5")], json!({}), None),
    ] {
        let until = reading(status, &headers, body.clone()).wait(&limits, now);
        let waited = until.map(|until| (until - now).num_seconds());
        assert_eq!(waited, wait, "{status} {headers:?} {body}");
    }
}

#[test]
fn secrets_are_taken_out_in_every_form() {
    let secrets = ["s/ecr\"et+1".to_owned()];
    for text in ["a s/ecr\"et+1 b", "a s%2Fecr%22et%2B1 b", "a s/ecr\\\"et+1 b"] {
        assert_eq!(hidden(text, &secrets), "a [secret] b");
    }
}

#[test]
fn the_next_link_is_found_among_others() {
    for (link, next) in [
        ("<https://a/1>; rel=\"prev\", <https://a/3>; rel=\"next\"", Some("https://a/3")),
        ("<https://a/3>; rel=next", Some("https://a/3")),
        ("<https://a/3>; rel=\"next\"; results=\"false\"; cursor=\"0:1:0\"", None),
        ("<https://a/1>; rel=\"last\"", None),
        ("nonsense", None),
    ] {
        assert_eq!(reading(200, &[("link", link)], json!([])).next_link(), next, "{link}");
    }
}

#[test]
fn exhausted_quotas_are_not_tried_again() {
    let limits: Limits =
        from_value(json!({ "exhausted": ["insufficient_quota"], "codes": ["slow"] })).unwrap();
    let code = [Place::Body("/code".to_owned())];
    let rules =
        Rules { name: "P", success: None, errors: &[], message: &[], code: &code, accept: &[404] };
    let judged = |status, body| {
        reading(status, &[], body)
            .judged(&rules, Class::AtMostOnce, &limits, at(0))
            .map_err(|it| (it.code, it.retryable, it.unanswered))
    };
    for (status, body, outcome) in [
        (200, json!({ "a": 1 }), Ok(())),
        (404, json!({}), Ok(())),
        (204, Value::Null, Ok(())),
        (429, json!({ "code": "insufficient_quota" }), Err(("quota_exhausted", false, false))),
        (429, json!({ "code": "other" }), Err(("rate_limited", true, false))),
        (400, json!({ "code": "slow" }), Err(("rate_limited", true, false))),
        (400, json!({}), Err(("platform_refused", false, false))),
        (401, json!({}), Err(("unauthorized", false, false))),
        (503, json!({}), Err(("turned_away", true, false))),
        (500, json!({}), Err(("server_error", true, true))),
    ] {
        assert_eq!(judged(status, body.clone()), outcome, "{status} {body}");
    }
}
