//! The commands that took effect of late. They are in the metadata of the events they led to,
//! which makes them durable with those; here they can be found by their keys.
//!
//! Never here: reading or writing them.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};

use super::super::{CommandKey, Remembered};

/// How long commands are remembered.
pub(super) const MEMORY: TimeDelta = TimeDelta::hours(25);

/// What commands did.
#[derive(Debug, Default)]
pub(super) struct Commands {
    did: HashMap<CommandKey, Remembered>,
    /// By when they took effect; the number tells apart those of one moment.
    by_age: BTreeMap<(DateTime<Utc>, u64), CommandKey>,
    count: u64,
}

impl Commands {
    /// What a command did.
    pub(super) fn find(&self, key: CommandKey) -> Option<Remembered> {
        self.did.get(&key).cloned()
    }

    /// Remembers a command, and forgets those that are too old beside the newest.
    pub(super) fn remember(&mut self, key: CommandKey, did: Remembered, at: DateTime<Utc>) {
        if self.did.insert(key, did).is_some() {
            return;
        }
        self.count += 1;
        self.by_age.insert((at, self.count), key);
        let Some(&(newest, _)) = self.by_age.keys().next_back() else { return };
        while let Some(oldest) = self.by_age.first_entry()
            && newest - oldest.key().0 > MEMORY
        {
            self.did.remove(&oldest.remove());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::StreamId;
    use crate::recorded::Version;

    #[test]
    fn what_is_older_than_a_day_is_forgotten() {
        let mut commands = Commands::default();
        let did = Remembered {
            stream: StreamId::new("a", "1"),
            version: Version(1),
            fingerprint: [1; 32],
        };
        let start = DateTime::UNIX_EPOCH;
        for (key, hours) in [(1, 0), (2, 1), (3, 25), (4, 26)] {
            commands.remember(CommandKey([key; 32]), did.clone(), start + TimeDelta::hours(hours));
        }
        let found = |key| commands.find(CommandKey([key; 32])).is_some();
        assert_eq!([1, 2, 3, 4].map(found), [false, true, true, true]);
        assert_eq!(commands.by_age.len(), 3);
    }
}
