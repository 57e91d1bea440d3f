//! What is stored is not what was written: it is found, with its position, and never read past.

use hub_events::log::{AppendError, Fault, ReadError};
use rusqlite::Connection;

use super::*;

/// The first fault that a whole reading finds, as `hub verify` looks for it.
async fn fault(log: &dyn Log) -> Option<Result<Fault, ReadError>> {
    let mut chain = Chain::default();
    loop {
        match log.read_all(chain.position(), 50).await {
            Err(error) => return Some(Err(error)),
            Ok(page) if page.is_empty() => return None,
            Ok(page) => {
                for event in page {
                    if let Err(fault) = chain.check(&event) {
                        return Some(Ok(fault));
                    }
                }
            }
        }
    }
}

/// A closed log of 300 events in ten streams, each with a content that occurs once.
async fn filled() -> Place {
    let place = Place::new();
    let log = place.open();
    for index in 0..300 {
        let events = vec![taken(1_000_000 + index)];
        let append = Append { events, ..append(&stream(index % 10), index as u64 / 10, 0) };
        log.append(append).await.unwrap();
    }
    place
}

/// Changes some bytes wherever they stand; pages keep copies in what they do not use.
fn change(place: &Place, find: &[u8], change: impl Fn(&mut [u8])) {
    let mut bytes = std::fs::read(place.path()).unwrap();
    let found: Vec<_> =
        (0..bytes.len()).filter(|start| bytes[*start..].starts_with(find)).collect();
    assert!(!found.is_empty());
    for start in found {
        change(&mut bytes[start..start + find.len()]);
    }
    std::fs::write(place.path(), bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_is_found_at_its_position() {
    let place = filled().await;
    let pristine = std::fs::read(place.path()).unwrap();
    assert!(fault(&*place.open()).await.is_none());
    for position in [1_u64, 2, 77, 150, 299, 300] {
        std::fs::write(place.path(), &pristine).unwrap();
        // A digit becomes another digit, so that the content stays readable.
        let content = format!(r#""first":{}"#, 999_999 + position);
        change(&place, content.as_bytes(), |bytes| *bytes.last_mut().unwrap() ^= 1);
        let found = fault(&*place.open()).await.unwrap().unwrap();
        assert_eq!(found.position, Position(position));
    }
    for position in [3_u64, 300] {
        std::fs::write(place.path(), &pristine).unwrap();
        let log = place.open();
        let hash = log.read_all(Position(position - 1), 1).await.unwrap()[0].hash;
        drop(log);
        change(&place, &hash.0, |bytes| bytes[5] ^= 0x10);
        let found = fault(&*place.open()).await.unwrap().unwrap();
        assert_eq!(found.position, Position(position));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn content_that_is_no_text_is_damage() {
    let place = filled().await;
    change(&place, br#""first":1000149"#, |bytes| bytes[3] = 0xff);
    let log = place.open();
    match fault(&*log).await {
        Some(Err(ReadError::Damaged { position: Position(150), .. })) => {}
        other => panic!("{other:?}"),
    }
    assert!(log.refusing().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_missing_is_not_read_past() {
    for missing in [1_u64, 120, 299] {
        let place = filled().await;
        let tampering = Connection::open(place.path()).unwrap();
        tampering.execute_batch("DROP TRIGGER events_are_not_deleted").unwrap();
        tampering.execute("DELETE FROM events WHERE position = ?1", [missing as i64]).unwrap();
        drop(tampering);
        let log = place.open();
        match fault(&*log).await {
            Some(Err(ReadError::Damaged { position, .. })) => {
                assert_eq!(position, Position(missing));
            }
            other => panic!("{other:?}"),
        }
        // One stream alone does not show that its last event is missing.
        let of_stream = log.read_stream(&stream((missing - 1) % 10), Version(0), 100).await;
        assert_eq!(of_stream.is_err(), missing < 290, "{missing}");
        let refused = log.append(append(&stream(99), 0, 1)).await;
        assert!(matches!(refused, Err(AppendError::Refusing(_))), "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_broken_refuses_new_events_and_hides_nothing() {
    let place = filled().await;
    let mut bytes = std::fs::read(place.path()).unwrap();
    let middle = b"\"first\":1000149";
    let at = bytes.windows(middle.len()).position(|window| window == middle).unwrap();
    let page = at / 4_096 * 4_096;
    bytes[page..page + 4_096].fill(0xff);
    std::fs::write(place.path(), bytes).unwrap();

    let log = place.open();
    let position = match fault(&*log).await {
        Some(Err(ReadError::Damaged { position, .. })) => position,
        other => panic!("{other:?}"),
    };
    assert!((100..=150).contains(&position.0), "{position}");
    assert!(log.refusing().is_some());
    let refused = log.append(append(&stream(99), 0, 1)).await;
    assert!(matches!(refused, Err(AppendError::Refusing(_))), "{refused:?}");
    // What stands before it can still be read.
    let before = log.read_all(Position(0), position.0 as usize - 1).await.unwrap();
    assert_eq!(before.len() as u64, position.0 - 1);
}
