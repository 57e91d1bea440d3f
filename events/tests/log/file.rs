//! The file as others see it: the lock, reading beside a writer, auditors, a new start.

use std::time::Duration;

use chrono::TimeDelta;
use futures_util::{FutureExt as _, StreamExt as _};
use hub_events::log::{AppendError, OpenError, Snapshot};
use rusqlite::Connection;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_new_start_goes_on_from_the_last() {
    let place = Place::new();
    let log = place.open();
    log.append(with(command(1), append(&stream(1), 0, 3))).await.unwrap();
    let snapshot = Snapshot {
        stream: stream(1),
        version: Version(3),
        state_version: 1,
        state: "{}".to_owned(),
    };
    log.save_snapshot(snapshot.clone());
    let before = sound(&*log).await;
    drop(log);
    assert!(!place.wal().exists(), "a clean end leaves one file");

    let log = place.open();
    assert_eq!((sound(&*log).await, log.head()), (before, Position(3)));
    assert_eq!(log.load_snapshot(&stream(1), 1).await.unwrap(), Some(snapshot));
    let again = log.append(with(command(1), append(&stream(1), 3, 1))).await;
    assert!(matches!(again, Err(AppendError::Duplicate(_))), "{again:?}");
    let stale = log.append(append(&stream(1), 2, 1)).await;
    assert_eq!(stale, Err(AppendError::WrongVersion { current: Version(3) }));
    log.append(append(&stream(1), 3, 1)).await.unwrap();
    log.append(append(&stream(2), 0, 1)).await.unwrap();
    assert_eq!(sound(&*log).await.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_writer_is_refused_until_the_first_has_ended() {
    let place = Place::new();
    let first = place.open();
    let refused = Sqlite::open(&place.path());
    assert!(matches!(refused, Err(OpenError::InUse(_))), "{refused:?}");
    first.append(append(&stream(1), 0, 1)).await.unwrap();
    drop(first);
    place.open().append(append(&stream(1), 1, 1)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_see_what_is_written_beside_them() {
    let place = Place::new();
    assert!(Sqlite::open_read_only(&place.path()).is_err());
    assert!(!place.path().exists());

    let writer = place.open();
    let reader = Sqlite::open_read_only(&place.path()).unwrap();
    let mut news = reader.follow(Position(0));
    for version in 0..3 {
        writer.append(append(&stream(1), version, 1)).await.unwrap();
        let batch = news.next().await.unwrap().unwrap();
        assert_eq!(batch.last().unwrap().position, Position(version + 1));
        assert_eq!(reader.head(), Position(version + 1));
    }
    assert_eq!(sound(&*reader).await, sound(&*writer).await);
    let refused = reader.append(append(&stream(1), 3, 1)).await;
    assert!(matches!(refused, Err(AppendError::Refusing(_))), "{refused:?}");
    drop(writer);
    assert_eq!(sound(&*reader).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_does_not_wait_for_those_who_do_not_ask() {
    let place = Place::new();
    let log = place.open();
    let late = log.append(append(&stream(1), 1, 1));
    let mut asked = log.append(append(&stream(1), 0, 1));
    assert!((&mut asked).now_or_never().is_none());
    drop(log);
    // What was in the queue was written; what was not was refused.
    asked.await.unwrap();
    assert_eq!(late.await, Err(AppendError::Refusing("the log is closed".into())));
    assert_eq!(sound(&*place.open()).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_forgotten_after_a_week() {
    let place = Place::new();
    let log = place.open();
    let at = |days| Context { at: epoch() + TimeDelta::days(days), ..context() };
    for (key, day) in [(1, 0), (2, 1), (3, 6), (4, 7), (5, 9)] {
        let append = with(command(key), append(&stream(key), 0, 1));
        log.append(Append { context: at(day), ..append }).await.unwrap();
        let first = log.remembered(command(1).key).await.unwrap();
        assert_eq!(first.is_some(), day <= 7, "day {day}");
    }
    for (key, known) in [(2, false), (3, true), (4, true), (5, true)] {
        assert_eq!(log.remembered(command(key).key).await.unwrap().is_some(), known, "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn auditors_read_the_file_and_cannot_change_it() {
    let place = Place::new();
    let log = place.open();
    let at = epoch() + TimeDelta::microseconds(1_000_002);
    let context = Context { at, causation: Some(Position(1)), ..context() };
    log.append(append(&stream(1), 0, 1)).await.unwrap();
    log.append(Append { context, ..append(&stream(1), 1, 1) }).await.unwrap();
    let events = sound(&*log).await;

    let auditor = Connection::open(place.path()).unwrap();
    let row: (String, String, String, String, String, i64, String) = auditor
        .query_row(
            "SELECT stream, type, at, actor, correlation, causation, hash FROM event_log
             WHERE position = 2",
            [],
            |row| row.try_into(),
        )
        .unwrap();
    let expected = (
        "counter-1".to_owned(),
        "counter.block_taken".to_owned(),
        "2026-01-01T00:00:01.000002Z".to_owned(),
        "account:7".to_owned(),
        "00000000-0000-0000-0000-00000000002a".to_owned(),
        1,
        events[1].hash.to_string(),
    );
    assert_eq!(row, expected);
    for change in [
        "UPDATE events SET data = '{}'",
        "DELETE FROM events WHERE position = 1",
        "UPDATE streams SET name = 'counter-2'",
        "DELETE FROM types",
    ] {
        let refused = auditor.execute(change, []).unwrap_err().to_string();
        assert!(refused.contains("are never"), "{change}: {refused}");
    }
    assert_eq!(sound(&*log).await, events);
}

/// How often a write-ahead log has begun again, by its header.
fn beginnings(place: &Place) -> u32 {
    let header = std::fs::read(place.wal()).unwrap();
    u32::from_be_bytes(header[12..16].try_into().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_write_ahead_log_begins_again() {
    let place = Place::new();
    let log = place.open();
    let data = format!(r#"{{"first":1,"last":1,"more":"{}"}}"#, "x".repeat(1024 * 1024));
    let events = vec![NewEvent { data, ..taken(1) }];
    log.append(append(&stream(1), 0, 1)).await.unwrap();
    let first = beginnings(&place);
    for version in 1..100 {
        let append = Append { events: events.clone(), ..append(&stream(1), version, 0) };
        log.append(append).await.unwrap();
    }
    let begun = async {
        let mut version = 100;
        while beginnings(&place) == first {
            log.append(append(&stream(1), version, 1)).await.unwrap();
            version += 1;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        version
    };
    let version = tokio::time::timeout(Duration::from_secs(60), begun).await.unwrap();
    drop(log);
    assert_eq!(sound(&*place.open()).await.len(), version as usize);
}
