//! The embedded default: one SQLite file, which any tool for SQLite can read.
//!
//! One writer thread commits what has queued up while the last sync ran (group commit); reads
//! go over connections of their own; a third thread moves the write-ahead log into the file.
//! Never here: what an event means.

mod heads;
mod reader;
mod schema;
mod state;
mod writer;

use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, oneshot};

use super::{
    Append, AppendError, Appended, CommandKey, Log, OpenError, ReadError, Remembered, Snapshot,
    follow,
};
use crate::id::StreamId;
use crate::recorded::{Position, Recorded, Version};
use reader::Readers;
use state::Shared;
use writer::{Request, Writer};

/// How many appends may wait for the writer; more wait to be queued.
const QUEUE: usize = 4_096;

/// A log in one SQLite file.
pub struct Sqlite {
    shared: Arc<Shared>,
    readers: Arc<Readers>,
    room: Arc<Semaphore>,
    /// None once the log is being closed, or where it was opened for reading only.
    queue: Option<mpsc::Sender<Request>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    _lock: Option<File>,
}

impl std::fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sqlite").field("head", &self.shared.head()).finish()
    }
}

fn engine(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> OpenError {
    OpenError::Engine(error.into())
}

impl Sqlite {
    /// Opens the log in a file, and makes it where there is none. As long as it is open, no
    /// other process can open it for writing.
    pub fn open(path: &Path) -> Result<Arc<Self>, OpenError> {
        let lock = File::create(path.with_extension("lock")).map_err(engine)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(engine(error)),
        }
        let connection = schema::open_for_writing(path)?;
        let readers = Arc::new(Readers::new(path));
        let shared = Arc::new(Shared::new(schema::head(&connection).map_err(engine)?));
        let writer = Writer::new(connection, Arc::clone(&shared)).map_err(engine)?;
        let (queue, requests) = mpsc::channel();
        let checkpoints = schema::open_for_checkpoints(path).map_err(engine)?;
        let spawn = |name: &str, body: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new().name(name.to_owned()).spawn(body).map_err(engine)
        };
        let closing = Arc::clone(&shared);
        let threads = vec![
            spawn("log-writer", Box::new(move || writer.run(&requests)))?,
            spawn("log-checkpoint", Box::new(move || state::checkpoint(&checkpoints, &closing)))?,
        ];
        Ok(Arc::new(Self {
            shared,
            readers,
            room: Arc::new(Semaphore::new(QUEUE)),
            queue: Some(queue),
            threads: Mutex::new(threads),
            _lock: Some(lock),
        }))
    }

    /// Opens the log in a file for reading only, also beside a process that writes to it.
    pub fn open_read_only(path: &Path) -> Result<Arc<Self>, OpenError> {
        let readers = Arc::new(Readers::new(path));
        let head = readers.head().map_err(engine)?;
        Ok(Arc::new(Self {
            shared: Arc::new(Shared::new(head)),
            readers,
            room: Arc::new(Semaphore::new(QUEUE)),
            queue: None,
            threads: Mutex::default(),
            _lock: None,
        }))
    }

    /// The next sync fails as a broken disk would have it.
    #[cfg(feature = "testing")]
    pub fn fail_next_sync(&self) {
        self.shared.fail_next_sync();
    }

    /// The file may not grow beyond this many pages, as on a full disk.
    #[cfg(feature = "testing")]
    pub fn limit_pages(&self, pages: Option<u32>) {
        self.shared.limit_pages(pages);
    }

    async fn read<T: Send + 'static>(
        readers: Arc<Readers>,
        shared: Arc<Shared>,
        read: impl FnOnce(&mut reader::Reader) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let reading = tokio::task::spawn_blocking(move || readers.with(read));
        let read =
            reading.await.unwrap_or_else(|error| Err(ReadError::Engine(error.to_string().into())));
        if let Err(ReadError::Damaged { position, what }) = &read {
            shared.break_down(format!("it is damaged at position {position}: {what}"));
        }
        read
    }
}

impl Log for Sqlite {
    fn append(&self, append: Append) -> BoxFuture<'static, Result<Appended, AppendError>> {
        let closed = || AppendError::Refusing("it is closed for writing".into());
        let Some(queue) = self.queue.clone() else {
            return Box::pin(std::future::ready(Err(closed())));
        };
        let room = Arc::clone(&self.room);
        Box::pin(async move {
            let permit = room.acquire_owned().await.map_err(|_| closed())?;
            let (answer, answered) = oneshot::channel();
            queue.send(Request::Append { append, answer, permit }).map_err(|_| closed())?;
            // A writer that ended without an answer may have written.
            let unknown = || AppendError::Unknown("the writer ended".into());
            answered.await.unwrap_or_else(|_| Err(unknown()))
        })
    }

    fn read_stream(
        &self,
        stream: &StreamId,
        after: Version,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Recorded>, ReadError>> {
        let stream = stream.clone();
        let (readers, shared) = (Arc::clone(&self.readers), Arc::clone(&self.shared));
        Box::pin(Self::read(readers, shared, move |reader| reader.stream(&stream, after, limit)))
    }

    fn read_all(
        &self,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Recorded>, ReadError>> {
        let (readers, shared) = (Arc::clone(&self.readers), Arc::clone(&self.shared));
        Box::pin(Self::read(readers, shared, move |reader| reader.all(after, limit)))
    }

    fn follow(&self, after: Position) -> BoxStream<'static, Result<Arc<[Recorded]>, ReadError>> {
        let (readers, shared) = (Arc::clone(&self.readers), Arc::clone(&self.shared));
        let batches = shared.batches();
        follow::follow(after, batches, move |after, limit| {
            let (readers, shared) = (Arc::clone(&readers), Arc::clone(&shared));
            Box::pin(Self::read(readers, shared, move |reader| reader.all(after, limit)))
        })
    }

    fn head(&self) -> Position {
        match self.queue {
            Some(_) => self.shared.head(),
            // Another process may have written meanwhile.
            None => self.readers.head().unwrap_or_else(|_| self.shared.head()),
        }
    }

    fn remembered(
        &self,
        key: CommandKey,
    ) -> BoxFuture<'static, Result<Option<Remembered>, ReadError>> {
        let (readers, shared) = (Arc::clone(&self.readers), Arc::clone(&self.shared));
        Box::pin(Self::read(readers, shared, move |reader| reader.remembered(key)))
    }

    fn save_snapshot(&self, snapshot: Snapshot) {
        if let Some(queue) = &self.queue {
            // Where the writer has ended there is nothing to keep it for.
            let _ = queue.send(Request::Snapshot(snapshot));
        }
    }

    fn load_snapshot(
        &self,
        stream: &StreamId,
        state_version: u32,
    ) -> BoxFuture<'static, Result<Option<Snapshot>, ReadError>> {
        let stream = stream.clone();
        let (readers, shared) = (Arc::clone(&self.readers), Arc::clone(&self.shared));
        Box::pin(Self::read(readers, shared, move |reader| reader.snapshot(stream, state_version)))
    }

    fn refusing(&self) -> Option<Arc<str>> {
        self.shared.refusing()
    }
}

impl Drop for Sqlite {
    /// Writes what is queued, then ends the threads.
    fn drop(&mut self) {
        drop(self.queue.take());
        self.shared.close();
        for thread in self.threads.lock().drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the log panicked");
            }
        }
    }
}
