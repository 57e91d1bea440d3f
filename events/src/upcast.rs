//! Old shapes of events to the present ones, JSON to JSON.
//!
//! One entry per shape that was ever replaced, from it to the next. Stored events never
//! change. Never here: rules, or defaults that depend on anything but the old shape.

use serde_json::Value;

/// From one shape of an event type to the next.
pub type Upcast = fn(Value) -> Value;

/// `(event type, schema it reads, function)`; the result has the next schema.
pub(crate) const UPCASTS: &[(&str, u16, Upcast)] = &[];

/// Why an old event cannot be brought to the present shape.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpcastError {
    /// A newer build wrote it.
    #[error("{event_type} has schema {found}, this build knows up to {known}")]
    Newer {
        /// The event type.
        event_type: String,
        /// The schema found.
        found: u16,
        /// The newest schema known.
        known: u16,
    },
    /// A step of the chain is missing.
    #[error("no way leads from schema {0} of {1} to the present one")]
    Gap(u16, String),
}

/// Brings `data` from schema `found` to schema `known` by the steps in `table`.
pub(crate) fn upcast(
    table: &[(&str, u16, Upcast)],
    event_type: &str,
    found: u16,
    known: u16,
    data: Value,
) -> Result<Value, UpcastError> {
    if found > known {
        let event_type = event_type.to_owned();
        return Err(UpcastError::Newer { event_type, found, known });
    }
    (found..known).try_fold(data, |data, schema| {
        table
            .iter()
            .find(|(of, from, _)| *of == event_type && *from == schema)
            .map(|(_, _, step)| step(data))
            .ok_or_else(|| UpcastError::Gap(schema, event_type.to_owned()))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;
    use serde_json::json;

    const TABLE: &[(&str, u16, Upcast)] = &[
        ("thing.made", 1, |old| json!({ "name": old["title"] })),
        ("thing.made", 2, |old| json!({ "name": old["name"], "size": 0 })),
    ];

    #[test]
    fn each_old_shape_reaches_the_present_one() {
        let present = Ok(json!({ "name": "a", "size": 0 }));
        let from = |schema, data| upcast(TABLE, "thing.made", schema, 3, data);
        assert_eq!(from(1, json!({ "title": "a" })), present);
        assert_eq!(from(2, json!({ "name": "a" })), present);
        assert_eq!(from(3, json!({ "name": "a", "size": 0 })), present);
    }

    #[test]
    fn a_newer_shape_and_a_missing_step_are_errors() {
        assert!(matches!(
            upcast(TABLE, "thing.made", 4, 3, json!({})),
            Err(UpcastError::Newer { found: 4, known: 3, .. })
        ));
        assert!(matches!(
            upcast(TABLE, "thing.lost", 1, 2, json!({})),
            Err(UpcastError::Gap(1, _))
        ));
    }
}
