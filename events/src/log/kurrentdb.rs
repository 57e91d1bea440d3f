//! An engine on a KurrentDB (EventStoreDB) server, for those who run one already.
//!
//! Each stream of the hub is a stream of the server; what the server has no word for (who,
//! why, the chain's hash, the command) is in the event's metadata, so nothing is kept beside
//! it. One hub writes under a prefix at a time: the last to open it has it, and the one
//! before stops writing. Positions are the server's, with gaps. Never here: what an event
//! means.

mod commands;
mod link;
mod names;
mod reader;
mod state;
mod wire;
mod writer;

use std::fs::File;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::stream::BoxStream;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::follow::{self, News};
use super::{
    Append, AppendError, Appended, CommandKey, Log, OpenError, ReadError, Remembered, Snapshot,
    engine, lock,
};
use crate::id::StreamId;
use crate::recorded::{Position, Recorded, Version};
use link::Link;
use names::Names;
use reader::Reader;
use state::Shared;
use writer::{Message, Writer};

/// How many appends and snapshots may wait for the writer.
const PLACES: usize = 4_096;

/// How often a log that another process writes to is looked at for new events.
const LOOK: Duration = Duration::from_millis(250);

/// How long what is queued may take to be written when the log is closed.
const LAST_APPENDS: Duration = Duration::from_secs(10);

/// Why a log that was opened for reading takes no new events.
const READ_ONLY: &str = "the log was opened for reading only";

/// A log on a KurrentDB server.
pub struct KurrentDb {
    reader: Arc<Reader>,
    shared: Arc<Shared>,
    /// None where the log was opened for reading only.
    writing: Option<Writing>,
    /// The client's own threads: its connections must outlive the runtime of any caller.
    runtime: Option<Runtime>,
    _lock: Option<File>,
}

struct Writing {
    queue: mpsc::Sender<Message>,
    followers: broadcast::WeakSender<Arc<[Recorded]>>,
    writer: JoinHandle<()>,
}

impl std::fmt::Debug for KurrentDb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KurrentDb").field("head", &self.shared.head()).finish_non_exhaustive()
    }
}

impl KurrentDb {
    /// Opens the log under a prefix (letters, digits, `_`) of the server at an address such as
    /// `esdb://user:password@host:2113?tls=true`, and takes it over from whoever had it. The
    /// lock on a file keeps a second process away from what this one keeps beside the log.
    pub async fn open(address: &str, prefix: &str, file: &Path) -> Result<Arc<Self>, OpenError> {
        let lock = lock(file, file)?;
        let (runtime, reader) = connect(address, prefix)?;
        let link = Arc::clone(reader.link());
        let opening = Arc::clone(&reader);
        let opened = on(runtime.handle(), async move {
            let owner = fresh_id();
            let since = writer::take_over(&link, opening.names(), owner).await?;
            Ok::<_, ReadError>((owner, since, opening.known().await?))
        });
        let (owner, since, known) = match opened.await {
            Ok(opened) => opened,
            Err(error) => return Err(closed(runtime, error)),
        };
        let shared = Arc::new(Shared::new(known));
        let (queue, waiting) = mpsc::channel(PLACES);
        let followers = broadcast::Sender::new(follow::BATCHES);
        let weak = followers.downgrade();
        let writer = Writer::new(Arc::clone(&reader), Arc::clone(&shared), followers, owner, since);
        let told = Arc::clone(&shared);
        let writer = runtime.spawn(async move {
            if AssertUnwindSafe(writer.run(waiting)).catch_unwind().await.is_err() {
                told.break_down("the writer panicked");
            }
        });
        let writing = Some(Writing { queue, followers: weak, writer });
        Ok(Arc::new(Self { reader, shared, writing, runtime: Some(runtime), _lock: Some(lock) }))
    }

    /// Opens the same for reading only, also beside a hub that writes to it. Its head is the
    /// one at this moment.
    pub async fn open_read_only(address: &str, prefix: &str) -> Result<Arc<Self>, OpenError> {
        let (runtime, reader) = connect(address, prefix)?;
        let opening = Arc::clone(&reader);
        match on(runtime.handle(), async move { opening.known().await }).await {
            Ok(known) => {
                let shared = Arc::new(Shared::new(known));
                Ok(Arc::new(Self {
                    reader,
                    shared,
                    writing: None,
                    runtime: Some(runtime),
                    _lock: None,
                }))
            }
            Err(error) => Err(closed(runtime, error)),
        }
    }

    /// Reads something on the client's own threads.
    fn read<T, F>(
        &self,
        f: impl FnOnce(Arc<Reader>) -> F,
    ) -> BoxFuture<'static, Result<T, ReadError>>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ReadError>> + Send + 'static,
    {
        match &self.runtime {
            Some(runtime) => on(runtime.handle(), f(Arc::clone(&self.reader))).boxed(),
            None => std::future::ready(Err(over())).boxed(),
        }
    }
}

