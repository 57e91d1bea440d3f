//! The command line, run as a process over a data directory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use hub_events::counter::{BlockTaken, Counter, Event};
use hub_events::id::StreamId;
use hub_events::log::sqlite::Sqlite;
use hub_events::log::{Append, Log as _, NewEvent};
use hub_events::{Actor, Context, Decider as _, Version};
use serde_json::{Value, json};
use tempfile::TempDir;

/// `hub` with arguments, over a directory, untouched by the environment.
fn hub(directory: &Path, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hub"));
    command.env_clear().current_dir(directory).args(line.split_whitespace());
    command
}

/// Until a new process has begun its program it holds every open file, and so the locks of the
/// logs that other tests have open. Meanwhile none may be closed: it would stay locked.
static BEGINNING: Mutex<()> = Mutex::new(());

fn begin(mut command: Command) -> Child {
    let _turn = BEGINNING.lock().unwrap();
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn run(command: Command) -> Output {
    begin(command).wait_with_output().unwrap()
}

fn close(log: Arc<Sqlite>) {
    let _turn = BEGINNING.lock().unwrap();
    drop(log);
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What a command that must succeed prints.
fn prints(directory: &Path, line: &str) -> String {
    let Output { status, stdout, stderr } = run(hub(directory, line));
    assert!(status.success(), "hub {line}: {}", text(&stderr));
    assert_eq!(text(&stderr), "", "hub {line}");
    text(&stdout)
}

/// The JSON lines that a command that must succeed prints.
fn records(directory: &Path, line: &str) -> Vec<Value> {
    let printed = prints(directory, &format!("{line} --json"));
    printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What a command that must fail says, with its exit code.
fn fails(directory: &Path, line: &str) -> (i32, String) {
    let Output { status, stderr, .. } = run(hub(directory, line));
    (status.code().unwrap(), text(&stderr))
}

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap()
}

/// Takes block number `version` (from 1) of ten numbers, as many seconds after the start.
async fn take(log: &Arc<Sqlite>, counter: &str, version: u64) {
    let block = version as i64 * 10;
    let taken = Event::BlockTaken(BlockTaken { first: block - 9, last: block });
    let context = Context {
        at: start() + TimeDelta::seconds(version as i64),
        account: None,
        actor: Actor::Hub,
        correlation: uuid::Uuid::nil(),
        causation: None,
    };
    let append = Append {
        stream: StreamId::new(Counter::KIND, counter),
        expected: Version(version - 1),
        events: vec![NewEvent::of(&taken).unwrap()],
        context,
        command: None,
    };
    log.append(append).await.unwrap();
}

/// A data directory `data` with two counters: positions 1, 3, 5 are `a`, 2, 4, 6 are `b`.
async fn two_counters() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("data")).unwrap();
    let log = Sqlite::open(&directory.path().join("data/hub.db")).unwrap();
    for version in 1..=3 {
        take(&log, "a", version).await;
        take(&log, "b", version).await;
    }
    close(log);
    directory
}

#[tokio::test]
async fn events_are_printed_as_asked_for() {
    let directory = two_counters().await;
    for (flags, positions) in [
        ("", vec![1, 2, 3, 4, 5, 6]),
        ("--from 5", vec![5, 6]),
        ("--limit 2", vec![1, 2]),
        ("--stream counter-b", vec![2, 4, 6]),
        ("--stream counter-b --from 3 --limit 1", vec![4]),
        ("--stream counter-c", vec![]),
        ("--type counter", vec![1, 2, 3, 4, 5, 6]),
        ("--type counter.block_taken --from 6", vec![6]),
        ("--type count", vec![]),
    ] {
        let records = records(directory.path(), &format!("events {flags}"));
        let found: Vec<_> = records.iter().map(|event| event["position"].as_u64()).collect();
        let positions: Vec<_> = positions.into_iter().map(Some).collect();
        assert_eq!(found, positions, "events {flags}");
    }
    let first = records(directory.path(), "events --limit 1").remove(0);
    assert_eq!(first["type"], "counter.block_taken");
    assert_eq!(first["data"], json!({"first": 1, "last": 10}));
    let line = prints(directory.path(), "events --limit 1");
    for part in ["counter-a v1", "2023-11-14T22:13:21.000Z", r#"{"first":1,"last":10}"#] {
        assert!(line.contains(part), "{line} lacks {part}");
    }
}

#[tokio::test]
async fn new_events_are_followed_beside_the_process_that_writes_them() {
    let directory = two_counters().await;
    let log = Sqlite::open(&directory.path().join("data/hub.db")).unwrap();
    for (flags, next) in [("--from 6", 4), ("--stream counter-b --from 6", 5)] {
        let line = format!("events --json --follow {flags}");
        let mut following = begin(hub(directory.path(), &line));
        let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
        let mut version = || -> Value {
            let event: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
            event["version"].clone()
        };
        (3..next).for_each(|on_record| assert_eq!(version(), on_record));
        take(&log, "b", next).await;
        assert_eq!(version(), next);
        following.kill().unwrap();
        following.wait().unwrap();
    }
}

