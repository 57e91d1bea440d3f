//! Between standard input and output and a running hub: each line is a message, each message a
//! request to `/mcp`, and what comes back is written line by line.
//!
//! Never here: what messages mean, but for what the transport over HTTP puts into headers.

use std::sync::Arc;

use anyhow::Context as _;
use futures_util::StreamExt as _;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Stdout};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use url::Url;

const SESSION_ID: &str = "mcp-session-id";
const VERSION: &str = "mcp-protocol-version";

/// Where a message of the newer revision says which revision it is.
const META_VERSION: &str = "/params/_meta/io.modelcontextprotocol~1protocolVersion";

/// A conversation with a hub.
struct Relay {
    client: Client,
    url: Url,
    key: String,
    begun: Mutex<Begun>,
    output: Mutex<Stdout>,
}

/// What `initialize` led to, in the revision that has it.
#[derive(Clone, Default)]
struct Begun {
    session: Option<String>,
    version: Option<String>,
}

/// Passes messages on until standard input ends and everything asked is answered.
pub(super) async fn relay(url: &Url, key: &str) -> anyhow::Result<()> {
    let url = url.join("/mcp").context("this is no address of a hub")?;
    let relay = Arc::new(Relay {
        client: Client::new(),
        url,
        key: key.to_owned(),
        begun: Mutex::default(),
        output: Mutex::new(tokio::io::stdout()),
    });
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut under_way = JoinSet::new();
    while let Some(line) = lines.next_line().await? {
        if line.trim().is_empty() {
            continue;
        }
        let message: Value = match serde_json::from_str(&line) {
            Ok(message) => message,
            Err(error) => {
                relay.write(&failure(&Value::Null, -32_700, &error.to_string())).await?;
                continue;
            }
        };
        // What begins a conversation must be through before anything follows; all else may
        // overtake, as a cancellation overtakes what it cancels.
        let begins = matches!(text(&message, "/method"), Some("initialize"));
        let passing = Arc::clone(&relay).pass(message);
        if begins {
            passing.await?;
        } else {
            under_way.spawn(passing);
        }
        while let Some(passed) = under_way.try_join_next() {
            passed??;
        }
    }
    while let Some(passed) = under_way.join_next().await {
        passed??;
    }
    Ok(())
}

fn text<'a>(message: &'a Value, pointer: &str) -> Option<&'a str> {
    message.pointer(pointer).and_then(Value::as_str)
}

fn failure(id: &Value, code: i32, message: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })
}

impl Relay {
    /// Passes one message on, and its answers back. Fails only where nothing can be written.
    async fn pass(self: Arc<Self>, message: Value) -> anyhow::Result<()> {
        let answered = match self.send(&message).await {
            Ok(response) => self.answer(&message, response).await?,
            Err(error) => Err(error.without_url().to_string()),
        };
        match (answered, message.get("id")) {
            (Err(error), Some(id)) => self.write(&failure(id, -32_603, &error)).await,
            // Whoever sends a notification does not wait for an answer.
            _ => Ok(()),
        }
    }

    async fn send(&self, message: &Value) -> reqwest::Result<Response> {
        let Begun { session, version } = self.begun.lock().await.clone();
        let mut request = self
            .client
            .post(self.url.clone())
            .bearer_auth(&self.key)
            .header(ACCEPT, "application/json, text/event-stream")
            .json(message);
        if let Some(session) = session {
            request = request.header(SESSION_ID, session);
        }
        let own = text(message, META_VERSION);
        if let Some(version) = own.or(version.as_deref()) {
            request = request.header(VERSION, version);
        }
        if let (Some(_), Some(method)) = (own, text(message, "/method")) {
            request = request.header("mcp-method", method);
            let named = ["/params/name", "/params/uri"];
            if let Some(name) = named.iter().find_map(|pointer| text(message, pointer)) {
                request = request.header("mcp-name", name);
            }
        }
        request.send().await
    }

    /// Writes what came back; where that is no message, what it says instead.
    async fn answer(
        &self,
        message: &Value,
        response: Response,
    ) -> anyhow::Result<Result<(), String>> {
        let status = response.status();
        let header = |name: &str| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
        let kind = header(CONTENT_TYPE.as_str()).unwrap_or_default();
        if let Some(session) = header(SESSION_ID) {
            self.begun.lock().await.session = Some(session);
        }
        if kind.starts_with("text/event-stream") {
            return self.stream(message, response).await;
        }
        let body = match response.bytes().await {
            Ok(body) => body,
            Err(error) => return Ok(Err(error.without_url().to_string())),
        };
        match serde_json::from_slice::<Value>(&body) {
            Ok(answer) if answer.get("jsonrpc").is_some() => {
                self.take(message, &answer).await?;
                Ok(Ok(()))
            }
            _ if status.is_success() => Ok(Ok(())),
            Ok(problem) => {
                let detail = text(&problem, "/detail").unwrap_or_default();
                Ok(Err(format!("the hub answers {status}: {detail}")))
            }
            Err(_) => Ok(Err(format!("the hub answers {status}"))),
        }
    }

    /// Writes the messages of a stream of server-sent events as they come.
    async fn stream(
        &self,
        message: &Value,
        response: Response,
    ) -> anyhow::Result<Result<(), String>> {
        let (mut pieces, mut kept) = (response.bytes_stream(), Vec::new());
        while let Some(piece) = pieces.next().await {
            match piece {
                Ok(piece) => kept.extend_from_slice(&piece),
                Err(error) => return Ok(Err(error.without_url().to_string())),
            }
            while let Some(end) = kept.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = kept.drain(..=end).collect();
                // Each message of a hub is one line of data.
                let data = line.strip_prefix(b"data:").map(<[u8]>::trim_ascii);
                let answer = data.filter(|data| !data.is_empty()).map(serde_json::from_slice);
                if let Some(Ok(answer)) = answer {
                    self.take(message, &answer).await?;
                }
            }
        }
        Ok(Ok(()))
    }

    /// Writes a message, and keeps what the beginning of a conversation settled.
    async fn take(&self, asked: &Value, answer: &Value) -> anyhow::Result<()> {
        if text(asked, "/method") == Some("initialize")
            && let Some(version) = text(answer, "/result/protocolVersion")
        {
            self.begun.lock().await.version = Some(version.to_owned());
        }
        self.write(answer).await
    }

    async fn write(&self, message: &Value) -> anyhow::Result<()> {
        let mut output = self.output.lock().await;
        output.write_all(format!("{message}\n").as_bytes()).await?;
        output.flush().await?;
        Ok(())
    }
}
