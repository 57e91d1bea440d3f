#![allow(clippy::unwrap_used)]

use std::path::Path;

use hub_events::id::ConnectionId;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::store::Store;
use super::*;
use crate::config::Secret;

fn key(byte: &str) -> Secret {
    byte.repeat(32).into()
}

/// Opens the vault of a directory with a given key and the one that takes its place.
fn opened(directory: &Path, present: &str, next: Option<&str>) -> Result<Arc<Vault>, VaultError> {
    let next = next.map(key);
    let keyring = Keyring::load(directory, Some(&key(present)), next.as_ref()).unwrap();
    Vault::open(directory, keyring, Blobs::in_memory())
}

/// Opens the vault of a directory with the keys that lie in it.
fn opened_by_files(directory: &Path) -> Arc<Vault> {
    let keyring = Keyring::load(directory, None, None).unwrap();
    Vault::open(directory, keyring, Blobs::in_memory()).unwrap()
}

fn purpose() -> Purpose {
    ConnectionId(7).into()
}

/// Gives accounts 1 to `count` a data key and a secret.
fn fill(vault: &Vault, count: i64) {
    for account in 1..=count {
        vault.open_account(AccountId(account)).unwrap();
        vault.keep_secret(AccountId(account), &purpose(), &json!({ "token": account })).unwrap();
    }
}

/// Everything that was put in can be read.
#[track_caller]
fn holds(vault: &Vault, count: i64) {
    for account in 1..=count {
        let secret = vault.secret(AccountId(account), &purpose()).unwrap();
        assert_eq!(secret, Some(json!({ "token": account })), "of account {account}");
    }
}

