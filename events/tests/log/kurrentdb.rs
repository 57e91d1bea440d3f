//! The KurrentDB engine's server for tests: the real one where `HUB_KURRENT_URL` names it, else
//! a stand-in that speaks as much of its protocol; and what the engine does when that breaks.

#[path = "kurrentdb/proto.rs"]
mod proto;
#[path = "kurrentdb/serve.rs"]
mod serve;
#[path = "kurrentdb/store.rs"]
mod store;

use std::time::Duration;

use futures_util::StreamExt as _;
use hub_events::log::AppendError;
use hub_events::log::kurrentdb::KurrentDb;

use super::*;
use serve::StandIn;
use store::Fault;

/// A name that was never used before.
#[allow(clippy::disallowed_methods)]
fn fresh() -> String {
    Uuid::new_v4().simple().to_string()
}

/// A server, with room of its own for one test.
pub(super) struct Server {
    address: String,
    prefix: String,
    stand_in: Option<StandIn>,
    place: tempfile::TempDir,
}

impl Server {
    pub(super) async fn new() -> Self {
        let prefix = format!("t{}", fresh());
        match std::env::var("HUB_KURRENT_URL") {
            Ok(address) => {
                Self { address, prefix, stand_in: None, place: tempfile::tempdir().unwrap() }
            }
            Err(_) => Self { prefix, ..Self::standing_in() },
        }
    }

    fn standing_in() -> Self {
        let stand_in = StandIn::start();
        let (address, prefix) = (stand_in.address(), "hub".to_owned());
        Self { address, prefix, stand_in: Some(stand_in), place: tempfile::tempdir().unwrap() }
    }

    pub(super) async fn open(&self) -> Arc<KurrentDb> {
        KurrentDb::open(&self.address, &self.prefix, &self.lock()).await.unwrap()
    }

    /// Each hub of a test is on a machine of its own.
    fn lock(&self) -> PathBuf {
        self.place.path().join(fresh())
    }

