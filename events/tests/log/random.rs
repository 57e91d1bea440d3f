//! Random histories, told to both engines and to a model of three maps.

use std::collections::HashMap;

use futures_util::future::join_all;
use hub_events::log::memory::Memory;
use hub_events::log::{AppendError, Appended, Remembered};
use proptest::prelude::*;

use super::*;

/// An append that may expect the wrong version or carry a command that was there before.
#[derive(Clone, Debug)]
struct Attempt {
    stream: u8,
    off: i8,
    count: usize,
    command: Option<u8>,
}

/// Rounds of appends; those of one round are under way at the same time.
fn history() -> impl Strategy<Value = Vec<Vec<Attempt>>> {
    let off = prop_oneof![8 => Just(0), 1 => Just(-1), 1 => Just(1)];
    let attempt = (0..4_u8, off, 0..4_usize, proptest::option::weighted(0.3, 0..12_u8))
        .prop_map(|(stream, off, count, command)| Attempt { stream, off, count, command });
    proptest::collection::vec(proptest::collection::vec(attempt, 1..12), 1..8)
}

#[derive(Default)]
struct Model {
    versions: HashMap<u8, u64>,
    commands: HashMap<u8, Remembered>,
    events: Vec<(StreamId, Version, String)>,
}

impl Model {
    fn append(&mut self, attempt: &Attempt) -> (Append, Result<Appended, AppendError>) {
        let Attempt { stream: key, off, count, command: name } = attempt;
        let current = self.versions.entry(*key).or_default();
        let expected = current.saturating_add_signed(i64::from(*off));
        let mut append = append(&stream(key), expected, *count);
        append.command = name.map(command);
        if let Some(did) = name.and_then(|name| self.commands.get(&name)) {
            return (append, Err(AppendError::Duplicate(did.clone())));
        }
        if expected != *current {
            return (append, Err(AppendError::WrongVersion { current: Version(*current) }));
        }
        for event in &append.events {
            *current += 1;
            self.events.push((stream(key), Version(*current), event.data.clone()));
        }
        let version = Version(*current);
        if let Some(name) = name {
            let fingerprint = command(*name).fingerprint;
            self.commands.insert(*name, Remembered { stream: stream(key), version, fingerprint });
        }
        let position = Position(self.events.len() as u64);
        (append, Ok(Appended { position, version }))
    }
}

async fn play(history: &[Vec<Attempt>], log: &dyn Log) -> Model {
    let mut model = Model::default();
    for round in history {
        let (appends, expected): (Vec<_>, Vec<_>) =
            round.iter().map(|attempt| model.append(attempt)).unzip();
        // Polled in order, so they reach the log in order.
        let answers = join_all(appends.into_iter().map(|append| log.append(append))).await;
        assert_eq!(answers, expected);
    }
    model
}

async fn agrees(log: &dyn Log, model: &Model) -> Vec<Recorded> {
    let events = sound(log).await;
    let told: Vec<_> = events
        .iter()
        .map(|event| (event.stream.clone(), event.version, event.data.to_string()))
        .collect();
    assert_eq!(told, model.events);
    assert_eq!(log.head(), Position(events.len() as u64));
    for key in 0..4 {
        let of_stream: Vec<_> =
            events.iter().filter(|event| event.stream == stream(key)).cloned().collect();
        assert_eq!(log.read_stream(&stream(key), Version(0), 1_000).await.unwrap(), of_stream);
    }
    for name in 0..12 {
        let did = log.remembered(command(name).key).await.unwrap();
        assert_eq!(did.as_ref(), model.commands.get(&name));
    }
    events
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn engines_do_as_the_model_and_have_the_same_chain(history in history()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let memory = Memory::new();
            let model = play(&history, &*memory).await;
            let in_memory = agrees(&*memory, &model).await;

            let place = Place::new();
            let sqlite = place.open();
            let model = play(&history, &*sqlite).await;
            assert_eq!(agrees(&*sqlite, &model).await, in_memory);
            drop(sqlite);
            assert_eq!(agrees(&*place.open(), &model).await, in_memory);
        });
    }
}
