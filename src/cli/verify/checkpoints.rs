//! Whether the checkpoints of a log hold: each is signed with a key that counts, they follow one
//! another, and what each binds is what is read.
//!
//! They are read first, so that it is known where each part ends before its events come by.
//! Never here: the chain of a stream.

use std::collections::VecDeque;

use arrotech_hub::checkpoints::is_genuine;
use hub_events::checkpoint::{self, Event, Signed};
use hub_events::fact::decode_as;
use hub_events::log::{Fault, Heads, Log, ReadError};
use hub_events::{Position, Recorded, Version};

/// How many events are read at once.
const PAGE: usize = 1_000;

/// The checkpoints of a log, and where the streams stand that the next of them binds.
pub(super) struct Witnesses {
    /// Those that are still to be checked, each with its own position.
    left: VecDeque<(Position, Signed)>,
    heads: Heads,
    /// The keys that count; where none is known, that of the first checkpoint.
    keys: Vec<String>,
    held: usize,
    key: Option<String>,
}

impl Witnesses {
    /// Reads the checkpoints of a log. What cannot be read is found when its events come by.
    pub(super) async fn of(log: &dyn Log, keys: Vec<String>) -> Result<Self, ReadError> {
        let (stream, mut left) = (checkpoint::stream(), VecDeque::new());
        let mut version = Version(0);
        loop {
            let page = match log.read_stream(&stream, version, PAGE).await {
                Ok(page) => page,
                Err(ReadError::Damaged { .. }) => break,
                Err(error) => return Err(error),
            };
            let signed = page.iter().map_while(|event| {
                let Event::Signed(signed) = decode_as::<Event>(event).ok()?;
                Some((event.position, signed))
            });
            left.extend(signed);
            match page.last() {
                Some(last) => version = last.version,
                None => break,
            }
        }
        Ok(Self { left, heads: Heads::default(), keys, held: 0, key: None })
    }

    /// Takes in the next event.
    pub(super) fn note(&mut self, event: &Recorded) -> Result<(), Fault> {
        self.close(|signed| event.position > signed.up_to)?;
        // What comes after the last checkpoint is bound by none.
        if !self.left.is_empty() {
            self.heads.note(event);
        }
        Ok(())
    }

    /// There are no more events.
    pub(super) fn end(&mut self) -> Result<(), Fault> {
        self.close(|_| true)
    }

    /// How many hold.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// The key of the last that was checked.
    pub(super) fn key(&self) -> Option<String> {
        self.key.clone()
    }

    /// Checks the checkpoints whose part is over.
    fn close(&mut self, over: impl Fn(&Signed) -> bool) -> Result<(), Fault> {
        while let Some((position, signed)) = self.left.pop_front_if(|(_, signed)| over(signed)) {
            if let Some(what) = self.fault(position, &signed) {
                return Err(Fault { position, stream: checkpoint::stream(), what });
            }
            self.heads = Heads::after(signed.up_to);
            self.held += 1;
            self.key = Some(signed.public_key);
        }
        Ok(())
    }

    /// What is wrong with a checkpoint.
    fn fault(&mut self, position: Position, signed: &Signed) -> Option<String> {
        let Signed { after, up_to, public_key, .. } = signed;
        if self.keys.is_empty() {
            self.keys.push(public_key.clone());
        }
        if !is_genuine(signed) {
            return Some("the signature of the checkpoint is not that of its key".to_owned());
        }
        if !self.keys.contains(public_key) {
            return Some(format!("the checkpoint is signed with another key, {public_key}"));
        }
        if *up_to >= position || *after != self.heads.begins_after() {
            return Some("the checkpoint does not begin where the one before ends".to_owned());
        }
        (!signed.holds_for(&self.heads)).then(|| {
            format!(
                "the checkpoint does not hold: what happened after position {after} up to {up_to} \
                 is not what was signed"
            )
        })
    }
}