    fn stand_in(&mut self) -> &mut StandIn {
        self.stand_in.as_mut().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_is_there_when_it_is_opened_again() {
    let server = Server::new().await;
    let log = server.open().await;
    log.append(with(command(1), append(&stream(1), 0, 3))).await.unwrap();
    log.append(with(command(2), append(&stream(2), 0, 0))).await.unwrap();
    let (events, head) = (sound(&*log).await, log.head());
    let did = [command(1), command(2)].map(|command| command.key);
    let before = [log.remembered(did[0]).await.unwrap(), log.remembered(did[1]).await.unwrap()];
    assert!(before.iter().all(Option::is_some));
    drop(log);
    let log = server.open().await;
    assert_eq!((sound(&*log).await, log.head()), (events.clone(), head));
    let after = [log.remembered(did[0]).await.unwrap(), log.remembered(did[1]).await.unwrap()];
    assert_eq!(after, before);
    log.append(append(&stream(1), 3, 1)).await.unwrap();
    assert_eq!(sound(&*log).await.len(), 4);

    let reading = KurrentDb::open_read_only(&server.address, &server.prefix).await.unwrap();
    assert_eq!(sound(&*reading).await.len(), 4);
    let refused = reading.append(append(&stream(1), 4, 1)).await;
    assert!(matches!(refused, Err(AppendError::Refusing(_))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_prefixes_know_nothing_of_each_other() {
    let (one, mut two) = (Server::new().await, Server::new().await);
    two.address.clone_from(&one.address);
    two.prefix = format!("{}2", one.prefix);
    let (one, two) = (one.open().await, two.open().await);
    one.append(append(&stream(1), 0, 2)).await.unwrap();
    two.append(append(&stream(1), 0, 1)).await.unwrap();
    assert_eq!(sound(&*one).await.len(), 2);
    assert_eq!(sound(&*two).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_to_open_it_writes() {
    let server = Server::new().await;
    let first = server.open().await;
    first.append(append(&stream(1), 0, 1)).await.unwrap();
    let second = server.open().await;
    second.append(append(&stream(1), 1, 1)).await.unwrap();
    // What it knows by heart is out of date, and that is noticed.
    let conflict = first.append(append(&stream(1), 1, 1)).await;
    assert_eq!(conflict, Err(AppendError::WrongVersion { current: Version(2) }));
    while first.refusing().is_none() {
        tokio::task::yield_now().await;
    }
    let refused = first.append(append(&stream(2), 0, 1)).await;
    assert!(matches!(refused, Err(AppendError::Refusing(_))), "{refused:?}");
    second.append(append(&stream(1), 2, 1)).await.unwrap();
    assert_eq!(sound(&*second).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_happens_once_however_its_answer_is_lost() {
    for fault in [Fault::AnswerLost, Fault::RequestLost, Fault::AnswerWithoutPosition] {
        let mut server = Server::standing_in();
        let log = server.open().await;
        log.append(append(&stream(1), 0, 1)).await.unwrap();
        server.stand_in().next(fault);
        let (one, two) = tokio::join!(
            log.append(with(command(1), append(&stream(1), 1, 2))),
            log.append(append(&stream(2), 0, 1)),
        );
        assert_eq!((one.unwrap().version, two.unwrap().version), (Version(3), Version(1)));
        assert!(log.remembered(command(1).key).await.unwrap().is_some());
        assert_eq!(sound(&*log).await.len(), 4, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_refuses_was_not_written() {
    let mut server = Server::standing_in();
    let log = server.open().await;
    server.stand_in().next(Fault::Refused);
    let refused = log.append(append(&stream(1), 0, 1)).await;
    assert!(matches!(refused, Err(AppendError::Refusing(_))), "{refused:?}");
    log.append(append(&stream(1), 0, 1)).await.unwrap();
    assert_eq!(sound(&*log).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_on_when_the_server_comes_back() {
    let mut server = Server::standing_in();
    let log = server.open().await;
    let mut news = log.follow(Position(0));
    log.append(append(&stream(1), 0, 1)).await.unwrap();
    assert_eq!(news.next().await.unwrap().unwrap().len(), 1);
    server.stand_in().stop();
    let failed = log.append(append(&stream(1), 1, 1)).await;
    assert!(
        matches!(failed, Err(AppendError::Refusing(_) | AppendError::Unknown(_))),
        "{failed:?}"
    );
    assert!(log.refusing().is_some());
    assert!(log.read_all(Position(0), 1).await.is_err());
    server.stand_in().go_on();
    while log.refusing().is_some() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    log.append(append(&stream(1), 1, 1)).await.unwrap();
    assert_eq!(news.next().await.unwrap().unwrap()[0].version, Version(2));
    assert_eq!(sound(&*log).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_leaves_one_event_behind() {
    let mut server = Server::standing_in();
    let log = server.open().await;
    log.append(append(&stream(1), 0, 9)).await.unwrap();
    for version in 1..=9 {
        let (stream, state) = (stream(1), "{}".to_owned());
        let version = Version(version);
        log.save_snapshot(hub_events::log::Snapshot { stream, version, state_version: 1, state });
    }
    log.append(append(&stream(1), 9, 1)).await.unwrap();
    let kept = log.load_snapshot(&stream(1), 1).await.unwrap().unwrap();
    assert_eq!(kept.version, Version(9));
    assert_eq!(server.stand_in().visible("hub~snapshot-counter-1"), 1);
}

#[tokio::test]
async fn an_address_that_is_none_is_not_repeated() {
    let server = Server::standing_in();
    for (address, prefix) in [("esdb://:hunter2@", "hub"), ("hunter2", "hub"), ("esdb://a", "a.b")]
    {
        let lock = server.lock();
        let error = KurrentDb::open(address, prefix, &lock).await.unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
