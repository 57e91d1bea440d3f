//! What the hub's streams are called on the server.
//!
//! `hub.execution-17` for a stream of the hub; the engine's own have a `~`, which none of the
//! hub's can begin with. Never here: what is in them.

use crate::id::StreamId;

/// The names under one prefix.
#[derive(Clone, Debug)]
pub(super) struct Names {
    prefix: String,
}

impl Names {
    /// None where the prefix could be taken for part of a name.
    pub(super) fn new(prefix: &str) -> Option<Self> {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let good = !prefix.is_empty() && prefix.chars().all(plain);
        good.then(|| Self { prefix: prefix.to_owned() })
    }

    /// The name of a stream.
    pub(super) fn of(&self, stream: &StreamId) -> String {
        format!("{}.{stream}", self.prefix)
    }

    /// The stream of this name; none where it is not one of the hub's.
    pub(super) fn stream(&self, name: &str) -> Option<StreamId> {
        StreamId::parse(name.strip_prefix(&self.prefix)?.strip_prefix('.')?)
    }

    /// Where commands are kept that decided to nothing.
    pub(super) fn commands(&self) -> String {
        format!("{}~commands", self.prefix)
    }

    /// Where it stands who writes.
    pub(super) fn owner(&self) -> String {
        format!("{}~owner", self.prefix)
    }

    /// Where a stream's snapshot is.
    pub(super) fn snapshot(&self, stream: &StreamId) -> String {
        format!("{}~snapshot-{stream}", self.prefix)
    }

    /// Where the server keeps its settings of a stream.
    pub(super) fn settings(name: &str) -> String {
        format!("$${name}")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn streams_are_told_from_those_of_others() {
        let names = Names::new("hub").unwrap();
        let stream = StreamId::new("execution", "17");
        assert_eq!(names.of(&stream), "hub.execution-17");
        assert_eq!(names.stream("hub.execution-17"), Some(stream.clone()));
        let own = [names.commands(), names.owner(), names.snapshot(&stream)];
        for other in own.iter().map(String::as_str).chain(["hub2.a-1", "a-1", "$stats-1", "hub."]) {
            assert_eq!(names.stream(other), None, "{other}");
        }
        for prefix in ["", "a.b", "a-b", "$a", "a~"] {
            assert!(Names::new(prefix).is_none(), "{prefix}");
        }
    }
}
