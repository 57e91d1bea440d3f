//! How fast the SQLite log appends, replays and scans, and how that compares with SQLite by
//! itself: the same rows into the same tables by a plain loop, in the same run.
//!
//! `cargo bench -p hub-events --bench log -- [EVENTS]`. Figures depend on the disk, since every
//! commit is synced; the ratios less so.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use futures_util::StreamExt as _;
use hub_events::id::{AccountId, StreamId};
use hub_events::log::sqlite::Sqlite;
use hub_events::log::{Append, Log, NewEvent};
use hub_events::{Actor, Context, Position, Version};
use rusqlite::{Connection, params};
use uuid::Uuid;

const EVENTS: u64 = 300_000;
const STREAMS: u64 = 10_000;
const PAGE: usize = 1_000;

fn stream(number: u64) -> StreamId {
    StreamId::new("counter", &number.to_string())
}

fn context(number: u64) -> Context {
    Context {
        at: hub_events::testing::epoch(),
        account: Some(AccountId(7)),
        actor: Actor::Account(AccountId(7)),
        correlation: Uuid::from_u128(u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        causation: None,
    }
}

/// An event of 300 bytes.
fn event(number: u64) -> NewEvent {
    let start = format!(r#"{{"first":{number},"last":{number},"filling":""#);
    let data = format!("{start}{}\"}}", "x".repeat(298 - start.len()));
    NewEvent { event_type: "counter.block_taken", schema: 1, data }
}

fn append(stream_number: u64, version: u64) -> Append {
    Append {
        stream: stream(stream_number),
        expected: Version(version),
        events: vec![event(version + 1)],
        context: context(version),
        command: None,
    }
}

struct Rate {
    events: u64,
    seconds: f64,
}

impl Rate {
    fn of(events: u64, since: Instant) -> Self {
        Self { events, seconds: since.elapsed().as_secs_f64() }
    }

    fn per_second(&self) -> f64 {
        self.events as f64 / self.seconds
    }
}

/// Appenders who each wait for the answer before the next append. Each has streams of its own.
async fn appending(log: &Arc<Sqlite>, appenders: u64, events: u64, first_stream: u64) -> Rate {
    let (each, streams) = (events / appenders, (STREAMS / appenders).max(1));
    let since = Instant::now();
    let tasks: Vec<_> = (0..appenders)
        .map(|appender| {
            let log = Arc::clone(log);
            tokio::spawn(async move {
                for number in 0..each {
                    let stream = first_stream + appender * streams + number % streams;
                    log.append(append(stream, number / streams)).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    Rate::of(each * appenders, since)
}

/// The same rows by a loop over a prepared statement, so many to a commit.
fn bare(path: &Path, batch: u64, events: u64) -> Rate {
    // The tables are the log's own; it makes them.
    drop(Sqlite::open(path).unwrap());
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch(
            "PRAGMA synchronous=FULL; PRAGMA cache_size=-32768;
             INSERT INTO types (id, name) VALUES (1, 'counter.block_taken');",
        )
        .unwrap();
    // What the log does beside: streams are there, versions and hashes are known.
    connection.execute_batch("BEGIN").unwrap();
    for number in 1..=STREAMS {
        let sql = "INSERT INTO streams (id, name) VALUES (?1, ?2)";
        let mut insert = connection.prepare_cached(sql).unwrap();
        insert.execute(params![number.cast_signed(), stream(number - 1).as_str()]).unwrap();
    }
    connection.execute_batch("COMMIT").unwrap();
    let data = event(1).data;
    let since = Instant::now();
    let mut position = 0;
    while position < events {
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        let mut insert = connection
            .prepare_cached(
                "INSERT INTO events (position, stream, version, type, schema, at, account, actor,
                                     correlation, causation, hash, data)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            )
            .unwrap();
        for _ in 0..batch {
            let stream = (position % STREAMS + 1).cast_signed();
            let version = (position / STREAMS + 1).cast_signed();
            position += 1;
            let context = context(position);
            let correlation = context.correlation.as_bytes().as_slice();
            let at = context.at.timestamp_micros();
            let hash = [0_u8; 32].as_slice();
            let row = params![
                position.cast_signed(),
                stream,
                version,
                1,
                1,
                at,
                7,
                7,
                correlation,
                None::<i64>,
                hash,
                data
            ];
            insert.execute(row).unwrap();
        }
        drop(insert);
        connection.execute_batch("COMMIT").unwrap();
    }
    Rate::of(position, since)
}

/// Whole streams, one after the other.
async fn replaying(log: &Sqlite, streams: u64) -> Rate {
    let (since, mut events) = (Instant::now(), 0);
    for number in 0..streams {
        let mut version = Version(0);
        loop {
            let page = log.read_stream(&stream(number), version, PAGE).await.unwrap();
            events += page.len() as u64;
            match page.last() {
                Some(last) if page.len() == PAGE => version = last.version,
                _ => break,
            }
        }
    }
    Rate::of(events, since)
}

async fn scanning(log: &Sqlite) -> Rate {
    let (since, mut events, mut position) = (Instant::now(), 0, Position(0));
    loop {
        let page = log.read_all(position, PAGE).await.unwrap();
        let Some(last) = page.last() else { return Rate::of(events, since) };
        position = last.position;
        events += page.len() as u64;
    }
}

/// How many commits it took to append, told by a follower.
async fn counting(log: &Arc<Sqlite>, batches: Arc<AtomicU64>) {
    let mut news = log.follow(log.head());
    while let Some(Ok(_)) = news.next().await {
        batches.fetch_add(1, Ordering::Relaxed);
    }
}

fn print(what: &str, rate: &Rate) {
    println!("{what:<44} {:>12.0} events/s", rate.per_second());
}

#[tokio::main]
async fn main() {
    let number = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let events: u64 = number.unwrap_or(EVENTS);
    let directory = tempfile::tempdir().unwrap();
    println!("{events} events of 300 bytes, a sync on every commit");

    for (appenders, share) in [(1, 300), (64, 10), (1_024, 1)] {
        let path = directory.path().join(format!("log-{appenders}.db"));
        let log = Sqlite::open(&path).unwrap();
        let batches = Arc::new(AtomicU64::new(0));
        let (counted, counter) = (Arc::clone(&log), Arc::clone(&batches));
        let following = tokio::spawn(async move { counting(&counted, counter).await });
        let ours = appending(&log, appenders, events / share, 0).await;
        following.abort();
        let _ = following.await;
        let commits = batches.load(Ordering::Relaxed).max(1);
        print(&format!("{appenders} appenders ({} to a commit)", ours.events / commits), &ours);
        drop(log);

        let path = directory.path().join(format!("bare-{appenders}.db"));
        let bare = bare(&path, appenders, events / share);
        print(&format!("bare loop, {appenders} to a commit"), &bare);
        println!("{:<44} {:>12.2}", "ratio", ours.per_second() / bare.per_second());
    }

    let path = directory.path().join("log-1024.db");
    println!("file: {} bytes for each event", path.metadata().unwrap().len() / events);
    let log = Sqlite::open(&path).unwrap();
    // The first reading warms the cache.
    for round in ["cold", "warm"] {
        print(&format!("scan of all, {round}"), &scanning(&log).await);
        print(
            &format!("replay of streams of {}, {round}", events / STREAMS),
            &replaying(&log, STREAMS).await,
        );
    }
    drop(log);

    let path = directory.path().join("long.db");
    let log = Sqlite::open(&path).unwrap();
    for start in (0..events).step_by(1_000) {
        let more = (start..start + 1_000).map(event).collect();
        let append = Append { events: more, ..append(0, start) };
        log.append(append).await.unwrap();
    }
    for round in ["cold", "warm"] {
        print(&format!("replay of one stream of {events}, {round}"), &replaying(&log, 1).await);
    }
}
