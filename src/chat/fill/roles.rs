//! What arguments are, by their names and formats, and where in a text such values are found.
//!
//! A table, so that another kind of argument is another row.

use serde_json::Value;

use super::pieces::Kind;
use super::words::{Reach, label};

/// Where a value may be found.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    /// A piece of this kind.
    Piece(Kind),
    /// What follows one of these words.
    After(&'static [&'static str], Reach),
    /// What follows a colon, to the end.
    Colon,
    /// The number in `top 5`.
    Ranked,
}

impl Source {
    /// Whether what is found so can hardly be meant for anything else.
    pub(super) fn is_sure(self) -> bool {
        match self {
            Self::Piece(kind) => !matches!(kind, Kind::Quoted | Kind::Number),
            Self::After(begin, _) => std::ptr::eq(begin, NAMED),
            Self::Ranked => true,
            Self::Colon => false,
        }
    }
}

struct Role {
    /// Words in an argument's name, or formats in its schema.
    names: &'static [&'static str],
    from: &'static [Source],
}

const NAMED: &[&str] = &["named", "called", "titled", "entitled"];
const SAYING: &[&str] = &["saying", "says", "that"];

use self::Source::{After, Colon, Piece, Ranked};

/// The first row that fits counts.
#[rustfmt::skip]
const ROLES: &[Role] = &[
    Role { names: &["email", "mail"], from: &[Piece(Kind::Email)] },
    Role { names: &["url", "uri", "link", "website", "webpage", "site"], from: &[Piece(Kind::Url), Piece(Kind::Domain)] },
    Role { names: &["channel"], from: &[Piece(Kind::Channel)] },
    Role { names: &["phone", "msisdn", "mobile", "telephone"], from: &[Piece(Kind::Phone)] },
    Role { names: &["filename", "file"], from: &[Piece(Kind::FileName), After(NAMED, Reach::Part)] },
    Role { names: &["to", "recipient"], from: &[Piece(Kind::Email), Piece(Kind::Phone), Piece(Kind::Channel), Piece(Kind::Person), After(&["to"], Reach::Capitals)] },
    Role { names: &["user", "assignee", "member", "owner", "person", "people", "attendee"], from: &[Piece(Kind::Person), Piece(Kind::Email), After(&["to"], Reach::Capitals)] },
    Role { names: &["date", "time", "datetime", "start", "end", "from", "until", "since", "before", "day", "due", "deadline"], from: &[Piece(Kind::Moment)] },
    Role { names: &["key", "issue", "ticket"], from: &[Piece(Kind::Key)] },
    Role { names: &["limit", "top", "max", "count"], from: &[Ranked] },
    Role { names: &["subject", "topic"], from: &[After(NAMED, Reach::Part), Piece(Kind::Quoted), After(&["about"], Reach::Part)] },
    Role { names: &["name", "title", "summary", "headline"], from: &[After(NAMED, Reach::Part), Piece(Kind::Quoted)] },
    Role { names: &["text", "message", "body", "content", "comment", "description", "prompt", "note", "caption"], from: &[Piece(Kind::Quoted), After(SAYING, Reach::End), Colon] },
    Role { names: &["query", "q", "search", "term", "keyword"], from: &[Piece(Kind::Quoted), After(&["for", "about"], Reach::Part)] },
    Role { names: &["amount", "price", "sum", "total", "quantity", "number"], from: &[Piece(Kind::Number)] },
];

/// Where the value of an argument may be found, best first.
pub(super) fn sources(name: &str, schema: &Value) -> &'static [Source] {
    let mut words = label(name);
    words.extend(schema.get("format").and_then(Value::as_str).map(|format| match format {
        "date-time" => "date".to_owned(),
        format => format.to_owned(),
    }));
    let fits = |role: &&Role| role.names.iter().any(|name| words.iter().any(|word| word == name));
    ROLES.iter().find(fits).map_or(&[], |role| role.from)
}
