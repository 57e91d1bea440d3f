//! How fast the SQLite log appends, replays and scans, and how that compares with SQLite by
//! itself: the same rows into the same tables by a plain loop, in the same run.
//!
//! `cargo bench -p hub-events --bench log -- [EVENTS]`. Figures depend on the disk, since every
//! commit is synced; the ratios less so.

// A measurement needs a clock.
#![allow(clippy::disallowed_methods)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout)]

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
const ROUNDS: usize = 3;

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
async fn appending(log: &Arc<Sqlite>, appenders: u64, events: u64) -> Rate {
    let (each, streams) = (events / appenders, (STREAMS / appenders).max(1));
    let since = Instant::now();
    let tasks: Vec<_> = (0..appenders)
        .map(|appender| {
            let log = Arc::clone(log);
            tokio::spawn(async move {
                for number in 0..each {
                    let stream = appender * streams + number % streams;
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

/// A row of the log's table of events.
type Row = (i64, i64, i64, i64, i64, i64, i64, i64, Vec<u8>, Vec<u8>, String);

/// The rows that a log has written, in their order, copied to a new file by a loop over a
/// prepared statement, so many to a commit. The tables are the log's own.
fn bare(from: &Path, to: &Path, batch: u64) -> Rate {
    drop(Sqlite::open(to).unwrap());
    let connection = Connection::open(to).unwrap();
    connection.pragma_update(None, "cache_size", -32_768).unwrap();
    connection.execute("ATTACH ?1 AS log", [from.to_str().unwrap()]).unwrap();
    connection
        .execute_batch(
            "INSERT INTO streams SELECT * FROM log.streams;
             INSERT INTO types SELECT * FROM log.types;",
        )
        .unwrap();
    let mut select = connection
        .prepare(
            "SELECT position, stream, version, type, schema, at, account, actor, correlation,
                    hash, data FROM log.events ORDER BY position",
        )
        .unwrap();
    let rows = select.query_map([], |row| Row::try_from(row)).unwrap();
    let rows: Vec<Row> = rows.map(Result::unwrap).collect();
    drop(select);
    connection.execute_batch("DETACH log").unwrap();
    let synchronous: i64 = connection.pragma_query_one(None, "synchronous").unwrap();
    assert_eq!(synchronous, 2);
    let since = Instant::now();
    for batch in rows.chunks(batch as usize) {
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        let mut insert = connection
            .prepare_cached(
                "INSERT INTO events (position, stream, version, type, schema, at, account, actor,
                                     correlation, hash, data)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )
            .unwrap();
        for (p, s, v, t, schema, at, account, actor, correlation, hash, data) in batch {
            let row = params![p, s, v, t, schema, at, account, actor, correlation, hash, data];
            insert.execute(row).unwrap();
        }
        connection.execute_batch("COMMIT").unwrap();
    }
    Rate::of(rows.len() as u64, since)
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

/// Appends to a new log; answers how many commits it took, too.
async fn measured(path: &Path, appenders: u64, events: u64) -> (Rate, u64) {
    let log = Sqlite::open(path).unwrap();
    let batches = Arc::new(AtomicU64::new(0));
    let (counted, counter) = (Arc::clone(&log), Arc::clone(&batches));
    let following = tokio::spawn(async move { counting(&counted, counter).await });
    let rate = appending(&log, appenders, events).await;
    if let Some((running, waiting)) = writer_times() {
        let share = |seconds: f64| seconds / rate.seconds * 100.0;
        let (running, waiting) = (share(running), share(waiting));
        println!("the writer: {running:.0} % on a core, {waiting:.0} % waiting for one");
    }
    following.abort();
    let _ = following.await;
    (rate, batches.load(Ordering::Relaxed).max(1))
}

/// Seconds that the thread which writes was running, and was ready to and had no core (Linux).
fn writer_times() -> Option<(f64, f64)> {
    for task in std::fs::read_dir("/proc/self/task").ok()?.flatten() {
        if std::fs::read_to_string(task.path().join("comm")).ok()?.trim() == "log-writer" {
            let times = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
            let mut times = times.split(' ').filter_map(|time| time.parse::<f64>().ok());
            return Some((times.next()? / 1e9, times.next()? / 1e9));
        }
    }
    None
}

/// Counts commits, told by a follower.
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
        let mut ratios = Vec::new();
        // In turns, since the disk has good and bad moments.
        for round in 0..ROUNDS {
            let path = directory.path().join(format!("log-{appenders}-{round}.db"));
            let (ours, commits) = measured(&path, appenders, events / share).await;
            let batch = ours.events / commits;
            print(&format!("{appenders} appenders, {batch} events to a commit"), &ours);
            let bare = bare(&path, &directory.path().join("bare.db"), batch);
            print(&format!("bare loop, {batch} events to a commit"), &bare);
            ratios.push(ours.per_second() / bare.per_second());
            std::fs::remove_file(directory.path().join("bare.db")).unwrap();
        }
        ratios.sort_by(f64::total_cmp);
        println!("{:<44} {:>12.2}", "ratio, the middle one", ratios[ROUNDS / 2]);
    }

    let path = directory.path().join("log-1024-0.db");
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
