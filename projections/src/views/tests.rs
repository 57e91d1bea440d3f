#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use hub_events::fact::Fact;
use hub_events::id::{ExecutionId, WorkflowId};
use hub_events::log::NewEvent;
use hub_events::recorded::Recorded;
use tempfile::TempDir;

use super::*;
use crate::executions;
use crate::projection::{ApplyError, Projection};
use crate::rebuild::{rebuild, rebuild_with};
use crate::testing::{Kept, dump, whole_run};

const ONE: AccountId = AccountId(1);

fn directory() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn add_run(log: &Kept, run: i64) -> Position {
    log.add(&ExecutionId(run).stream(), ONE, run, &whole_run(run, 1, 3))
}

fn log_of(runs: i64) -> Kept {
    let log = Kept::default();
    for run in 1..=runs {
        add_run(&log, run);
    }
    log
}

fn start(log: &Kept, directory: &TempDir) -> Arc<Views> {
    Views::start(log.shared(), directory.path()).unwrap()
}

fn runs(views: &Views) -> usize {
    views.read(|views| executions::list(views, ONE, None, None)).unwrap().len()
}

/// The names of the databases in a directory, without what SQLite keeps beside them.
fn files(directory: &TempDir) -> Vec<String> {
    let names = fs::read_dir(directory.path()).unwrap();
    let mut names: Vec<_> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !name.ends_with("-wal") && !name.ends_with("-shm"));
    names.sort();
    names
}

/// Counts events, and fails at one position.
struct Picky {
    version: u32,
    fails_at: AtomicU64,
}

impl Picky {
    fn models(version: u32, fails_at: u64) -> (&'static Self, Models) {
        let picky: &'static Self =
            Box::leak(Box::new(Self { version, fails_at: AtomicU64::new(fails_at) }));
        (picky, Box::leak(Box::new([picky as &dyn Projection])))
    }
}

impl Projection for Picky {
    fn name(&self) -> &'static str {
        "picky"
    }

    fn version(&self) -> u32 {
        self.version
    }

    fn schema(&self) -> &'static str {
        "CREATE TABLE seen (position INTEGER NOT NULL) STRICT;"
    }

    fn apply(&self, tx: &Connection, event: &Recorded, _: &Fact) -> Result<(), ApplyError> {
        if event.position.0 == self.fails_at.load(Ordering::Relaxed) {
            return Err(ApplyError::Unnumbered(event.stream.clone()));
        }
        tx.execute("INSERT INTO seen VALUES (?1)", [event.position.0])?;
        Ok(())
    }
}

fn seen(views: &Views) -> Vec<u64> {
    let seen = views.read(|views| {
        views
            .prepare("SELECT position FROM seen ORDER BY rowid")?
            .query_map([], |row| row.get(0))?
            .collect()
    });
    seen.unwrap()
}

/// Waits until the views have stopped by themselves.
async fn stopped(views: &Views) -> Arc<str> {
    let beyond = Position(u64::MAX - 1);
    let lagging = views.wait_for(beyond).await;
    assert!(lagging.is_err());
    views.stopped().unwrap()
}

#[tokio::test]
async fn a_read_sees_the_write_it_waited_for() {
    let (log, directory) = (Kept::default(), directory());
    let views = start(&log, &directory);
    for run in 1..=20 {
        let written = add_run(&log, run);
        views.wait_for(written).await.unwrap();
        assert_eq!(runs(&views), run as usize);
        assert!(views.applied() >= written);
    }
    assert!(views.caught_up());
    assert_eq!(views.stopped(), None);
}

#[tokio::test]
async fn views_go_on_from_where_they_stood() {
    let (log, directory) = (log_of(3), directory());
    let views = start(&log, &directory);
    views.wait_for(log.head()).await.unwrap();
    drop(views);

    let before = log.head();
    let views = start(&log, &directory);
    assert_eq!(views.applied(), before);
    assert!(views.caught_up());
    let written = add_run(&log, 4);
    views.wait_for(written).await.unwrap();
    assert_eq!(runs(&views), 4);
}

