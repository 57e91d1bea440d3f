//! The shape of every kind of thing: pure functions over a state.
//!
//! Never here: input, output, clocks, random numbers.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::effect::Pending;
use crate::refusal::Refusal;

/// What can happen to a thing, with its wire form.
pub trait Event: Sized + Clone + std::fmt::Debug + PartialEq + Send + 'static {
    /// The wire names of all variants with their present schema versions.
    const TYPES: &'static [(&'static str, u16)];

    /// The wire name: kind, dot, past-tense verb, as `execution.step_started`.
    fn event_type(&self) -> &'static str;
    /// The version of this type's shape that [`Event::encode`] writes.
    fn schema(&self) -> u16;
    /// The content as a JSON object.
    fn encode(&self) -> Result<String, serde_json::Error>;
    /// Reads content of the present schema version; none where the type is not of this kind.
    fn decode(event_type: &str, data: &str) -> Option<Result<Self, serde_json::Error>>;
}

/// The rules of one kind of thing. Its state is a fold of its events.
pub trait Decider:
    Default + Clone + std::fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// What stands before the hyphen in its streams' names.
    const KIND: &'static str;
    /// Raised when the state's shape changes, so that older snapshots are passed over.
    const STATE_VERSION: u32;
    /// What can be asked of it.
    type Command: Send + 'static;
    /// What can happen to it.
    type Event: Event;

    /// The only place with rules. Ids come inside the command and time as `at`, so the same
    /// history and command give the same events for ever. Asked twice, a command that
    /// carries an id decides to nothing the second time.
    fn decide(
        &self,
        command: Self::Command,
        at: DateTime<Utc>,
    ) -> Result<Vec<Self::Event>, Refusal>;

    /// Folds one event in. No rule, no failure.
    fn evolve(&mut self, event: &Self::Event);

    /// Everything this thing waits for now: live, after a crash and after a cancel alike.
    fn pending(&self) -> Vec<Pending> {
        Vec::new()
    }

    /// What it means that this thing was found unfinished: which begun calls are in doubt.
    fn restarted(&self) -> Vec<Self::Event> {
        Vec::new()
    }
}

/// Declares a kind's event enum, one struct or payload per variant, with its wire names and
/// schema versions.
macro_rules! events {
    ($(#[$doc:meta])* $kind:literal { $($(#[$vdoc:meta])* $variant:ident($payload:ty) = $name:literal v $schema:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        #[allow(clippy::large_enum_variant)]
        pub enum Event { $($(#[$vdoc])* $variant($payload),)* }

        impl $crate::decider::Event for Event {
            const TYPES: &'static [(&'static str, u16)] =
                &[$((concat!($kind, ".", $name), $schema),)*];

            fn event_type(&self) -> &'static str {
                match self { $(Self::$variant(_) => concat!($kind, ".", $name),)* }
            }

            fn schema(&self) -> u16 {
                match self { $(Self::$variant(_) => $schema,)* }
            }

            fn encode(&self) -> Result<String, serde_json::Error> {
                match self { $(Self::$variant(payload) => serde_json::to_string(payload),)* }
            }

            fn decode(event_type: &str, data: &str) -> Option<Result<Self, serde_json::Error>> {
                match event_type {
                    $(concat!($kind, ".", $name) =>
                        Some(serde_json::from_str::<$payload>(data).map(Self::$variant)),)*
                    _ => None,
                }
            }
        }
    };
}
pub(crate) use events;
