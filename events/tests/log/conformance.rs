//! The suite: each case takes an empty log, and every engine takes every case.

use std::collections::HashSet;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use hub_events::log::memory::Memory;
use hub_events::log::{AppendError, Appended, Remembered, Snapshot};

use super::*;

macro_rules! suite {
    ($($case:ident)*) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                super::$case(super::Memory::new()).await;
            })*
        }
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                let place = super::Place::new();
                super::$case(place.open()).await;
            })*
        }
        #[cfg(feature = "kurrentdb")]
        mod kurrentdb {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                let server = crate::kurrentdb::Server::new().await;
                super::$case(server.open().await).await;
            })*
        }
    };
}

suite! {
    what_is_read_is_what_was_appended
    another_version_than_expected_is_refused
    one_of_many_with_the_same_expectation_wins
    appends_that_build_on_each_other_all_happen
    pages_are_read_as_asked
    a_command_happens_once
    a_command_among_many_at_once_happens_once
    a_command_that_decides_to_nothing_is_remembered
    an_append_of_nothing_changes_nothing
    the_newest_snapshot_is_kept
    followers_see_every_event_once
    followers_who_are_slow_miss_nothing
    followers_begin_where_they_are_told
    followers_end_with_the_log
}

async fn at(log: &dyn Log, place: u64, version: u64) -> Appended {
    Appended { position: position(log, place).await, version: Version(version) }
}

async fn what_is_read_is_what_was_appended(log: Arc<dyn Log>) {
    let contexts = [
        context(),
        Context { account: None, actor: Actor::Hub, ..context() },
        Context { causation: Some(Position(1)), correlation: Uuid::max(), ..context() },
        // Kept in whole microseconds, also where the time came with more.
        Context { at: epoch() + TimeDelta::nanoseconds(1_234_567), ..context() },
    ];
    for (context, version) in contexts.iter().zip(0..) {
        let events = vec![taken(1), made(-3)];
        let append =
            Append { events, context: context.clone(), ..append(&stream(1), version * 2, 0) };
        log.append(append).await.unwrap();
    }
    let events = sound(&*log).await;
    assert_eq!(events, log.read_stream(&stream(1), Version(0), 100).await.unwrap());
    assert_eq!(log.head(), position(&*log, 8).await);
    for (event, index) in events.iter().zip(0..) {
        let (given, sent) = (&contexts[index / 2], [taken(1), made(-3)][index % 2].clone());
        let micros =
            given.at - TimeDelta::nanoseconds(i64::from(given.at.timestamp_subsec_nanos() % 1_000));
        assert_eq!(event.context, Context { at: micros, ..given.clone() });
        assert_eq!((&*event.event_type, event.schema), (sent.event_type, sent.schema));
        assert_eq!((&*event.data, &event.stream), (&*sent.data, &stream(1)));
        assert_eq!(event.version, Version(index as u64 + 1));
        assert_eq!(log.read_at(event.position).await.unwrap().as_ref(), Some(event));
    }
    assert_eq!(log.read_at(Position(0)).await.unwrap(), None);
}

async fn another_version_than_expected_is_refused(log: Arc<dyn Log>) {
    log.append(append(&stream(1), 0, 2)).await.unwrap();
    for (key, expected, current) in [(1, 0, 2), (1, 1, 2), (1, 3, 2), (1, u64::MAX, 2), (2, 1, 0)] {
        let refused = log.append(append(&stream(key), expected, 0)).await;
        let refusal = Err(AppendError::WrongVersion { current: Version(current) });
        assert_eq!(refused, refusal, "stream {key}, version {expected}");
        let events = vec![taken(1)];
        let refused = log.append(Append { events, ..append(&stream(key), expected, 0) }).await;
        assert_eq!(refused, refusal, "stream {key}, version {expected}");
    }
    assert_eq!(sound(&*log).await.len(), 2);
    let appended = log.append(append(&stream(1), 2, 1)).await;
    assert_eq!(appended, Ok(at(&*log, 3, 3).await));
}

async fn one_of_many_with_the_same_expectation_wins(log: Arc<dyn Log>) {
    let answers = join_all((0..200).map(|_| log.append(append(&stream(1), 0, 1)))).await;
    let won = Ok(at(&*log, 1, 1).await);
    assert_eq!(answers.iter().filter(|answer| **answer == won).count(), 1);
    let refused = Err(AppendError::WrongVersion { current: Version(1) });
    assert_eq!(answers.iter().filter(|answer| **answer == refused).count(), 199);
    assert_eq!(sound(&*log).await.len(), 1);
}

async fn appends_that_build_on_each_other_all_happen(log: Arc<dyn Log>) {
    let answers = join_all((0..20).map(|version| log.append(append(&stream(1), version, 1)))).await;
    for (answer, place) in answers.into_iter().zip(1..) {
        assert_eq!(answer, Ok(at(&*log, place, place).await));
    }
    assert_eq!(sound(&*log).await.len(), 20);
}

