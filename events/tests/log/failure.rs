//! A disk that is full, a sync that fails, a writer that panics: new events are refused, what
//! was acknowledged stays, and reading goes on.

use std::future::Future;
use std::time::Duration;

use futures_util::future::join_all;
use hub_events::log::AppendError;

use super::*;

/// Waits for something that must come, however slow the machine is.
async fn eventually<F: Future<Output = bool>>(mut is_so: impl FnMut() -> F) {
    let so = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), so).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_until_there_is_room() {
    let place = Place::new();
    let log = place.open();
    log.append(append(&stream(1), 0, 1)).await.unwrap();
    log.limit_pages(Some(1));
    let mut kept = 1;
    let refused = loop {
        match log.append(with(command(1), append(&stream(1), kept, 100))).await {
            Ok(_) => kept += 100,
            Err(AppendError::Duplicate(_)) => {
                match log.append(append(&stream(1), kept, 100)).await {
                    Ok(_) => kept += 100,
                    Err(refused) => break refused,
                }
            }
            Err(refused) => break refused,
        }
    };
    assert!(matches!(&refused, AppendError::Refusing(why) if why.contains("full")), "{refused:?}");
    assert!(log.refusing().is_some_and(|why| why.contains("full")));
    // Whatever is asked for, and while it is looked whether there is room.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(log.append(append(&stream(2), 0, 1)).await, Err(refused));
    assert_eq!(sound(&*log).await.len(), kept as usize);

    log.limit_pages(None);
    eventually(async || log.refusing().is_none()).await;
    log.append(append(&stream(1), kept, 100)).await.unwrap();
    log.append(append(&stream(2), 0, 1)).await.unwrap();
    assert_eq!(sound(&*log).await.len(), kept as usize + 101);
    drop(log);
    assert_eq!(sound(&*place.open()).await.len(), kept as usize + 101);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failed_sync_nothing_is_taken_until_the_next_start() {
    let place = Place::new();
    let log = place.open();
    log.append(append(&stream(1), 0, 2)).await.unwrap();
    log.fail_next_sync();
    let unknown = log.append(append(&stream(1), 2, 1)).await;
    assert!(matches!(unknown, Err(AppendError::Unknown(_))), "{unknown:?}");
    assert!(log.refusing().is_some());
    let refused = log.append(append(&stream(2), 0, 1)).await;
    assert!(matches!(refused, Err(AppendError::Refusing(_))), "{refused:?}");
    assert_eq!((sound(&*log).await.len(), log.head()), (2, Position(2)));
    drop(log);

    let log = place.open();
    assert_eq!(log.refusing(), None);
    log.append(append(&stream(1), 2, 1)).await.unwrap();
    assert_eq!(sound(&*log).await.len(), 3);
}

/// Whoever was refused because of an append in the same batch that then failed must not be
/// told that it happened.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_of_an_append_that_failed() {
    let place = Place::new();
    let log = place.open();
    log.append(append(&stream(1), 0, 1)).await.unwrap();
    log.fail_next_sync();
    let answers = join_all([
        log.append(with(command(1), append(&stream(1), 1, 1))),
        log.append(with(command(1), append(&stream(1), 1, 1))),
        log.append(append(&stream(1), 1, 1)),
    ])
    .await;
    for answer in answers {
        let honest = matches!(answer, Err(AppendError::Unknown(_) | AppendError::Refusing(_)));
        assert!(honest, "{answer:?}");
    }
    assert_eq!(log.remembered(command(1).key).await.unwrap(), None);
    assert_eq!(sound(&*log).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_panics_leaves_nobody_waiting() {
    let place = Place::new();
    let log = place.open();
    log.append(append(&stream(1), 0, 1)).await.unwrap();
    log.panic_writer();
    let answer = log.append(append(&stream(1), 1, 1)).await;
    let honest = matches!(answer, Err(AppendError::Unknown(_) | AppendError::Refusing(_)));
    assert!(honest, "{answer:?}");
    eventually(async || log.refusing().is_some()).await;
    assert_eq!(sound(&*log).await.len(), 1);
    drop(log);
    place.open().append(append(&stream(1), 1, 1)).await.unwrap();
}