#[tokio::test]
async fn what_changed_is_known_by_kind_and_account() {
    let (log, directory) = (log_of(2), directory());
    let views = start(&log, &directory);
    views.wait_for(log.head()).await.unwrap();
    assert_eq!(views.changed(ExecutionId::KIND, ONE), log.head());
    assert_eq!(views.changed(WorkflowId::KIND, ONE), Position(0));
    assert_eq!(views.changed(ExecutionId::KIND, AccountId(2)), Position(0));
    drop(views);

    let views = start(&log, &directory);
    assert_eq!(views.changed(ExecutionId::KIND, AccountId(2)), log.head());
}

#[tokio::test]
async fn a_rebuilt_file_equals_the_one_that_followed() {
    let (log, directory, elsewhere) = (log_of(50), directory(), directory());
    let views = start(&log, &directory);
    let written = add_run(&log, 51);
    views.wait_for(written).await.unwrap();
    let followed = views.read(dump).unwrap();
    drop(views);

    let mut told = Vec::new();
    for place in [&directory, &elsewhere] {
        told.clear();
        let events =
            rebuild(log.shared(), place.path(), &mut |done, total| told.push((done, total)));
        assert_eq!(events.unwrap(), 51 * 8);
        assert_eq!(told, [(0, 51 * 8), (51 * 8, 51 * 8)]);
        assert_eq!(files(place).len(), 1);
        let views = start(&log, place);
        assert_eq!(views.applied(), log.head());
        assert_eq!(views.read(dump).unwrap(), followed);
    }
}

#[tokio::test]
async fn a_changed_read_model_begins_a_file_of_its_own_and_ends_the_old_one() {
    let (log, directory) = (log_of(2), directory());
    let mut names = Vec::new();
    for version in [1, 2] {
        let (_, models) = Picky::models(version, 0);
        let views = Views::start_with(log.shared(), directory.path(), models).unwrap();
        views.wait_for(log.head()).await.unwrap();
        assert_eq!(seen(&views), (1..=16).collect::<Vec<_>>());
        drop(views);
        names.push(files(&directory));
    }
    assert_eq!((names[0].len(), names[1].len()), (1, 1));
    assert_ne!(names[0], names[1]);
}

#[tokio::test]
async fn an_old_file_stays_until_the_new_one_has_caught_up() {
    let (log, directory) = (log_of(2), directory());
    let (_, old) = Picky::models(1, 0);
    let (new, models) = Picky::models(2, 12);
    rebuild_with(log.shared(), directory.path(), old, &mut |_, _| {}).unwrap();

    let views = Views::start_with(log.shared(), directory.path(), models).unwrap();
    stopped(&views).await;
    assert!(!views.caught_up());
    drop(views);
    assert_eq!(files(&directory).len(), 2);

    new.fails_at.store(0, Ordering::Relaxed);
    let views = Views::start_with(log.shared(), directory.path(), models).unwrap();
    views.wait_for(log.head()).await.unwrap();
    drop(views);
    assert_eq!(files(&directory).len(), 1);
}