async fn pages_are_read_as_asked(log: Arc<dyn Log>) {
    for version in 0..5 {
        log.append(append(&stream(1), version, 1)).await.unwrap();
        log.append(append(&stream(2), version, 1)).await.unwrap();
    }
    let known = sound(&*log).await;
    for (after, limit, all, one) in [
        (0, 3, vec![1, 2, 3], vec![1, 3, 5]),
        (4, 100, vec![5, 6, 7, 8, 9, 10], vec![9]),
        (9, 1, vec![10], vec![]),
        (10, 5, vec![], vec![]),
        (0, 0, vec![], vec![]),
        (u64::MAX, 5, vec![], vec![]),
        (2, usize::MAX, (3..=10).collect(), vec![5, 7, 9]),
    ] {
        let places = |events: Vec<Recorded>| -> Vec<_> {
            events
                .iter()
                .map(|event| known.iter().position(|it| it == event).unwrap() + 1)
                .collect()
        };
        let from = if after == u64::MAX { Position(after) } else { position(&*log, after).await };
        let read = places(log.read_all(from, limit).await.unwrap());
        assert_eq!(read, all, "all after {after}, {limit}");
        let read = places(log.read_stream(&stream(1), Version(after), limit).await.unwrap());
        assert_eq!(read, one, "stream after {after}, {limit}");
    }
    assert_eq!(log.read_stream(&stream(3), Version(0), 5).await.unwrap(), []);
}

async fn a_command_happens_once(log: Arc<dyn Log>) {
    assert_eq!(log.remembered(command(1).key).await.unwrap(), None);
    log.append(with(command(1), append(&stream(1), 0, 2))).await.unwrap();
    log.append(append(&stream(1), 2, 1)).await.unwrap();
    let did =
        Remembered { stream: stream(1), version: Version(2), fingerprint: command(1).fingerprint };
    assert_eq!(log.remembered(command(1).key).await.unwrap(), Some(did.clone()));
    let other_use = Command { fingerprint: [9; 32], ..command(1) };
    for (command, key, expected) in
        [(command(1), 1, 0), (command(1), 1, 3), (command(1), 2, 0), (other_use, 1, 3)]
    {
        let answer = log.append(with(command, append(&stream(key), expected, 1))).await;
        assert_eq!(answer, Err(AppendError::Duplicate(did.clone())));
    }
    // What was refused is not remembered, so it can be tried again.
    let wrong = log.append(with(command(2), append(&stream(1), 0, 1))).await;
    assert_eq!(wrong, Err(AppendError::WrongVersion { current: Version(3) }));
    let appended = log.append(with(command(2), append(&stream(1), 3, 1))).await;
    assert_eq!(appended, Ok(at(&*log, 4, 4).await));
}

async fn a_command_among_many_at_once_happens_once(log: Arc<dyn Log>) {
    let appends = (0..100).map(|key| log.append(with(command(1), append(&stream(key), 0, 1))));
    let answers = join_all(appends).await;
    let events = sound(&*log).await;
    assert_eq!(events.len(), 1);
    let did = Remembered {
        stream: events[0].stream.clone(),
        version: Version(1),
        fingerprint: command(1).fingerprint,
    };
    let first = Ok(at(&*log, 1, 1).await);
    let happened = answers.iter().filter(|answer| **answer == first).count();
    let refused = Err(AppendError::Duplicate(did));
    assert_eq!((happened, answers.iter().filter(|answer| **answer == refused).count()), (1, 99));
}

async fn a_command_that_decides_to_nothing_is_remembered(log: Arc<dyn Log>) {
    log.append(append(&stream(1), 0, 3)).await.unwrap();
    for (key, expected) in [(1, 3), (2, 0)] {
        let appended = at(&*log, 3, expected).await;
        let nothing = with(command(key), append(&stream(key), expected, 0));
        assert_eq!(log.append(nothing.clone()).await, Ok(appended));
        let did = log.remembered(command(key).key).await.unwrap().unwrap();
        assert_eq!((&did.stream, did.version), (&stream(key), Version(expected)));
        assert_eq!(log.append(nothing).await, Err(AppendError::Duplicate(did)));
    }
    // A stream without events can still begin.
    let appended = log.append(append(&stream(2), 0, 1)).await;
    assert_eq!(appended, Ok(at(&*log, 4, 1).await));
    assert_eq!(sound(&*log).await.len(), 4);
}

async fn an_append_of_nothing_changes_nothing(log: Arc<dyn Log>) {
    let mut news = log.follow(Position(0));
    let nothing = log.append(append(&stream(1), 0, 0)).await;
    assert_eq!(nothing, Ok(at(&*log, 0, 0).await));
    log.append(append(&stream(1), 0, 1)).await.unwrap();
    let batch = news.next().await.unwrap().unwrap();
    assert_eq!(batch.to_vec(), sound(&*log).await);
    assert_eq!(batch.len(), 1);
}

