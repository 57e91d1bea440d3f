#![allow(clippy::unwrap_used)]

use hub_events::testing::epoch;

use super::*;

fn refused(status: u16, headers: &[(&'static str, &str)], body: &str) -> CompletionError {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, value.parse().unwrap());
    }
    CompletionError::refused(status, &map, body.as_bytes(), Some("sk-secret"), epoch())
}

#[test]
fn refusals_are_told_apart_in_every_dialect() {
    for (status, body, code, retryable) in [
        // OpenAI and those that speak its dialect.
        (
            401,
            r#"{"error":{"message":"Incorrect API key provided: sk-s***t","type":"invalid_request_error","code":"invalid_api_key"}}"#,
            "unauthorized",
            false,
        ),
        (
            429,
            r#"{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","code":"insufficient_quota"}}"#,
            "quota_exhausted",
            false,
        ),
        (
            429,
            r#"{"error":{"message":"Rate limit reached","type":"requests","code":"rate_limit_exceeded"}}"#,
            "rate_limited",
            true,
        ),
        (
            404,
            r#"{"error":{"message":"The model `x` does not exist or you do not have access to it.","code":"model_not_found"}}"#,
            "unknown_model",
            false,
        ),
        (
            400,
            r#"{"error":{"message":"This model's maximum context length is 8192 tokens.","code":"context_length_exceeded"}}"#,
            "context_too_long",
            false,
        ),
        (
            400,
            r#"{"object":"error","message":"temperature must be non-negative","type":"BadRequestError","code":400}"#,
            "rejected",
            false,
        ),
        (422, r#"{"detail":"messages: field required"}"#, "rejected", false),
        (
            400,
            r#"{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error"}}"#,
            "context_too_long",
            false,
        ),
        (
            402,
            r#"{"error":"You have exceeded your monthly included credits"}"#,
            "quota_exhausted",
            false,
        ),
        // Anthropic.
        (
            529,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            "overloaded",
            true,
        ),
        (
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#,
            "context_too_long",
            false,
        ),
        (
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API."}}"#,
            "quota_exhausted",
            false,
        ),
        (
            404,
            r#"{"type":"error","error":{"type":"not_found_error","message":"model: claude-x"}}"#,
            "unknown_model",
            false,
        ),
        (
            500,
            r#"{"type":"error","error":{"type":"api_error","message":"Internal server error"}}"#,
            "unavailable",
            true,
        ),
        // Gemini.
        (
            400,
            r#"{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}"#,
            "unauthorized",
            false,
        ),
        (
            429,
            r#"[{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details.","status":"RESOURCE_EXHAUSTED"}}]"#,
            "rate_limited",
            true,
        ),
        (
            503,
            r#"{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}"#,
            "overloaded",
            true,
        ),
        (
            404,
            r#"{"error":{"code":404,"message":"models/x is not found for API version v1beta","status":"NOT_FOUND"}}"#,
            "unknown_model",
            false,
        ),
        // Ollama.
        (404, r#"{"error":"model \"x\" not found, try pulling it first"}"#, "unknown_model", false),
        (500, r#"{"error":"llama runner process has terminated"}"#, "unavailable", true),
        // No JSON at all.
        (502, "<html>Bad Gateway</html>", "unavailable", true),
        (404, "404 page not found", "rejected", false),
        (307, "", "rejected", false),
        (429, "", "rate_limited", true),
        (408, "", "timeout", true),
    ] {
        let error = refused(status, &[], body);
        assert_eq!((error.code, error.retryable), (code, retryable), "{status} {body}");
        assert_eq!(error.status, Some(status));
        assert!(!error.message.contains("sk-s"), "{}", error.message);
    }
}

#[test]
fn a_wait_is_read_in_every_form() {
    let delay = r#"{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"slow down",
        "details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.5s"}]}}"#;
    let date = (epoch() + chrono::TimeDelta::seconds(90)).to_rfc2822();
    let past = (epoch() - chrono::TimeDelta::seconds(90)).to_rfc2822();
    for (status, headers, body, wait) in [
        (429, &[("retry-after", "7")][..], "", Some(7_000)),
        (503, &[("retry-after", &*date)], "", Some(90_000)),
        (503, &[("retry-after", &*past)], "", Some(0)),
        (429, &[("retry-after", "7"), ("retry-after-ms", "6500")], "", Some(6_500)),
        (429, &[], delay, Some(34_500)),
        (429, &[("retry-after", "soon")], "", None),
        (400, &[("retry-after", "7")], "", None),
    ] {
        let wait = wait.map(Duration::from_millis);
        assert_eq!(refused(status, headers, body).retry_after, wait, "{status} {headers:?}");
    }
}

#[test]
fn what_is_told_is_short_and_has_no_key_in_it() {
    let long = format!(r#"{{"error":"{}"}}"#, "word ".repeat(1_000));
    assert!(refused(400, &[], &long).message.chars().count() < 400);
    let leaky = refused(400, &[], r#"{"error":"the header was Bearer sk-secret"}"#);
    assert_eq!(leaky.message, "The provider rejects the request");
}
