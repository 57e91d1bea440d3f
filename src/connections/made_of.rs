//! What a connection is made of: what may be shown, in events, and secrets, in the vault.
//!
//! The keys are those that its holder gave. Never here: which of them are secret; the platform's
//! manifest says so.

use serde_json::{Map, Value};

use crate::platforms::Platform;

/// The fields of a connection, apart.
#[derive(Clone, PartialEq)]
pub(super) struct MadeOf {
    /// As it may be shown: every key, with a mask in the place of each secret.
    pub(super) shown: Map<String, Value>,
    /// The secret ones.
    pub(super) secret: Map<String, Value>,
}

impl std::fmt::Debug for MadeOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MadeOf(..)")
    }
}

impl MadeOf {
    /// What is given, apart.
    pub(super) fn of(platform: &Platform, given: &Map<String, Value>) -> Self {
        Self { shown: platform.masked(given), secret: platform.apart(given).1 }
    }

    /// What is given in its place. A secret that is given as its mask stays what it is.
    pub(super) fn with(&self, platform: &Platform, given: Map<String, Value>) -> Self {
        let own = |name: &str| platform.field(name).map_or(name, |(own, _)| own).to_owned();
        let kept = |name: &str, value: &Value| {
            let (as_shown, secret) = (self.shown.iter(), &self.secret);
            let (before, _) = as_shown
                .filter(|(_, shown)| *shown == value)
                .find(|(it, _)| own(it) == own(name))?;
            secret.get(before).cloned()
        };
        let given = given.into_iter().map(|(name, value)| {
            let value = kept(&name, &value).unwrap_or(value);
            (name, value)
        });
        Self::of(platform, &given.collect())
    }

    /// The same with what a platform gave out, in the place of what was there.
    pub(super) fn and(&self, platform: &Platform, learnt: Map<String, Value>) -> Self {
        let own = |name: &str| platform.field(name).map_or(name, |(own, _)| own).to_owned();
        let mut whole = self.whole();
        for (name, value) in learnt {
            let known = whole.keys().find(|known| own(known) == own(&name)).cloned();
            whole.insert(known.unwrap_or(name), value);
        }
        Self::of(platform, &whole)
    }

    /// All of it, secrets in the clear.
    pub(super) fn whole(&self) -> Map<String, Value> {
        let shown = self.shown.iter();
        shown
            .map(|(name, shown)| (name.clone(), self.secret.get(name).unwrap_or(shown).clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    const MANIFEST: &str = r#"
        id = "example"
        name = "Example"
        description = "A platform for tests"
        category = "tests"
        tier = "free"
        base_url = "https://example.com"

        [config]
        token = { required = true, secret = true, aliases = ["key"], description = "Token" }
        room = { description = "Room" }

        [[sign_in]]
        kind = "bearer"
        token = "{token}"
    "#;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn a_secret_is_changed_only_by_another_value_than_its_mask() {
        let platform = Platform::read(MANIFEST).unwrap();
        let first = map(json!({ "key": "a-long-enough-secret-1", "room": "one" }));
        let made = MadeOf::of(&platform, &first);
        assert_eq!(made.whole(), first);
        let mask = made.shown.get("key").unwrap().clone();
        assert!(!mask.to_string().contains("long-enough"));
        let shown: Vec<_> = made.shown.keys().collect();
        assert_eq!(shown, ["key", "room"]);

        for (given, whole) in [
            // Given back as it was shown, also under its other name.
            (
                json!({ "key": mask, "room": "two" }),
                json!({ "key": "a-long-enough-secret-1", "room": "two" }),
            ),
            (json!({ "token": mask }), json!({ "token": "a-long-enough-secret-1" })),
            (json!({ "key": "b", "room": "one" }), json!({ "key": "b", "room": "one" })),
            // A mask in another place is nothing but a text.
            (json!({ "key": "c", "room": mask }), json!({ "key": "c", "room": mask })),
            (json!({ "key": "one" }), json!({ "key": "one" })),
            (json!({}), json!({})),
        ] {
            assert_eq!(made.with(&platform, map(given.clone())).whole(), map(whole), "{given}");
        }
    }
}
