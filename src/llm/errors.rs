//! What the refusals of providers' servers mean.
//!
//! Every dialect tells its errors in another form, but in much the same words. Never here: when
//! another try is made.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::CompletionError;
use crate::egress::{EgressError, retry_after};

/// How much of a provider's own words is passed on, in characters.
const MOST_WORDS: usize = 300;

/// What a status means, where no word of the answer says more: code, whether another try may go
/// better, and what is told.
const BY_STATUS: [(std::ops::RangeInclusive<u16>, &str, bool, &str); 11] = [
    (401..=401, "unauthorized", false, "The provider does not accept the key"),
    (402..=402, "quota_exhausted", false, "The provider wants to be paid"),
    (403..=403, "unauthorized", false, "The provider does not allow this to the key"),
    (408..=408, "timeout", true, "The provider took too long"),
    (413..=413, "context_too_long", false, "The conversation is too long for the model"),
    (425..=425, "unavailable", true, "The provider is not ready"),
    (429..=429, "rate_limited", true, "The provider has too many requests from here"),
    (503..=503, "overloaded", true, "The provider is overloaded"),
    (529..=529, "overloaded", true, "The provider is overloaded"),
    (500..=599, "unavailable", true, "The provider has a fault"),
    (300..=499, "rejected", false, "The provider rejects the request"),
];

/// What words in an error mean, whatever its status; the first that is found counts. One word is
/// looked for in the error's codes, several in its message; both in lower case.
const BY_WORD: [(&str, &str); 30] = [
    ("resource_exhausted", "rate_limited"),
    ("insufficient_quota", "quota_exhausted"),
    ("billing", "quota_exhausted"),
    ("credit balance", "quota_exhausted"),
    ("exceeded your monthly", "quota_exhausted"),
    ("invalid_api_key", "unauthorized"),
    ("api_key_invalid", "unauthorized"),
    ("api key not valid", "unauthorized"),
    ("authentication", "unauthorized"),
    ("permission", "unauthorized"),
    ("context_length", "context_too_long"),
    ("context_size", "context_too_long"),
    ("request_too_large", "context_too_long"),
    ("context length", "context_too_long"),
    ("context window", "context_too_long"),
    ("prompt is too long", "context_too_long"),
    ("input token count", "context_too_long"),
    ("maximum number of tokens", "context_too_long"),
    ("model_not_found", "unknown_model"),
    ("model_not_available", "unknown_model"),
    ("not_found_error", "unknown_model"),
    ("does not exist", "unknown_model"),
    ("is not found for api version", "unknown_model"),
    ("try pulling it", "unknown_model"),
    ("overloaded", "overloaded"),
    ("rate_limit", "rate_limited"),
    ("unavailable", "overloaded"),
    ("api_error", "unavailable"),
    ("server_error", "unavailable"),
    ("internal", "unavailable"),
];

impl CompletionError {
    fn of(code: &'static str, retryable: bool, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, message, status: None, retryable, retry_after: None }
    }

    /// The answer is none that the dialect knows.
    pub(super) fn malformed(why: &str) -> Self {
        Self::of("malformed", true, format!("The provider's answer is not understood: {why}"))
    }

    /// The stream ended before the answer did.
    pub(super) fn cut_off() -> Self {
        Self::of("cut_off", true, "The provider's answer broke off")
    }

    /// Nothing more came in time.
    pub(crate) fn timeout() -> Self {
        Self::of("timeout", true, "The provider took too long")
    }

    /// It cannot be asked.
    pub(super) fn not_reachable(why: impl Into<String>) -> Self {
        Self::of("not_reachable", false, why)
    }

    /// There is no such model.
    pub(crate) fn unknown_model(why: impl Into<String>) -> Self {
        Self::of("unknown_model", false, why)
    }

    /// There is no key, or one that cannot be sent.
    pub(super) fn without_key(why: impl Into<String>) -> Self {
        Self::of("unauthorized", false, why)
    }

    /// What a failed request means before the provider has answered.
    pub(super) fn unsent(error: &EgressError) -> Self {
        match error {
            EgressError::NotSent(_) => {
                Self { retryable: true, ..Self::not_reachable("The provider cannot be reached") }
            }
            EgressError::Unanswered(_) => {
                Self::of("unavailable", true, "The provider did not answer")
            }
            EgressError::Silent(_) => Self::timeout(),
            EgressError::Refused(_) | EgressError::Invalid(_) | EgressError::Redirects(_) => {
                Self::not_reachable("The provider's address cannot be used")
            }
            EgressError::TooLarge(..) => Self::too_large(),
        }
    }

    /// What a failure means in the midst of an answer.
    pub(super) fn broken(error: &EgressError) -> Self {
        match error {
            EgressError::Silent(_) => Self::timeout(),
            EgressError::TooLarge(..) => Self::too_large(),
            _ => Self::cut_off(),
        }
    }