fn connect(address: &str, prefix: &str) -> Result<(Runtime, Arc<Reader>), OpenError> {
    let names = Names::new(prefix)
        .ok_or_else(|| engine("the prefix of a log consists of letters, digits and `_`"))?;
    // The parser's own error repeats the address, which may have a password in it.
    let wrong = "the address of a KurrentDB server looks like esdb://user:password@host:2113";
    let settings = address.parse().map_err(|_| engine(wrong))?;
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("log-kurrentdb")
        .enable_all()
        .build()
        .map_err(engine)?;
    let reader = Arc::new(Reader::new(Arc::new(Link::new(settings)), names));
    Ok((runtime, reader))
}

/// Does something on a runtime of the engine's own.
fn on<T: Send + 'static>(
    handle: &Handle,
    work: impl Future<Output = Result<T, ReadError>> + Send + 'static,
) -> impl Future<Output = Result<T, ReadError>> + Send + 'static {
    let working = handle.spawn(work);
    async move { working.await.unwrap_or_else(|_| Err(over())) }
}

fn over() -> ReadError {
    ReadError::Engine("the log is closed".into())
}

/// The error of a log that did not open, and the end of its threads.
fn closed(runtime: Runtime, error: ReadError) -> OpenError {
    // An async caller must not wait for them.
    runtime.shutdown_background();
    engine(error)
}

/// An id for the server to know a repeated append by. It means nothing to the hub.
#[allow(clippy::disallowed_methods)]
fn fresh_id() -> Uuid {
    Uuid::new_v4()
}

impl Log for KurrentDb {
    fn append(&self, append: Append) -> BoxFuture<'static, Result<Appended, AppendError>> {
        let refused = |reason| std::future::ready(Err(AppendError::Refusing(reason))).boxed();
        let queue = match (&self.writing, self.refusing()) {
            (_, Some(reason)) => return refused(reason),
            (None, None) => return refused(READ_ONLY.into()),
            (Some(writing), None) => writing.queue.clone(),
        };
        let unknown = || AppendError::Unknown("the writer ended without an answer".into());
        async move {
            let (to, answered) = oneshot::channel();
            let message = Message::Append { append, to };
            let closed = |_| AppendError::Refusing("the log is closed".into());
            queue.send(message).await.map_err(closed)?;
            drop(queue);
            answered.await.unwrap_or_else(|_| Err(unknown()))
        }
        .boxed()
    }

    fn read_stream(
        &self,
        stream: &StreamId,
        after: Version,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Recorded>, ReadError>> {
        let stream = stream.clone();
        self.read(move |reader| async move { reader.stream(&stream, after, limit).await })
    }

    fn read_all(
        &self,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Recorded>, ReadError>> {
        self.read(move |reader| async move { reader.all(after, limit).await })
    }

    fn read_at(
        &self,
        position: Position,
    ) -> BoxFuture<'static, Result<Option<Recorded>, ReadError>> {
        self.read(move |reader| async move { reader.at(position).await })
    }

    fn follow(&self, after: Position) -> BoxStream<'static, Result<Arc<[Recorded]>, ReadError>> {
        let told = self.writing.as_ref().and_then(|writing| writing.followers.upgrade());
        let news = told.map_or(News::Looked(LOOK), |followers| News::Told(followers.subscribe()));
        let handle = self.runtime.as_ref().map(|runtime| runtime.handle().clone());
        let reader = Arc::clone(&self.reader);
        let read = move |after, limit| match &handle {
            Some(handle) => {
                let reader = Arc::clone(&reader);
                on(handle, async move { reader.all(after, limit).await }).boxed()
            }
            None => std::future::ready(Err(over())).boxed(),
        };
        follow::follow(Box::new(read), news, after)
    }

    fn head(&self) -> Position {
        self.shared.head()
    }

    fn is_gapless(&self) -> bool {
        false
    }

    fn remembered(
        &self,
        key: CommandKey,
    ) -> BoxFuture<'static, Result<Option<Remembered>, ReadError>> {
        std::future::ready(Ok(self.shared.commands().find(key))).boxed()
    }

    fn save_snapshot(&self, snapshot: Snapshot) {
        if let Some(writing) = &self.writing {
            // One that finds no place is lost, as it may be.
            let _ = writing.queue.try_send(Message::Snapshot(snapshot));
        }
    }

    fn load_snapshot(
        &self,
        stream: &StreamId,
        state_version: u32,
    ) -> BoxFuture<'static, Result<Option<Snapshot>, ReadError>> {
        let stream = stream.clone();
        self.read(move |reader| async move {
            let found = reader.snapshot(&stream).await?;
            Ok(found.filter(|snapshot| snapshot.state_version == state_version))
        })
    }

    fn refusing(&self) -> Option<Arc<str>> {
        let read_only = || self.writing.is_none().then(|| READ_ONLY.into());
        self.shared.refusing().or_else(read_only)
    }
}

impl Drop for KurrentDb {
    /// Lets what is queued be written, then ends the threads.
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        let writer = self.writing.take().map(|Writing { queue, writer, .. }| {
            drop(queue);
            writer
        });
        // Waiting is forbidden on a thread that runs a caller's tasks.
        let end = move || {
            if let Some(writer) = writer {
                let _ =
                    runtime.block_on(async { tokio::time::timeout(LAST_APPENDS, writer).await });
            }
            runtime.shutdown_background();
        };
        let _ = std::thread::Builder::new().name("log-closing".to_owned()).spawn(end);
    }
}
