//! A history that was written anew is found by `hub verify`, however whole its chains are.

use std::path::Path;
use std::process::Command;

use ed25519_dalek::{Signer as _, SigningKey};
use hub_events::Version;
use hub_events::checkpoint::Signed;
use hub_events::id::StreamId;
use hub_events::log::Log as _;
use hub_events::log::sqlite::Sqlite;
use hub_events::recorded::Hash;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::crash::copy_all;
use crate::hub::Hub;

/// What `hub verify` says of a data directory.
fn verdict(directory: &Path, more: &[&str]) -> Value {
    let mut verify = Command::new(env!("CARGO_BIN_EXE_hub"));
    verify.env_clear().args(["verify", "--json", "--data-dir"]).arg(directory).args(more);
    serde_json::from_slice(&verify.output().unwrap().stdout).unwrap()
}

/// Changes the newest event of a stream and makes the stream's chain whole again.
async fn rewrite(directory: &Path, stream: &str, change: impl Fn(&mut Value)) {
    let file = directory.join("hub.db");
    let log = Sqlite::open_read_only(&file).unwrap();
    let stream = StreamId::parse(stream).unwrap();
    let events = log.read_stream(&stream, Version(0), 1_000).await.unwrap();
    drop(log);
    let database = rusqlite::Connection::open(file).unwrap();
    database.execute_batch("DROP TRIGGER IF EXISTS events_are_not_updated").unwrap();
    let (last, mut hash) = (events.len(), Hash::default());
    for (event, number) in events.iter().zip(1..) {
        let mut data = event.data.to_string();
        if number == last {
            let mut content = serde_json::from_str(&data).unwrap();
            change(&mut content);
            data = content.to_string();
        }
        let (version, context) = (event.version, &event.context);
        hash = hash.next(&stream, version, &event.event_type, event.schema, context, &data);
        let position = event.position.0.cast_signed();
        let sql = "UPDATE events SET data = ?1, hash = ?2 WHERE position = ?3";
        database.execute(sql, (data, hash.0.as_slice(), position)).unwrap();
    }
}

/// A checkpoint signed by somebody who has the log but not the master key.
fn forged(checkpoint: &mut Value) {
    let key = SigningKey::from_bytes(&[9; 32]);
    let mut signed: Signed = serde_json::from_value(checkpoint.clone()).unwrap();
    signed.public_key = hex::encode(key.verifying_key().as_bytes());
    signed.signature = hex::encode(key.sign(signed.message().as_bytes()).to_bytes());
    *checkpoint = serde_json::to_value(signed).unwrap();
}

#[tokio::test]
async fn a_history_written_anew_is_found() {
    let mut hub = Hub::start();
    let workflow = hub.workflow(json!([{ "tool_name": "set_variables" }])).await;
    hub.run(workflow, json!({})).await;
    hub.terminate();
    let sound = verdict(hub.directory(), &[]);
    assert_eq!((&sound["ok"], &sound["checkpoints"]), (&json!(true), &json!(1)), "{sound}");
    let place = sound["head"].as_u64().unwrap();

    type Change = fn(&mut Value);
    let cases: [(&str, Change, &str); 4] = [
        ("counter-ids.workflow", |block| block["last"] = json!(101), "does not hold"),
        ("checkpoint-log", |signed| signed["streams"] = json!(99), "signature"),
        ("checkpoint-log", |signed| signed["root"] = json!("00"), "signature"),
        ("checkpoint-log", forged, "another key"),
    ];
    for (stream, change, said) in cases {
        let copy = TempDir::new().unwrap();
        copy_all(hub.directory(), copy.path());
        rewrite(copy.path(), stream, change).await;
        let found = verdict(copy.path(), &[]);
        assert_eq!(found["ok"], false, "{said}: {found}");
        assert_eq!(found["position"], place, "{said}: {found}");
        assert_eq!(found["stream"], "checkpoint-log", "{said}: {found}");
        assert!(found["fault"].as_str().unwrap().contains(said), "{said}: {found}");
    }

    // Who has no master key goes by a key that was noted elsewhere, or sees which there is.
    std::fs::remove_file(hub.directory().join("master.key")).unwrap();
    let key = sound["key"].as_str().unwrap();
    assert_eq!(verdict(hub.directory(), &[]), sound);
    assert_eq!(verdict(hub.directory(), &["--key", key]), sound);
    let other = "ab".repeat(32);
    assert_eq!(verdict(hub.directory(), &["--key", &other])["ok"], false);
}

#[tokio::test]
async fn each_start_goes_on_from_the_last_checkpoint() {
    let mut hub = Hub::start_with(&[("HUB_CHECKPOINTS__EVENTS", "5")]);
    let workflow = hub.workflow(json!([{ "tool_name": "set_variables" }])).await;
    hub.run(workflow, json!({})).await;
    hub.kill();
    hub.restart();
    hub.run(workflow, json!({})).await;
    hub.terminate();
    let found = verdict(hub.directory(), &[]);
    assert_eq!(found["ok"], true, "{found}");
    assert!(found["checkpoints"].as_u64().unwrap() >= 2, "{found}");
}
