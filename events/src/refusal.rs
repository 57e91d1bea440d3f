//! A refusal: an expected no, with a code that clients can rely on.
//!
//! Never here: status codes of HTTP (the server's `http/problem.rs` maps kinds to them) or
//! accidents, which are errors.

use std::borrow::Cow;

/// What kind of no it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// There is no such thing, or not for this caller.
    Missing,
    /// The thing's present state forbids it.
    Conflict,
    /// What was asked for makes no sense.
    Invalid,
    /// The account's plan does not include it.
    Plan,
    /// Too much for now; later it may be possible.
    Limit,
    /// The caller may not do this.
    Forbidden,
}

/// An expected no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Refusal {
    /// What kind of no.
    pub kind: Kind,
    /// Its name, in snake case; each has a paragraph in `docs/problems.md`.
    pub code: &'static str,
    /// One sentence for a person.
    pub detail: Cow<'static, str>,
}

impl Refusal {
    /// A refusal of a kind.
    pub fn new(kind: Kind, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, code, detail: detail.into() }
    }
}