async fn the_newest_snapshot_is_kept(log: Arc<dyn Log>) {
    let snapshot = |version, state_version| Snapshot {
        stream: stream(1),
        version: Version(version),
        state_version,
        state: format!(r#"{{"taken":{version}}}"#),
    };
    log.append(append(&stream(1), 0, 3)).await.unwrap();
    let mut others = 0;
    for (saved, kept) in [
        (snapshot(2, 1), snapshot(2, 1)),
        (snapshot(3, 1), snapshot(3, 1)),
        (snapshot(1, 1), snapshot(3, 1)), // older
        (snapshot(4, 1), snapshot(3, 1)), // ahead of its stream
        (snapshot(2, 2), snapshot(2, 2)), // of another shape
    ] {
        log.save_snapshot(saved.clone());
        // A snapshot becomes durable with the events after it, or soon.
        log.append(append(&stream(2), others, 1)).await.unwrap();
        others += 1;
        let found = settled(&log, &kept).await;
        assert_eq!(found, Some(kept.clone()), "{saved:?}");
        assert_eq!(log.load_snapshot(&stream(1), 3).await.unwrap(), None);
    }
    log.save_snapshot(Snapshot { stream: stream(3), ..snapshot(1, 1) });
    log.append(append(&stream(2), others, 1)).await.unwrap();
    assert_eq!(log.load_snapshot(&stream(3), 1).await.unwrap(), None);
}

/// The snapshot of a stream and shape, once it is the one that is expected.
async fn settled(log: &Arc<dyn Log>, expected: &Snapshot) -> Option<Snapshot> {
    let mut found = None;
    for _ in 0..500 {
        found = log.load_snapshot(&stream(1), expected.state_version).await.unwrap();
        if found.as_ref() == Some(expected) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    found
}

async fn followers_see_every_event_once(log: Arc<dyn Log>) {
    const WRITERS: u64 = 16;
    const EACH: u64 = 100;
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                for version in 0..EACH {
                    log.append(append(&stream(writer), version, 1)).await.unwrap();
                }
            })
        })
        .collect();
    // They come in while others write, each at another moment.
    let followers = (0..8).map(|index| {
        let log = Arc::clone(&log);
        tokio::spawn(async move {
            let mut others = log.follow(Position(0));
            let mut there = 0;
            while there < index * 100 {
                there += others.next().await.unwrap().unwrap().len();
            }
            let mut seen = Vec::new();
            let mut news = log.follow(Position(0));
            while seen.len() < (WRITERS * EACH) as usize {
                let batch = news.next().await.unwrap().unwrap();
                assert!(!batch.is_empty());
                seen.extend(batch.iter().cloned());
            }
            seen
        })
    });
    let followers = join_all(followers).await;
    join_all(writers).await.into_iter().for_each(|writer| writer.unwrap());
    let events = sound(&*log).await;
    for seen in followers {
        assert!(seen.unwrap() == events);
    }
    let correlated: HashSet<_> =
        events.iter().map(|event| (&event.stream, event.version)).collect();
    assert_eq!(correlated.len(), (WRITERS * EACH) as usize);
}

async fn followers_who_are_slow_miss_nothing(log: Arc<dyn Log>) {
    let mut news = log.follow(Position(0));
    log.append(append(&stream(1), 0, 1)).await.unwrap();
    assert_eq!(news.next().await.unwrap().unwrap().len(), 1);
    // More batches than are held for a follower.
    for version in 1..200 {
        log.append(append(&stream(1), version, 1)).await.unwrap();
    }
    let mut seen = 1;
    while seen < 200 {
        for event in news.next().await.unwrap().unwrap().iter() {
            seen += 1;
            assert_eq!(event.version, Version(seen));
        }
    }
}

async fn followers_begin_where_they_are_told(log: Arc<dyn Log>) {
    log.append(append(&stream(1), 0, 5)).await.unwrap();
    // In the middle of a batch and at its end.
    for (after, version) in [(0, 5), (3, 10), (5, 15), (20, 20)] {
        let mut news = log.follow(position(&*log, after).await);
        log.append(append(&stream(1), version, 5)).await.unwrap();
        let first = news.next().await.unwrap().unwrap();
        assert_eq!(first[0].version, Version(after + 1));
    }
    if log.is_gapless() {
        // Before something that has not happened yet.
        let mut news = log.follow(Position(27));
        log.append(append(&stream(1), 25, 5)).await.unwrap();
        assert_eq!(news.next().await.unwrap().unwrap()[0].position, Position(28));
    }
}

async fn followers_end_with_the_log(log: Arc<dyn Log>) {
    let mut news = log.follow(Position(0));
    log.append(append(&stream(1), 0, 1)).await.unwrap();
    assert_eq!(news.next().await.unwrap().unwrap().len(), 1);
    let waiting = tokio::spawn(async move { news.next().await.is_none() });
    drop(log);
    let ended = tokio::time::timeout(Duration::from_secs(60), waiting).await;
    assert!(ended.unwrap().unwrap());
}
