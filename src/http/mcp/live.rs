//! A call as a stream of server-sent events, in the sequence that clients of the original know
//! (contract, section 4.3), with what the tool tells of itself in between.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data};
use futures_util::stream;
use hub_events::Context;
use hub_events::id::CallId;
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc::{self, Sender};

use super::call::{CallTool, Looked, look_at};
use super::calls::find;
use super::view::{CallBody, CalledBody};
use crate::Hub;
use crate::calls::Ready;
use crate::feed::{Signal, Step};
use crate::http::body::Body;
use crate::http::caller::Caller;
use crate::http::idempotency::{Earlier, Idempotency};
use crate::http::problem::{Answer, Problem};

/// How often a silent stream shows that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How long a stream lasts; a call that takes longer goes on without it.
const LONGEST: Duration = Duration::from_secs(600);

/// How many frames may wait for a slow client.
const WAITING: usize = 16;

/// Calls a tool and tells what happens while it does: `start`, `status` with what the tool says
/// of its progress, then `complete` with its result or `error`. Each event is one unnamed line of
/// JSON.
#[utoipa::path(post, path = "/mcp/call/stream", tag = "mcp", security(("HTTPBearer" = [])),
    request_body = CallTool,
    responses((status = 200, content_type = "text/event-stream", body = String),
        (status = 422), (status = 429)))]
pub(super) async fn call_tool_stream(
    hub: Data<Hub>,
    caller: Caller,
    once: Idempotency,
    body: Body<CallTool>,
) -> Answer {
    let tool = body.0.name.clone();
    let live = match once.earlier(&hub).await? {
        Some(Earlier { stream, .. }) => {
            let earlier =
                CallId::of(&stream).ok_or_else(|| Problem::not_found("Call not found"))?;
            Live::Earlier(earlier)
        }
        None => match look_at(&hub, &caller, body.0).await? {
            Looked::Declined(answer) => Live::Declined(answer),
            Looked::Ready(ready) => Live::Ready(ready, caller.context(&hub.clock), once),
        },
    };
    let (frames, receiver) = mpsc::channel(WAITING);
    actix_rt::spawn(async move {
        // A client that has gone needs no more frames; a call on record goes on.
        let _ = tell(&hub, &caller, &tool, live, &Frames(frames)).await;
    });
    let body = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|frame| (Ok::<_, Problem>(frame), receiver))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header(("Cache-Control", "no-cache"))
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(body))
}

/// What is told of.
enum Live {
    /// Nothing is called.
    Declined(CalledBody),
    /// A call that the same request made before.
    Earlier(CallId),
    /// A call to be made.
    Ready(Box<Ready>, Context, Idempotency),
}

/// The client has gone.
struct Gone;

struct Frames(Sender<Bytes>);

impl Frames {
    async fn send(&self, frame: Value) -> Result<(), Gone> {
        self.0.send(format!("data: {frame}\n\n").into()).await.map_err(|_| Gone)
    }

    async fn status(&self, message: &str) -> Result<(), Gone> {
        self.send(json!({ "type": "status", "message": message })).await
    }
}

async fn tell(
    hub: &Data<Hub>,
    caller: &Caller,
    tool: &str,
    live: Live,
    frames: &Frames,
) -> Result<(), Gone> {
    let message = format!("Starting {tool} execution...");
    frames.send(json!({ "type": "start", "message": message })).await?;
    frames.status("Tool executor initialized").await?;
    frames.status(&format!("Executing {tool}...")).await?;
    let made = match live {
        Live::Declined(answer) => {
            let result = answer.result.unwrap_or_else(
                || json!({ "success": false, "error": answer.error, "result": null }),
            );
            return frames.send(json!({ "type": "complete", "result": result })).await;
        }
        Live::Earlier(call) => Ok(call),
        Live::Ready(ready, context, once) => {
            let signals = hub.feed.listen(&ready.id().stream());
            let made = ready.make(hub, context, once.command(), LONGEST);
            told_meanwhile(made, signals, frames).await?
        }
    };
    let answer = match made {
        Ok(call) => answer(hub, caller, call).await,
        Err(error) => Err(error.into()),
    };
    match answer {
        Ok(CalledBody { error: None, result, call_id, .. }) => {
            frames.status("Tool execution completed successfully").await?;
            frames.send(json!({ "type": "complete", "result": result, "call_id": call_id })).await
        }
        Ok(CalledBody { error, call_id, status, .. }) => {
            let frame = json!({
                "type": "error", "error": error, "call_id": call_id, "status": status,
            });
            frames.send(frame).await
        }
        Err(problem) => {
            let error = format!("Tool execution failed: {}", problem.code());
            frames.send(json!({ "type": "error", "error": error })).await
        }
    }
}

async fn answer(hub: &Hub, caller: &Caller, call: CallId) -> Result<CalledBody, Problem> {
    let view = find(hub, caller, call).await?;
    Ok(CalledBody::of(CallBody::open(hub, view).await?))
}

/// Waits for a call, and passes on what is told of it meanwhile.
async fn told_meanwhile<T>(
    made: impl Future<Output = T>,
    mut signals: Receiver<Signal>,
    frames: &Frames,
) -> Result<T, Gone> {
    let mut made = std::pin::pin!(made);
    loop {
        let frame = tokio::select! {
            biased;
            signal = signals.recv() => match signal {
                Ok(Signal::Progress(_, Step { message, fraction })) => {
                    json!({ "type": "status", "message": message, "progress": fraction })
                }
                Ok(_) | Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return Ok(made.await),
            },
            made = &mut made => return Ok(made),
            () = tokio::time::sleep(HEARTBEAT) => {
                frames.0.send(Bytes::from_static(b": still here\n\n")).await.map_err(|_| Gone)?;
                continue;
            }
        };
        frames.send(frame).await?;
    }
}