#[tokio::test]
async fn a_batch_cut_short_leaves_nothing_behind_and_none_of_it_is_taken_in_twice() {
    let (log, directory) = (log_of(1), directory());
    let (picky, models) = Picky::models(1, 12);
    let views = Views::start_with(log.shared(), directory.path(), models).unwrap();
    views.wait_for(Position(8)).await.unwrap();
    add_run(&log, 2);
    let reason = stopped(&views).await;
    assert_eq!(
        &*reason,
        "picky cannot take in the event at position 12 in execution-2: the stream execution-2 \
         names no number"
    );
    assert_eq!(views.applied(), Position(8));
    assert_eq!(seen(&views), (1..=8).collect::<Vec<_>>());
    drop(views);

    picky.fails_at.store(0, Ordering::Relaxed);
    let views = Views::start_with(log.shared(), directory.path(), models).unwrap();
    views.wait_for(log.head()).await.unwrap();
    assert_eq!(seen(&views), (1..=16).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_event_that_is_not_understood_stops_the_views() {
    let (log, directory) = (log_of(1), directory());
    let views = start(&log, &directory);
    let unknown = NewEvent { event_type: "thing.made", schema: 1, data: "{}".to_owned() };
    log.add_new(&ExecutionId(1).stream(), ONE, 9, vec![unknown]);
    let reason = stopped(&views).await;
    assert!(reason.contains("position 9 in execution-1"), "{reason}");
    assert!(reason.contains("thing.made is unknown"), "{reason}");
    assert!(views.applied() <= Position(8));

    let beside = rebuild(log.shared(), directory.path(), &mut |_, _| {});
    assert!(matches!(beside, Err(crate::RebuildError::Take(_))));
}

#[tokio::test]
async fn views_of_another_history_begin_anew() {
    let (log, directory) = (log_of(4), directory());
    let views = start(&log, &directory);
    views.wait_for(log.head()).await.unwrap();
    drop(views);

    // The log as it was restored from an older copy, then one that has also grown past where
    // the views stand.
    let older = log_of(2);
    let views = start(&older, &directory);
    views.wait_for(older.head()).await.unwrap();
    assert_eq!((views.applied(), runs(&views)), (Position(16), 2));
    drop(views);

    let other = log_of(1);
    for run in 7..=9 {
        add_run(&other, run);
    }
    let views = start(&other, &directory);
    views.wait_for(other.head()).await.unwrap();
    let ids = views.read(|views| executions::list(views, ONE, None, None)).unwrap();
    assert_eq!(ids.iter().map(|run| run.id.0).collect::<Vec<_>>(), [9, 8, 7, 1]);
}

#[tokio::test]
async fn a_damaged_file_is_made_anew() {
    let (log, directory) = (log_of(3), directory());
    for damage in [&b"this is no database, and never was one"[..], &[]] {
        let path = generation::path(directory.path(), ALL);
        fs::write(&path, damage).unwrap();
        let views = start(&log, &directory);
        views.wait_for(log.head()).await.unwrap();
        assert_eq!(runs(&views), 3);
    }
}

#[tokio::test]
async fn damage_found_later_stops_the_views_and_the_next_start_begins_anew() {
    let (log, directory) = (log_of(200), directory());
    rebuild(log.shared(), directory.path(), &mut |_, _| {}).unwrap();
    let path = generation::path(directory.path(), ALL);
    let root: u64 = Connection::open(&path)
        .unwrap()
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'steps'", [], |row| row.get(0))
        .unwrap();
    let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.seek(SeekFrom::Start((root - 1) * 4_096)).unwrap();
    file.write_all(&[0xa5; 4_096]).unwrap();
    drop(file);

    let views = start(&log, &directory);
    let written = add_run(&log, 201);
    let reason = stopped(&views).await;
    assert!(reason.contains("malformed"), "{reason}");
    drop(views);

    let views = start(&log, &directory);
    views.wait_for(written).await.unwrap();
    assert_eq!(runs(&views), 201);
}

#[tokio::test]
async fn reads_go_on_together_and_each_at_one_moment() {
    let (log, directory) = (log_of(1), directory());
    let views = start(&log, &directory);
    views.wait_for(log.head()).await.unwrap();
    views
        .read(|outer| {
            let before = executions::list(outer, ONE, None, None)?.len();
            let written = add_run(&log, 2);
            while views.applied() < written {
                std::thread::yield_now();
            }
            assert_eq!(runs(&views), 2);
            assert_eq!(executions::list(outer, ONE, None, None)?.len(), before);
            Ok(())
        })
        .unwrap();
    let failed = views.read(|views| views.execute("DELETE FROM executions", []));
    assert!(failed.is_err());
    assert_eq!(runs(&views), 2);
}

#[tokio::test]
async fn the_thread_ends_with_its_last_owner() {
    let (log, directory) = (log_of(1), directory());
    let views = start(&log, &directory);
    let reached = Arc::clone(&views.reached);
    assert_eq!(reached.stopped(), None);
    drop(views);
    assert!(reached.stopped().is_some());
}
