//! When checkpoints are written, and whose they are.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use hub_events::Position;
use hub_events::checkpoint::Event;
use hub_events::counter::{Counter, TakeBlock};
use hub_events::fact::decode_as;
use hub_events::id::StreamId;
use hub_events::log::memory::Memory;
use hub_events::testing::epoch;

use super::*;

const KEY: [u8; 32] = [7; 32];

async fn count(log: &Arc<dyn Log>, stream: &str, times: usize) {
    for _ in 0..times {
        let context = Context {
            at: epoch(),
            account: None,
            actor: Actor::Hub,
            correlation: clock::uuid(),
            causation: None,
        };
        let take = TakeBlock { count: 1, limit: 1_000 };
        let stream = StreamId::new("counter", stream);
        transact::<Counter>(log, &stream, take, context).await.unwrap();
    }
}

async fn signed(log: &Arc<dyn Log>) -> Vec<Signed> {
    let stream = checkpoint::stream();
    let events = log.read_stream(&stream, hub_events::Version(0), 100).await.unwrap();
    let events = events.iter().map(|event| decode_as::<Event>(event).unwrap());
    events.map(|Event::Signed(signed)| signed).collect()
}

async fn until(log: &Arc<dyn Log>, checkpoints: usize) -> Vec<Signed> {
    loop {
        let found = signed(log).await;
        if found.len() >= checkpoints {
            return found;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn they_are_written_by_count_and_at_the_end_and_cover_everything() {
    let log: Arc<dyn Log> = Memory::new();
    let every = config::Checkpoints { events: 4, hours: 1 };
    let clock = Clock::settable(epoch());
    let writing = Writing::start(Arc::clone(&log), clock.clone(), &KEY, &every);
    count(&log, "a", 4).await;
    assert_eq!(until(&log, 1).await[0].up_to, Position(4));
    count(&log, "b", 2).await;
    writing.stop().await;
    let found = signed(&log).await;
    let parts: Vec<_> = found.iter().map(|it| (it.after.0, it.up_to.0, it.streams)).collect();
    // The first checkpoint is the fifth event.
    assert_eq!(parts, [(0, 4, 1), (4, 7, 2)]);
    let mut heads = [Heads::after(Position(0)), Heads::after(Position(4))];
    for event in log.read_all(Position(0), 7).await.unwrap() {
        heads[usize::from(event.position > Position(4))].note(&event);
    }
    for (signed, heads) in found.iter().zip(&heads) {
        assert!(signed.holds_for(heads) && is_genuine(signed));
    }
    // With nothing new there is nothing to vouch for.
    Writing::start(Arc::clone(&log), clock, &KEY, &every).stop().await;
    assert_eq!(signed(&log).await.len(), 2);
}

#[test]
fn a_changed_word_is_not_genuine() {
    let key = SigningKey::from_bytes(&KEY);
    let mut good = Signed::of(&Heads::default(), shown(&key));
    good.signature = hex::encode(key.sign(good.message().as_bytes()).to_bytes());
    assert!(is_genuine(&good));
    let other = shown(&SigningKey::from_bytes(&[8; 32]));
    for bad in [
        Signed { streams: 1, ..good.clone() },
        Signed { after: Position(1), ..good.clone() },
        Signed { up_to: Position(1), ..good.clone() },
        Signed { root: "00".to_owned(), ..good.clone() },
        Signed { public_key: other, ..good.clone() },
        Signed { public_key: "zz".to_owned(), ..good.clone() },
        Signed { signature: String::new(), ..good.clone() },
    ] {
        assert!(!is_genuine(&bad), "{bad:?}");
    }
}