    fn too_large() -> Self {
        Self { retryable: false, ..Self::malformed("it is too large") }
    }

    /// What an answer that is no success means.
    pub(super) fn refused(
        status: u16,
        headers: &HeaderMap,
        body: &[u8],
        secret: Option<&str>,
        now: DateTime<Utc>,
    ) -> Self {
        let body = serde_json::from_slice(body).unwrap_or(Value::Null);
        let told = Told::of(&body);
        let error = told.means(Some(status), secret);
        let named = milliseconds(headers).or_else(|| {
            let moment = retry_after(headers, now)?;
            Some((moment - now).to_std().unwrap_or_default())
        });
        let retry_after = named.or(told.retry_after).filter(|_| error.retryable);
        Self { status: Some(status), retry_after, ..error }
    }

    /// What an error means that comes in the midst of a stream.
    pub(super) fn told(body: &Value) -> Self {
        Told::of(body).means(None, None)
    }
}

/// The header with which some providers name a wait more finely than `Retry-After` can.
fn milliseconds(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("retry-after-ms")?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_millis)
}

/// What an error says of itself.
#[derive(Default)]
struct Told {
    /// Its codes and types, whatever they are called.
    codes: Vec<String>,
    /// Its message.
    message: String,
    status: Option<u16>,
    retry_after: Option<Duration>,
}

impl Told {
    /// `{"error": {…}}`, `{"error": "…"}`, `[{"error": …}]`, `{"detail": …}` and `{"message": …}`
    /// are all in use.
    fn of(body: &Value) -> Self {
        let body = body.as_array().and_then(|list| list.first()).unwrap_or(body);
        let error = body.get("error").filter(|error| !error.is_null()).unwrap_or(body);
        let mut told = Self::default();
        for key in ["code", "type", "status", "error_type"] {
            match error.get(key) {
                Some(Value::String(word)) => told.codes.push(word.to_lowercase()),
                Some(Value::Number(number)) => {
                    let number = number.as_u64().and_then(|number| u16::try_from(number).ok());
                    told.status = told.status.or(number);
                }
                _ => {}
            }
        }
        let words = [error.get("message"), error.get("detail"), Some(error)];
        let words = words.into_iter().flatten().find_map(Value::as_str);
        words.unwrap_or_default().clone_into(&mut told.message);
        for detail in error.get("details").and_then(Value::as_array).into_iter().flatten() {
            if let Some(reason) = detail.get("reason").and_then(Value::as_str) {
                told.codes.push(reason.to_lowercase());
            }
            let delay = detail.get("retryDelay").and_then(Value::as_str);
            let seconds = delay.and_then(|delay| delay.strip_suffix('s')?.parse::<f64>().ok());
            let wait = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            told.retry_after = told.retry_after.or(wait);
        }
        told
    }

    fn means(&self, status: Option<u16>, secret: Option<&str>) -> CompletionError {
        let status = status.or(self.status.filter(|status| *status >= 400));
        let by_status = BY_STATUS
            .iter()
            .find(|(statuses, ..)| status.is_some_and(|status| statuses.contains(&status)));
        let message = self.message.to_lowercase();
        let found = |word: &str| match word.contains(' ') {
            true => message.contains(word),
            false => self.codes.iter().any(|code| code.contains(word)),
        };
        let by_word = BY_WORD.iter().find(|(word, _)| found(word)).map(|(_, code)| *code);
        // A status of its own meaning is believed before a mere word.
        let code = match (by_status, by_word) {
            (Some((_, code @ ("unauthorized" | "overloaded"), ..)), _) => code,
            (Some((_, "rate_limited", ..)), Some(word)) if word != "quota_exhausted" => {
                "rate_limited"
            }
            (_, Some(word)) => word,
            (Some((_, code, ..)), None) => code,
            (None, None) => "unavailable",
        };
        let (_, _, retryable, words) = BY_STATUS
            .iter()
            .find(|(_, of_status, ..)| *of_status == code)
            .unwrap_or(&(0..=0, "unknown_model", false, "The provider has no such model"));
        CompletionError::of(code, *retryable, self.words(code, words, secret))
    }

    /// What is told: the meaning, and what the provider says of it. Of keys it is better not
    /// to say anything that a provider says.
    fn words(&self, code: &str, meaning: &str, secret: Option<&str>) -> String {
        let said: String = self.message.chars().take(MOST_WORDS).collect();
        let said = match secret.filter(|secret| !secret.is_empty()) {
            Some(secret) if self.message.contains(secret) => String::new(),
            _ => said,
        };
        if said.is_empty() || code == "unauthorized" {
            return meaning.to_owned();
        }
        format!("{meaning}: {said}")
    }
}

#[cfg(test)]
mod tests;
