//! The embedded default: one SQLite file, which any tool for SQLite can read.
//!
//! One writer thread commits what has queued up while the last sync ran (group commit); reads
//! go over connections of their own; a third thread moves the write-ahead log into the file.
//! Never here: what an event means.

mod batch;
mod checkpoint;
mod heads;
mod queue;
mod reader;
mod schema;
mod state;
mod wal;
mod writer;

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use tokio::sync::broadcast;

use super::follow::{self, News};
use super::{
    Append, AppendError, Appended, CommandKey, Log, OpenError, ReadError, Remembered, Snapshot,
    engine, lock,
};
use crate::id::StreamId;
use crate::recorded::{Position, Recorded, Version};
use checkpoint::Checkpoints;
use heads::Heads;
use queue::{Queue, queue};
use reader::Readers;
use state::Shared;
use writer::Writer;

/// How often a log that another process writes to is looked at for new events.
const LOOK: Duration = Duration::from_millis(250);

/// Why a log that was opened for reading takes no new events.
const READ_ONLY: &str = "the log was opened for reading only";

/// A log in one SQLite file.
pub struct Sqlite {
    readers: Arc<Readers>,
    /// None where the log was opened for reading only.
    writing: Option<Writing>,
    _lock: Option<File>,
}

/// What a log that takes new events has beside its readers.
struct Writing {
    queue: Queue,
    /// Followers hear of new batches until this is dropped.
    followers: broadcast::Sender<Arc<[Recorded]>>,
    checkpoints: Arc<Checkpoints>,
    writer: Option<JoinHandle<()>>,
    checkpointer: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sqlite").field("head", &self.readers.shared().head()).finish()
    }
}

/// Where SQLite keeps the write-ahead log.
fn wal_of(path: &Path) -> PathBuf {
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    wal.into()
}

/// Refuses a write-ahead log of which SQLite would silently drop what was acknowledged.
fn refuse_damage(path: &Path) -> Result<(), OpenError> {
    let wal = wal_of(path);
    match wal::damaged_frame(&wal).map_err(engine)? {
        None => Ok(()),
        Some(frame) => Err(engine(format!(
            "{} is damaged at frame {frame}, and more was committed after it; restore a copy, or \
             move the file away to go on without what it holds",
            wal.display()
        ))),
    }
}

/// Starts a thread without which the log takes no new events.
fn spawn(
    name: &str,
    shared: &Arc<Shared>,
    body: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, OpenError> {
    let shared = Arc::clone(shared);
    let guarded = move || {
        if catch_unwind(AssertUnwindSafe(body)).is_err() {
            shared.break_down("a thread of the log panicked");
        }
    };
    std::thread::Builder::new().name(name.to_owned()).spawn(guarded).map_err(engine)
}

impl Sqlite {
    /// Opens the log in a file, and makes it where there is none. As long as the value lives,
    /// nobody else can open it for writing.
    pub fn open(path: &Path) -> Result<Arc<Self>, OpenError> {
        let lock = lock(path, &path.with_extension("lock"))?;
        refuse_damage(path)?;
        let mut connection = schema::open_for_writing(path)?;
        let heads = Heads::load(&connection).map_err(engine)?;
        let moving = schema::open_for_checkpoints(path)?;
        let readers = Readers::open(path)?;
        let shared = readers.shared();
        let (queue, requests) = queue();
        let followers = broadcast::Sender::new(follow::BATCHES);
        let checkpoints = Arc::new(Checkpoints::default());
        let grown = Arc::clone(&checkpoints);
        let hook = move |_: &mut rusqlite::hooks::Wal, pages: std::ffi::c_int| {
            grown.grown(pages.unsigned_abs().into());
            Ok(())
        };
        connection.wal_hook(Some(hook)).map_err(engine)?;
        let writer = Writer {
            connection,
            heads,
            queue: requests,
            shared: Arc::clone(shared),
            followers: followers.clone(),
            snapshots: Vec::new(),
            #[cfg(feature = "testing")]
            sync_fails: false,
        };
        // From here on an early end drops this, which ends the threads.
        let mut writing =
            Writing { queue, followers, checkpoints, writer: None, checkpointer: None };
        writing.writer = Some(spawn("log-writer", shared, move || writer.run())?);
        let (pending, told) = (Arc::clone(&writing.checkpoints), Arc::clone(shared));
        let wal = wal_of(path);
        let body = move || checkpoint::run(&moving, &wal, &pending, &told);
        writing.checkpointer = Some(spawn("log-checkpoint", shared, body)?);
        Ok(Arc::new(Self { readers, writing: Some(writing), _lock: Some(lock) }))
    }

    /// Opens the log in a file for reading only, also beside a process that writes to it.
    pub fn open_read_only(path: &Path) -> Result<Arc<Self>, OpenError> {
        Ok(Arc::new(Self { readers: Readers::open(path)?, writing: None, _lock: None }))
    }

    /// The next sync fails as a broken disk would have it.
    #[cfg(feature = "testing")]
    pub fn fail_next_sync(&self) {
        self.fail(queue::Failing::Sync);
    }

    /// The file may not grow beyond this many pages, as on a full disk.
    #[cfg(feature = "testing")]
    pub fn limit_pages(&self, pages: Option<u32>) {
        self.fail(queue::Failing::Pages(pages));
    }

    /// The writer's thread panics.
    #[cfg(feature = "testing")]
    pub fn panic_writer(&self) {
        self.fail(queue::Failing::Panic);
    }

    #[cfg(feature = "testing")]
    fn fail(&self, failing: queue::Failing) {
        if let Some(writing) = &self.writing {
            writing.queue.fail(failing);
        }
    }
}

/// Reads events of all streams.
fn read_all(
    readers: &Arc<Readers>,
    after: Position,
    limit: usize,
) -> BoxFuture<'static, Result<Vec<Recorded>, ReadError>> {
    let head = readers.shared().head();
    Box::pin(Arc::clone(readers).read(move |reader| reader.all(after, limit, head)))
}