#[tokio::test]
async fn a_reader_that_has_enough_ends_the_command_quietly() {
    let directory = two_counters().await;
    let log = Sqlite::open(&directory.path().join("data/hub.db")).unwrap();
    // More than a pipe holds.
    for version in 1..=500 {
        take(&log, "c", version).await;
    }
    let mut child = begin(hub(directory.path(), "events --json"));
    child.stdout.take().unwrap().read_exact(&mut [0; 10]).unwrap();
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    assert_eq!((status.code(), text(&stderr).as_str()), (Some(0), ""));
}

#[tokio::test]
async fn a_state_is_replayed_at_any_moment() {
    let directory = two_counters().await;
    for (at, version, taken) in [
        ("", 3, 30),
        ("--at 1", 1, 10),
        ("--at 3", 3, 30),
        ("--at 2023-11-14T22:13:22Z", 2, 20),
        ("--at 2023-11-15T00:13:22.5+02:00", 2, 20),
        ("--at 2030-01-01T00:00:00Z", 3, 30),
    ] {
        let state = records(directory.path(), &format!("replay counter-a {at}")).remove(0);
        assert_eq!(state["version"], version, "{at}");
        assert_eq!(state["state"], json!({ "taken": taken }), "{at}");
    }
    let printed = prints(directory.path(), "replay counter-a");
    assert_eq!(serde_json::from_str::<Value>(&printed).unwrap()["stream"], "counter-a");
    for (line, code, said) in [
        ("replay counter-c", 1, "there is no stream counter-c"),
        ("replay counter-a --at 4", 1, "has no version 4; its last is 3"),
        ("replay counter-a --at 2000-01-01T00:00:00Z", 1, "had not begun at 2000-01-01T00:00:00Z"),
        ("replay thing-1", 1, "`thing` is no kind"),
        ("replay counter", 2, "a hyphen"),
        ("replay counter-a --at 0", 2, "the first version is 1"),
        ("replay counter-a --at noon", 2, "neither a version"),
    ] {
        let (found, told) = fails(directory.path(), line);
        assert!(found == code && told.contains(said), "hub {line}: {found} {told}");
    }
}

#[tokio::test]
async fn a_log_that_was_tampered_with_is_found_at_its_first_bad_position() {
    const DATA: &str = "UPDATE events SET data = '{\"first\":1,\"last\":9}' WHERE position = ";
    for (change, position, said) in [
        (format!("{DATA}1"), 1, "stream counter-a: the hash does not follow"),
        (format!("{DATA}6"), 6, "stream counter-b: the hash does not follow"),
        ("UPDATE events SET actor = 7 WHERE position = 4".into(), 4, "the hash"),
        ("DELETE FROM events WHERE position = 3".into(), 3, "is missing"),
        ("DELETE FROM events WHERE position = 1".into(), 1, "is missing"),
        ("UPDATE events SET hash = x'00' WHERE position = 5".into(), 5, "5: "),
        (format!("UPDATE events SET hash = x'00' WHERE position = 5; {DATA}3"), 3, "the hash"),
    ] {
        let directory = two_counters().await;
        let path = directory.path();
        let sound = json!({
            "ok": true, "events": 6, "streams": 2, "head": 6, "checkpoints": 0, "key": null
        });
        assert_eq!(records(path, "verify"), [sound]);
        let database = rusqlite::Connection::open(path.join("data/hub.db")).unwrap();
        let unlocked = "DROP TRIGGER events_are_not_updated; DROP TRIGGER events_are_not_deleted;";
        database.execute_batch(&format!("{unlocked}{change}")).unwrap();
        let (code, told) = fails(path, "verify");
        let place = format!("broken at position {position}");
        assert!(code == 1 && told.contains(&place) && told.contains(said), "{change}: {told}");
        let verdict = run(hub(path, "verify --json")).stdout;
        let verdict: Value = serde_json::from_slice(&verdict).unwrap();
        assert_eq!((&verdict["ok"], &verdict["position"]), (&json!(false), &json!(position)));
        assert_eq!(verdict["events"], position - 1);
    }
}

#[tokio::test]
async fn read_models_are_rebuilt_when_nobody_holds_the_log() {
    let directory = two_counters().await;
    let log = Sqlite::open(&directory.path().join("data/hub.db")).unwrap();
    for line in ["rebuild", "account list", "key list"] {
        let (code, told) = fails(directory.path(), line);
        assert!(code == 1 && told.contains("stop the server first"), "hub {line}: {told}");
    }
    close(log);
    assert_eq!(records(directory.path(), "rebuild"), [json!({"events": 6})]);
}

