//! A log as it was exported by `hub events --json`: its chain holds, it folds to what it
//! meant, and its sealed content opens with its key.

use chrono::{DateTime, Utc};
use hub_events::account::{Account, Tier};
use hub_events::claim::Claim;
use hub_events::collection::Collection;
use hub_events::counter::Counter;
use hub_events::execution::{Execution, Status};
use hub_events::fact::{Fact, decode_as};
use hub_events::id::{AccountId, StreamId};
use hub_events::log::Chain;
use hub_events::recorded::Hash;
use hub_events::sealed::{Content, DataKey, KeyId, Sealed};
use hub_events::workflow::Workflow;
use hub_events::{Actor, Context, Decider, Position, Recorded, Version};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use serde_json::value::RawValue;
use uuid::Uuid;

#[derive(Deserialize)]
struct Line {
    position: Position,
    at: DateTime<Utc>,
    stream: StreamId,
    version: Version,
    #[serde(rename = "type")]
    event_type: String,
    schema: u16,
    account: Option<AccountId>,
    actor: String,
    correlation: Uuid,
    causation: Option<Position>,
    data: Box<RawValue>,
    hash: String,
}

impl From<Line> for Recorded {
    fn from(line: Line) -> Self {
        let mut hash = Hash::default();
        hex::decode_to_slice(&line.hash, &mut hash.0).unwrap();
        let context = Context {
            at: line.at,
            account: line.account,
            actor: line.actor.parse().unwrap(),
            correlation: line.correlation,
            causation: line.causation,
        };
        Self {
            position: line.position,
            stream: line.stream,
            version: line.version,
            event_type: line.event_type.into(),
            schema: line.schema,
            context,
            data: line.data.get().into(),
            hash,
        }
    }
}

fn events() -> Vec<Recorded> {
    let lines = include_str!("log.jsonl").lines();
    lines.map(|line| serde_json::from_str::<Line>(line).unwrap().into()).collect()
}

/// The state of a thing in this log.
fn state<D: Decider>(stream: &str) -> D {
    let mut state = D::default();
    for event in events().iter().filter(|event| event.stream.as_str() == stream) {
        state.evolve(&decode_as::<D::Event>(event).unwrap());
    }
    state
}

/// The content that account 1 sealed.
fn open<T: DeserializeOwned>(sealed: &Sealed<T>) -> T {
    let Content::Inline(bytes) = sealed.content() else { panic!("it is in a blob") };
    DataKey::new(KeyId(1), AccountId(1), &[7; 32]).open(bytes).unwrap()
}

#[test]
fn its_chain_holds() {
    let mut chain = Chain::default();
    for event in &events() {
        chain.check(event).unwrap();
    }
    let counts = (chain.events(), chain.streams(), chain.position());
    assert_eq!(counts, (34, 7, Position(34)));
}

#[test]
fn what_is_altered_is_noticed() {
    let alterations: [fn(&mut Recorded); 10] = [
        |event| event.data = event.data.replacen('1', "2", 1).into(),
        |event| event.context.at += chrono::TimeDelta::microseconds(1),
        |event| event.context.account = Some(AccountId(9)),
        |event| event.context.actor = Actor::Account(AccountId(9)),
        |event| event.context.correlation = Uuid::from_u128(9),
        |event| event.context.causation = Some(Position(9)),
        |event| event.event_type = "account.key_revoked".into(),
        |event| event.schema += 1,
        |event| event.stream = StreamId::new("account", "2"),
        |event| event.version = event.version.plus(1),
    ];
    let events = events();
    for (number, alter) in alterations.into_iter().enumerate() {
        let mut first = events[0].clone();
        alter(&mut first);
        assert_ne!(first, events[0], "alteration {number}");
        assert!(Chain::default().check(&first).is_err(), "alteration {number}");
    }

    // The first event of an account that has more.
    let (left_out, mut chain) = (&events[1], Chain::default());
    let mut others = events.iter().filter(|event| *event != left_out);
    let fault = others.find_map(|event| chain.check(event).err()).unwrap();
    assert_eq!((fault.stream, fault.position), (left_out.stream.clone(), Position(3)));
}

#[test]
fn it_means_what_it_meant() {
    assert_eq!(state::<Counter>("counter-ids.execution").taken(), 100);
    assert_eq!(state::<Claim>("claim-email.5f3c").holder(), Some(AccountId(1)));
    assert_eq!(state::<Account>("account-1").tier(), Some(Tier::Pro));

    let files = state::<Collection>("collection-1.files");
    let item = files.item("a1").unwrap();
    assert_eq!((open(&item.item), item.size), (json!({ "name": "report.pdf" }), 70_000));
    assert!(matches!(item.content.as_ref().unwrap().content(), Content::Blob(_)));
    assert_eq!(files.items().count(), 1);

    let workflow = state::<Workflow>("workflow-3");
    assert_eq!((workflow.version(), workflow.definition()), (2, None));

    let run = state::<Execution>("execution-7");
    assert_eq!(run.status(), Status::Completed);
    let results: Vec<_> = run.results().iter().map(|(step, it)| (*step, open(it))).collect();
    assert_eq!(results, [(2, json!({ "sent": true })), (3, json!({ "waited": 60 }))]);
    assert_eq!(open(&run.begun().unwrap().input)["city"], "Nairobi");

    let stopped = state::<Execution>("execution-8");
    assert_eq!((stopped.status(), stopped.in_doubt()), (Status::Cancelled, true));
}

#[test]
fn every_kind_is_in_it() {
    let kinds = |fact: Fact| std::mem::discriminant(&fact);
    let here: std::collections::HashSet<_> =
        events().iter().map(|event| kinds(Fact::decode(event).unwrap())).collect();
    assert_eq!(here.len(), 6);
}
