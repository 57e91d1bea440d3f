//! The moments that things wait for, soonest first.
//!
//! Only the soonest are held in memory; the rest stand in the read model `unfinished`, from
//! which the next are fetched when these are used up. So a million sleepers cost a million
//! rows. Never here: what happens at such a moment.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use hub_events::id::StreamId;
use hub_events::log::Log;
use hub_projections::{Lagging, ViewError, Views, unfinished};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::clock::Clock;

/// How many moments are held in memory at most after a fetch.
const HELD: u32 = 10_000;

/// The least pause between two fetches: what has rung stays on record until it has moved on.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(250);

type Alarm = (DateTime<Utc>, StreamId);

/// The alarms.
pub struct Alarms {
    clock: Clock,
    log: Arc<dyn Log>,
    views: Arc<Views>,
    held: Mutex<Held>,
    changed: Notify,
}

#[derive(Default)]
struct Held {
    soonest: BTreeSet<Alarm>,
    reach: Reach,
}

/// Why the sleeping things could not be read.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    /// The read model failed.
    #[error(transparent)]
    View(#[from] ViewError),
    /// It is too far behind.
    #[error(transparent)]
    Lagging(#[from] Lagging),
}

/// How far what is held reaches; what is later is left to the read model.
#[derive(Default)]
enum Reach {
    /// Nothing was fetched yet.
    #[default]
    Nowhere,
    /// To this alarm.
    To(Alarm),
    /// Everything is held.
    Everywhere,
}

impl Held {
    fn reaches(&self, alarm: &Alarm) -> bool {
        match &self.reach {
            Reach::Nowhere => false,
            Reach::To(last) => alarm <= last,
            Reach::Everywhere => true,
        }
    }

    fn wants_more(&self) -> bool {
        match self.reach {
            Reach::Nowhere => true,
            Reach::To(_) => self.soonest.is_empty(),
            Reach::Everywhere => false,
        }
    }
}

impl std::fmt::Debug for Alarms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Alarms").field("held", &self.held.lock().soonest.len()).finish()
    }
}

impl Alarms {
    /// Alarms that do not ring until [`Alarms::run`].
    pub fn new(clock: Clock, log: Arc<dyn Log>, views: Arc<Views>) -> Arc<Self> {
        let (held, changed) = (Mutex::default(), Notify::new());
        Arc::new(Self { clock, log, views, held, changed })
    }

    /// Wakes a thing at a moment, whether or not it is on record that it waits for it.
    pub fn hold(&self, stream: &StreamId, due: DateTime<Utc>) {
        self.held.lock().soonest.insert((due, stream.clone()));
        self.changed.notify_one();
    }

    /// Wakes a thing at a moment. That it waits for it must be on record, so that it is found
    /// there where the moment is too far away to be held.
    pub fn set(&self, stream: &StreamId, due: DateTime<Utc>) {
        let alarm = (due, stream.clone());
        let mut held = self.held.lock();
        if held.reaches(&alarm) {
            held.soonest.insert(alarm);
            self.changed.notify_one();
        }
    }

    /// Rings for ever.
    pub async fn run(&self, ring: impl Fn(StreamId)) {
        loop {
            self.take_due().into_iter().for_each(&ring);
            if self.held.lock().wants_more() {
                if let Err(error) = self.fetch().await {
                    tracing::error!(%error, "the sleeping things cannot be read");
                }
                self.take_due().into_iter().for_each(&ring);
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            let next = self.held.lock().soonest.first().map(|(due, _)| *due);
            let due = async {
                match next {
                    Some(due) => self.clock.sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => {}
                () = self.changed.notified() => {}
            }
        }
    }

    fn take_due(&self) -> Vec<StreamId> {
        let now = self.clock.now();
        let mut held = self.held.lock();
        let mut due = Vec::new();
        while held.soonest.first().is_some_and(|(moment, _)| *moment <= now) {
            due.extend(held.soonest.pop_first().map(|(_, stream)| stream));
        }
        due
    }

    /// Fetches the soonest that are on record.
    async fn fetch(&self) -> Result<(), FetchError> {
        // What was set and not held before this moment must be found in what is read.
        self.held.lock().reach = Reach::Everywhere;
        self.views.wait_for(self.log.head()).await?;
        let rows =
            self.views.read(|conn| unfinished::sleeping(conn, DateTime::<Utc>::MAX_UTC, HELD))?;
        let full = rows.len() == HELD as usize;
        let found = rows.into_iter().filter_map(|row| Some((row.due?, row.stream)));
        let found: Vec<Alarm> = found.collect();
        let mut held = self.held.lock();
        if let Some(last) = found.last().filter(|_| full) {
            held.reach = Reach::To(last.clone());
        }
        held.soonest.extend(found);
        Ok(())
    }
}