impl Log for Sqlite {
    fn append(&self, append: Append) -> BoxFuture<'static, Result<Appended, AppendError>> {
        let refused = |reason| Box::pin(std::future::ready(Err(AppendError::Refusing(reason))));
        match (&self.writing, self.refusing()) {
            (_, Some(reason)) => refused(reason),
            (None, None) => refused(READ_ONLY.into()),
            (Some(writing), None) => Box::pin(writing.queue.clone().append(append)),
        }
    }

    fn read_stream(
        &self,
        stream: &StreamId,
        after: Version,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Recorded>, ReadError>> {
        let (readers, stream) = (Arc::clone(&self.readers), stream.clone());
        Box::pin(readers.read(move |reader| reader.stream(&stream, after, limit)))
    }

    fn read_all(
        &self,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Recorded>, ReadError>> {
        read_all(&self.readers, after, limit)
    }

    fn read_at(
        &self,
        position: Position,
    ) -> BoxFuture<'static, Result<Option<Recorded>, ReadError>> {
        super::read_next(self, position)
    }

    fn follow(&self, after: Position) -> BoxStream<'static, Result<Arc<[Recorded]>, ReadError>> {
        let news = match &self.writing {
            Some(writing) => News::Told(writing.followers.subscribe()),
            None => News::Looked(LOOK),
        };
        let readers = Arc::clone(&self.readers);
        follow::follow(Box::new(move |after, limit| read_all(&readers, after, limit)), news, after)
    }

    fn head(&self) -> Position {
        let known = self.readers.shared().head();
        match self.writing {
            Some(_) => known,
            // Another process may have written meanwhile.
            None => self.readers.read_now(|reader| reader.head()).unwrap_or(known),
        }
    }

    fn is_gapless(&self) -> bool {
        true
    }

    fn remembered(
        &self,
        key: CommandKey,
    ) -> BoxFuture<'static, Result<Option<Remembered>, ReadError>> {
        Box::pin(Arc::clone(&self.readers).read(move |reader| reader.remembered(key)))
    }

    fn save_snapshot(&self, snapshot: Snapshot) {
        if let Some(writing) = &self.writing {
            writing.queue.snapshot(snapshot);
        }
    }

    fn load_snapshot(
        &self,
        stream: &StreamId,
        state_version: u32,
    ) -> BoxFuture<'static, Result<Option<Snapshot>, ReadError>> {
        let (readers, stream) = (Arc::clone(&self.readers), stream.clone());
        Box::pin(readers.read(move |reader| reader.snapshot(stream, state_version)))
    }

    fn refusing(&self) -> Option<Arc<str>> {
        let read_only = || self.writing.is_none().then(|| READ_ONLY.into());
        self.readers.shared().refusing().or_else(read_only)
    }
}

impl Drop for Sqlite {
    /// Lets go of the readers first: the last connection to end leaves one file behind, and
    /// only the other two can.
    fn drop(&mut self) {
        self.readers.close();
    }
}

impl Drop for Writing {
    /// Writes what is queued, moves it into the file, and ends the threads.
    fn drop(&mut self) {
        self.queue.close();
        join(self.writer.take());
        self.checkpoints.close();
        join(self.checkpointer.take());
    }
}

fn join(thread: Option<JoinHandle<()>>) {
    // A panic was told when it happened.
    let _ = thread.map(JoinHandle::join);
}
