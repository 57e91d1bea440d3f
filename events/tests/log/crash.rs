//! What a crash leaves behind: every acknowledged event, and at most a torn tail.

use hub_events::log::OpenError;

use super::*;

const HEADER: u64 = 32;
const FRAME: u64 = 24 + 4_096;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_there_after_a_crash() {
    let place = Place::new();
    let log = place.open();
    for version in 0..20 {
        log.append(with(command(version as u8), append(&stream(1), version, 1))).await.unwrap();
        let crashed = place.crashed();
        let after = crashed.open();
        assert_eq!(sound(&*after).await, sound(&*log).await);
        assert!(after.remembered(command(version as u8).key).await.unwrap().is_some());
        after.append(append(&stream(1), version + 1, 1)).await.unwrap();
    }
}

/// Whatever of the last write is missing, what is left is whole and can be gone on from.
#[tokio::test(flavor = "multi_thread")]
async fn a_torn_tail_is_cut() {
    let place = Place::new();
    let log = place.open();
    for version in 0..5 {
        log.append(append(&stream(1), version, 1)).await.unwrap();
    }
    let before = sound(&*log).await;
    let crashed = place.crashed();
    let length = crashed.wal().metadata().unwrap().len();
    for cut in [1, 100, FRAME - 1, FRAME, FRAME + 1, 3 * FRAME + 7, length - HEADER, length] {
        let torn = place.crashed();
        let wal = std::fs::File::options().write(true).open(torn.wal()).unwrap();
        wal.set_len(length.saturating_sub(cut)).unwrap();
        if length.saturating_sub(cut) <= HEADER {
            // Not even the layout may be left, as in a crash during the first start.
            std::fs::remove_file(torn.path()).unwrap();
        }
        let log = torn.open();
        let after = sound(&*log).await;
        assert_eq!(after, before[..after.len()], "cut by {cut}");
        log.append(append(&stream(1), after.len() as u64, 1)).await.unwrap();
        drop(log);
        assert_eq!(sound(&*torn.open()).await.len(), after.len() + 1);
    }
}

/// A write-ahead log ends, for SQLite, at the first frame that is not whole. Where more was
/// committed after it, that is damage, and events would be lost without a word.
#[tokio::test(flavor = "multi_thread")]
async fn damage_in_the_middle_of_the_write_ahead_log_is_not_taken_for_its_end() {
    let place = Place::new();
    let log = place.open();
    for version in 0..5 {
        log.append(append(&stream(1), version, 1)).await.unwrap();
    }
    let frames = (place.wal().metadata().unwrap().len() - HEADER) / FRAME;
    for frame in [0, 1, frames / 2, frames - 3] {
        let damaged = place.crashed();
        let mut bytes = std::fs::read(damaged.wal()).unwrap();
        bytes[(HEADER + frame * FRAME + 2_000) as usize] ^= 1;
        std::fs::write(damaged.wal(), bytes).unwrap();
        let refused = Sqlite::open(&damaged.path());
        let told =
            matches!(&refused, Err(OpenError::Engine(why)) if why.to_string().contains("damaged"));
        assert!(told, "frame {frame}: {refused:?}");
    }
}