/// The file's bytes, the write-ahead log among them.
fn bytes(directory: &Path) -> Vec<u8> {
    let read = |name| std::fs::read(directory.join(name)).unwrap_or_default();
    [read("vault.db"), read("vault.db-wal")].concat()
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn sealed(vault: &Vault, account: i64) -> Vec<u8> {
    let sql = "SELECT sealed FROM secrets WHERE account = ?1";
    vault.store.lock().file.query_row(sql, [account], |row| row.get(0)).unwrap()
}

#[test]
fn a_secret_is_kept_replaced_and_forgotten_without_a_trace() {
    let directory = TempDir::new().unwrap();
    let vault = opened(directory.path(), "07", None).unwrap();
    let (account, other) = (AccountId(1), AccountId(2));
    fill(&vault, 2);
    let first = sealed(&vault, 1);
    assert!(contains(&bytes(directory.path()), &first));
    vault.keep_secret(account, &purpose(), &json!("second")).unwrap();
    let second = sealed(&vault, 1);
    assert!(!contains(&bytes(directory.path()), &first), "the first one is still there");
    assert_eq!(vault.secret(account, &purpose()).unwrap(), Some(json!("second")));
    drop(vault);

    let vault = opened(directory.path(), "07", None).unwrap();
    assert_eq!(vault.secret(account, &purpose()).unwrap(), Some(json!("second")));
    assert_eq!(vault.secret(account, &Purpose::new("llm", "openai")).unwrap(), None);
    for _ in 0..2 {
        vault.forget_secret(account, &purpose()).unwrap();
        assert_eq!(vault.secret(account, &purpose()).unwrap(), None);
    }
    assert!(!contains(&bytes(directory.path()), &second), "the second one is still there");
    assert_eq!(vault.secret(other, &purpose()).unwrap(), Some(json!({ "token": 2 })));
    let nobody = vault.keep_secret(AccountId(3), &purpose(), &Value::Null);
    assert!(matches!(nobody, Err(VaultError::NoKey(AccountId(3)))));
}

#[test]
fn a_secret_that_was_moved_to_another_place_does_not_open() {
    let directory = TempDir::new().unwrap();
    let vault = opened(directory.path(), "07", None).unwrap();
    fill(&vault, 2);
    for (change, place) in [
        ("UPDATE secrets SET purpose = 'connection:8' WHERE account = 1", (1, ConnectionId(8))),
        ("UPDATE secrets SET account = 3 - account", (2, ConnectionId(8))),
    ] {
        vault.store.lock().file.execute(change, []).unwrap();
        let moved = vault.secret(AccountId(place.0), &place.1.into());
        assert!(matches!(moved, Err(VaultError::Seal(SealError::Closed))), "{change}");
    }
}

#[test]
fn only_its_own_master_key_opens_a_vault() {
    let directory = TempDir::new().unwrap();
    fill(&opened(directory.path(), "07", None).unwrap(), 1);
    let wrong = opened(directory.path(), "08", None);
    assert!(matches!(wrong, Err(VaultError::WrongMaster)));
    let wrong = opened(directory.path(), "08", Some("09"));
    assert!(matches!(wrong, Err(VaultError::WrongMaster)));
}

#[test]
fn a_rotation_changes_the_master_key_and_nothing_else() {
    const ACCOUNTS: i64 = 70;
    let directory = TempDir::new().unwrap();
    let vault = opened(directory.path(), "07", Some("08")).unwrap();
    fill(&vault, ACCOUNTS);
    let (index, derived) = (vault.index("email", "a@b"), vault.derived_key("jwt"));
    let before = vault.rotate().unwrap();
    assert_eq!(before.data_keys, ACCOUNTS as u64);
    // Who came meanwhile, and who is known already, go on alike.
    fill(&vault, ACCOUNTS + 1);
    holds(&vault, ACCOUNTS + 1);
    assert!(matches!(vault.rotate(), Err(VaultError::NoNewMaster)));
    drop(vault);

    assert!(matches!(opened(directory.path(), "07", None), Err(VaultError::WrongMaster)));
    let vault = opened(directory.path(), "07", Some("08")).unwrap();
    holds(&vault, ACCOUNTS + 1);
    drop(vault);
    let vault = opened(directory.path(), "08", Some("09")).unwrap();
    assert_eq!(vault.index("email", "a@b"), index);
    assert_eq!(vault.derived_key("jwt"), derived);
    assert_eq!(vault.rotate().unwrap().data_keys, ACCOUNTS as u64 + 1);
    drop(vault);
    holds(&opened(directory.path(), "09", None).unwrap(), ACCOUNTS + 1);
}

/// Begins a rotation and breaks off after so many rows.
fn broken_off(store: &mut Store, rows: u32) {
    let (old, new) = store.begin_rotation().unwrap();
    store.rewrap(&old, &new, rows).unwrap();
}

#[test]
fn a_rotation_that_broke_off_at_any_row_goes_on() {
    for rows in 0..=3 {
        let directory = TempDir::new().unwrap();
        let vault = opened(directory.path(), "07", Some("08")).unwrap();
        fill(&vault, 3);
        broken_off(&mut vault.store.lock(), rows);
        holds(&vault, 3);
        drop(vault);

        for present in ["07", "08"] {
            let alone = opened(directory.path(), present, None);
            assert!(matches!(alone, Err(VaultError::HalfRotated)), "{present}, {rows} rows");
        }
        let vault = opened(directory.path(), "07", Some("08")).unwrap();
        holds(&vault, 3);
        fill(&vault, 4);
        let left = vault.rotate().unwrap().data_keys;
        assert_eq!(left, 3 - u64::from(rows), "the fourth has the new key from the beginning");
        drop(vault);
        holds(&opened(directory.path(), "08", None).unwrap(), 4);
    }
}

#[test]
fn a_second_rotation_waits_for_the_first() {
    let directory = TempDir::new().unwrap();
    let vault = opened(directory.path(), "07", Some("08")).unwrap();
    fill(&vault, 2);
    broken_off(&mut vault.store.lock(), 1);
    drop(vault);
    let vault = opened(directory.path(), "08", Some("07")).unwrap();
    assert!(matches!(vault.rotate(), Err(VaultError::OtherRotation)));
    holds(&vault, 2);
}

#[test]
fn without_a_given_key_a_rotation_makes_one() {
    let directory = TempDir::new().unwrap();
    let file = |name: &str| std::fs::read_to_string(directory.path().join(name)).ok();
    let vault = opened_by_files(directory.path());
    fill(&vault, 2);
    let first = file("master.key");
    assert_eq!(vault.rotate().unwrap().data_keys, 2);
    let second = file("master.key");
    assert_ne!(first, second);
    assert_eq!(file("master.key.new"), None);
    assert_eq!(vault.rotate().unwrap().data_keys, 2);
    assert_ne!(second, file("master.key"));
    drop(vault);

    // Broken off, and begun again by another process.
    let vault = opened_by_files(directory.path());
    broken_off(&mut vault.store.lock(), 1);
    drop(vault);
    let vault = opened_by_files(directory.path());
    holds(&vault, 2);
    let next = file("master.key.new");
    assert_eq!(vault.rotate().unwrap().data_keys, 1);
    assert_eq!(file("master.key"), next);
    drop(vault);

    // All is wrapped anew, and only the file has still its old name.
    let present = directory.path().join("master.key");
    std::fs::rename(&present, directory.path().join("master.key.new")).unwrap();
    std::fs::write(&present, first.unwrap()).unwrap();
    holds(&opened_by_files(directory.path()), 2);
    assert_eq!((file("master.key"), file("master.key.new")), (next, None));
}

/// A vault from before there was a root keeps the keys that it derived from its master key.
#[test]
fn an_older_vault_keeps_its_derived_keys() {
    let directory = TempDir::new().unwrap();
    fill(&opened(directory.path(), "07", None).unwrap(), 1);
    let file = rusqlite::Connection::open(directory.path().join("vault.db")).unwrap();
    file.execute_batch("DROP TABLE root; DROP TABLE secrets;").unwrap();
    drop(file);
    let vault = opened(directory.path(), "07", Some("08")).unwrap();
    // HKDF-SHA256 of 32 bytes 07 without salt, info `jwt`.
    let jwt = "68e63a4b9a30164a20d7130090ce4117692111f6c06ac3ade33101ec6d219454";
    assert_eq!(hex::encode(vault.derived_key("jwt")), jwt);
    vault.rotate().unwrap();
    drop(vault);
    let vault = opened(directory.path(), "08", None).unwrap();
    assert_eq!(hex::encode(vault.derived_key("jwt")), jwt);
}