#[test]
fn what_is_missing_or_senseless_is_named() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("empty")).unwrap();
    for line in
        ["events", "replay a-1", "verify", "rebuild", "account list", "key list", "key revoke x"]
    {
        let (code, told) = fails(directory.path(), line);
        assert_eq!(code, 1, "hub {line}");
        assert!(told.contains("no data directory data; `hub serve --data-dir data`"), "{told}");
        let (code, told) = fails(directory.path(), &format!("--data-dir empty {line}"));
        assert_eq!(code, 1, "hub {line}");
        assert!(told.contains("no log (hub.db) in the data directory empty"), "{told}");
    }
    assert!(!directory.path().join("data").exists(), "asking makes nothing");
    for (line, code, said) in [
        ("--listen x:1 verify", 2, "`--listen` is for `hub serve`"),
        ("verify --config nowhere.toml", 1, "nowhere.toml"),
        ("account add --email x --tier free", 2, "name@example.com"),
        ("account add --email x@y --tier gold", 2, "free, starter, business, pro, enterprise"),
        ("key add --account 1 --expires-in-days 0", 2, "1..=36500"),
        ("serve --listen nowhere", 1, "cannot listen on nowhere"),
    ] {
        let (found, told) = fails(directory.path(), line);
        assert!(found == code && told.contains(said), "hub {line}: {found} {told}");
    }
}

#[test]
fn settings_are_shown_in_the_form_of_their_file_without_secrets() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = hub(directory.path(), "config --data-dir elsewhere");
    command.env("HUB_OWNER_KEY", "very-secret-key-1").env("HUB_RUNS__WAIT_S", "7");
    let shown = text(&run(command).stdout);
    assert!(!shown.contains("very-secret"), "{shown}");
    let shown: toml::Table = shown.parse().unwrap();
    assert_eq!(shown["data_dir"].as_str(), Some("elsewhere"));
    assert_eq!(shown["runs"]["wait_s"].as_integer(), Some(7));
    assert_eq!(records(directory.path(), "config")[0]["listen"], "127.0.0.1:8080");
}

#[tokio::test]
async fn accounts_are_opened_and_get_keys_that_end() {
    let directory = two_counters().await;
    let path = directory.path();
    let account = records(path, "account add --email a@b.example --tier pro").remove(0);
    let number = account["account"].as_i64().unwrap();
    let (code, told) = fails(path, "account add --email A@B.example --tier free");
    assert!(code == 1 && told.contains("belongs to an account already"), "{told}");
    let listed = records(path, "account list").remove(0);
    assert_eq!((&listed["email"], &listed["tier"]), (&json!("a@b.example"), &json!("pro")));

    let add = format!("key add --account {number} --scope read --expires-in-days 3");
    let added = records(path, &add).remove(0);
    let key = added["key"].as_str().unwrap();
    let (code, told) = fails(path, &format!("key add --account {}", number + 1));
    assert!(code == 1 && told.contains("Account not found"), "{told}");
    let listed = prints(path, "key list");
    assert!(listed.contains(&key[..8]) && !listed.contains(key), "{listed}");
    let listed = records(path, "key list").remove(0);
    assert_eq!((&listed["scope"], &listed["state"]), (&json!("read"), &json!("live")));
    assert_eq!(listed["expires_at"], added["expires_at"]);
    assert!(records(path, &format!("key list --account {}", number + 1)).is_empty());

    let revoke = format!("key revoke {}", listed["id"].as_str().unwrap());
    assert_eq!(records(path, &revoke)[0]["account"], number);
    assert_eq!(records(path, "key list")[0]["state"], "revoked");
    let (code, told) = fails(path, &revoke);
    assert!(code == 1 && told.contains("revoked before"), "{told}");
    assert_eq!(records(path, "verify")[0]["ok"], true);
}

#[tokio::test]
async fn the_master_key_is_rotated_and_everything_stays_open() {
    let directory = two_counters().await;
    let path = directory.path();
    let key_file = || std::fs::read_to_string(path.join("data/master.key")).unwrap();
    records(path, "account add --email a@b.example --tier pro");
    let (accounts, before) = (records(path, "account list"), key_file());
    let rotated = records(path, "vault rotate").remove(0);
    assert_eq!(rotated["data_keys"], 1);
    assert_ne!(before, key_file());
    assert_eq!(records(path, "account list"), accounts);
    assert!(!path.join("data/master.key.new").exists());

    // The operator takes the key into his own keeping, and then out of the data directory.
    let (third, fourth) = ("07".repeat(32), "08".repeat(32));
    let with = |line: &str, present: Option<&str>, new: Option<&str>| {
        let mut command = hub(path, line);
        for (name, value) in [("HUB_MASTER_KEY", present), ("HUB_NEW_MASTER_KEY", new)] {
            value.map(|value| command.env(name, value));
        }
        let Output { status, stdout, stderr } = run(command);
        (status.success(), text(&stdout) + &text(&stderr))
    };
    let (well, told) = with("vault rotate", None, Some(&third));
    assert!(well && told.contains("HUB_MASTER_KEY must give the new key"), "{told}");
    assert!(!told.contains(&third));
    std::fs::remove_file(path.join("data/master.key")).unwrap();
    let (well, told) = with("vault rotate", Some(&third), None);
    assert!(!well && told.contains("HUB_NEW_MASTER_KEY"), "{told}");
    let (well, told) = with("account list", Some(&fourth), None);
    assert!(!well && told.contains("does not open this vault"), "{told}");
    let (well, told) = with("account list", Some(&third), None);
    assert!(well && told.contains("a@b.example"), "{told}");
}
