//! The connection to the server, and what its client (`eventstore` 4.0) needs to be kept from.
//!
//! - A client whose connection attempt failed is dead for good, so a new one is made.
//! - It leaves Nagle's algorithm on, which costs tens of milliseconds for every append of its
//!   own call; a batch session does not pay that.
//! - Any refusal ends a batch session, and whatever else is in flight gets no answer; some ends
//!   of a connection are not told at all. So every wait has an end, and a session is used until
//!   its first error.
//! - A subscription that the server ends spins without pause, so there is none: the writer
//!   reads back what it wrote.
//!
//! Never here: what is read or written.

use std::sync::Arc;
use std::time::Duration;

use eventstore::{
    BatchAppendClient, BatchAppendOptions, Client, ClientSettings, Error, EventData,
    ExpectedRevision, Position as ServerPosition,
};
use parking_lot::Mutex;

use crate::recorded::Position;

/// How long the server may take for an answer or the next event of one.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often something is tried.
pub(super) const TRIES: u32 = 3;

/// The pause after the first try; it doubles.
const PAUSE: Duration = Duration::from_millis(100);

/// A connection that is made anew where it has to be.
pub(super) struct Link {
    settings: ClientSettings,
    client: Mutex<Option<Client>>,
    session: tokio::sync::Mutex<Option<Arc<BatchAppendClient>>>,
}

/// Waits before the next try.
pub(super) async fn pause(tried: u32) {
    tokio::time::sleep(PAUSE * 2_u32.pow(tried)).await;
}

/// Waits for something of the server, but not for ever.
pub(super) async fn patiently<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    tokio::time::timeout(PATIENCE, work).await.unwrap_or(Err(Error::DeadlineExceeded))
}

/// Whether it may go better with the same words later.
fn may_pass(error: &Error) -> bool {
    is_dead(error)
        || matches!(
            error,
            Error::ServerError(_) | Error::NotLeaderException(_) | Error::DeadlineExceeded
        )
}

/// Whether the client can do nothing any more.
fn is_dead(error: &Error) -> bool {
    matches!(error, Error::ConnectionClosed | Error::GrpcConnectionError(_))
}

/// A position as the hub has it. Without transactions, which the hub does not use, both of the
/// server's numbers are the same.
pub(super) fn position(of: ServerPosition) -> Position {
    Position(of.commit)
}

/// A position as the server has it.
pub(super) fn server_position(of: Position) -> ServerPosition {
    ServerPosition { commit: of.0, prepare: of.0 }
}

impl Link {
    pub(super) fn new(settings: ClientSettings) -> Self {
        Self { settings, client: Mutex::default(), session: tokio::sync::Mutex::default() }
    }

    /// The client, made where there is none.
    fn client(&self) -> Result<Client, Error> {
        let mut client = self.client.lock();
        if let Some(client) = &*client {
            return Ok(client.clone());
        }
        let new = Client::new(self.settings.clone())?;
        *client = Some(new.clone());
        Ok(new)
    }

    /// Notes what an error means for the client.
    fn judge(&self, error: &Error) {
        if is_dead(error) {
            *self.client.lock() = None;
        }
    }

    /// Reads something, again where that may help.
    pub(super) async fn read<T, F>(&self, work: impl Fn(Client) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut tried = 0;
        loop {
            let read = match self.client() {
                Ok(client) => work(client).await,
                Err(error) => Err(error),
            };
            let Err(error) = read else { return read };
            self.judge(&error);
            tried += 1;
            if tried >= TRIES || !may_pass(&error) {
                return Err(error);
            }
            pause(tried).await;
        }
    }

    /// Appends once. The position is that of the last event, where the server tells it.
    pub(super) async fn append(
        &self,
        stream: &str,
        expected: ExpectedRevision,
        events: Vec<EventData>,
    ) -> Result<Option<Position>, Error> {
        let session = self.session().await?;
        match patiently(session.append_to_stream(stream, expected, events)).await {
            Ok(written) => Ok(written.current_position().map(position)),
            Err(error) => {
                let mut current = self.session.lock().await;
                if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, &session)) {
                    *current = None;
                }
                Err(error)
            }
        }
    }

    async fn session(&self) -> Result<Arc<BatchAppendClient>, Error> {
        let mut session = self.session.lock().await;
        if let Some(session) = &*session {
            return Ok(Arc::clone(session));
        }
        let client = self.client()?;
        let options = BatchAppendOptions::default();
        let new = patiently(client.batch_append(&options)).await;
        let new = Arc::new(new.inspect_err(|error| self.judge(error))?);
        *session = Some(Arc::clone(&new));
        Ok(new)
    }
}

/// What to tell of an error.
pub(super) fn told(error: &Error) -> Arc<str> {
    let hint = match error {
        Error::ConnectionClosed => {
            " The client also ends this way where the system has no CA certificates."
        }
        Error::UnsupportedFeature => " Batches of appends need EventStoreDB 21.10 or later.",
        _ => "",
    };
    format!("KurrentDB: {error}{hint}").into()
}
