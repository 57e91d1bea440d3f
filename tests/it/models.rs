//! A server of models that answers as told, in whichever dialect it is asked, and remembers what
//! it was asked. Unit tests of the dialects use it too.

#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// How models' servers speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    OpenAi,
    Anthropic,
    Ollama,
    Gemini,
}

pub const DIALECTS: [Dialect; 4] =
    [Dialect::OpenAi, Dialect::Anthropic, Dialect::Ollama, Dialect::Gemini];

/// An answer of a model, in no dialect.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    pub text: String,
    /// Tools and arguments.
    pub calls: Vec<(String, Value)>,
    pub end: End,
}

/// Why it ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    #[default]
    Done,
    Length,
    Withheld,
}

impl Said {
    pub fn text(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }

    pub fn call(mut self, tool: &str, arguments: Value) -> Self {
        self.calls.push((tool.to_owned(), arguments));
        self
    }

    pub fn ending(self, end: End) -> Self {
        Self { end, ..self }
    }
}

/// What the server does with one request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// It answers.
    Says(Said),
    /// It answers with a status, headers and a body.
    Status(u16, &'static [&'static str], &'static str),
    /// It sends these bytes as a stream.
    Bytes(Vec<u8>),
    /// It answers, and closes the connection after so many bytes.
    Cut(Said, usize),
    /// It answers, and says nothing more after so many bytes.
    Stalls(Said, usize),
}

/// A request as it came in.
#[derive(Clone, Debug)]
pub struct Asked {
    pub line: String,
    pub headers: Vec<String>,
    pub body: Value,
}

/// The server. Where no reply is queued it says `ok`.
#[derive(Clone)]
pub struct Models {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    replies: Arc<Mutex<VecDeque<Reply>>>,
}

impl Models {
    pub async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let models = Self {
            address: listener.local_addr().unwrap(),
            asked: Arc::default(),
            replies: Arc::new(Mutex::new(replies.into_iter().collect())),
        };
        let serving = models.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let models = serving.clone();
                tokio::spawn(async move { models.serve(stream).await });
            }
        });
        models
    }

    /// The base URL under which it is found in every dialect.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn then(&self, reply: Reply) {
        self.replies.lock().unwrap().push_back(reply);
    }

    /// Puts these replies in place of what is queued.
    pub fn replace(&self, replies: impl IntoIterator<Item = Reply>) {
        *self.replies.lock().unwrap() = replies.into_iter().collect();
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    async fn serve(&self, stream: TcpStream) -> Option<()> {
        stream.set_nodelay(true).ok()?;
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
        let mut headers = Vec::new();
        loop {
            let mut header = String::new();
            stream.read_line(&mut header).await.ok()?;
            match header.trim() {
                "" => break,
                header => headers.push(header.to_lowercase()),
            }
        }
        let length = headers.iter().find_map(|header| header.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        stream.read_exact(&mut body).await.ok()?;
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let line = line.trim().to_owned();
        if line.starts_with("GET") {
            return send(&mut stream, 200, &[], list(&line).to_string().as_bytes()).await;
        }
        let dialect = dialect(&line);
        self.asked.lock().unwrap().push(Asked { line, headers, body });
        let reply = self.replies.lock().unwrap().pop_front();
        match reply.unwrap_or_else(|| Reply::Says(Said::text("ok"))) {
            Reply::Says(said) => send(&mut stream, 200, &[], &wire(dialect, &said)).await,
            Reply::Status(status, headers, body) => {
                send(&mut stream, status, headers, body.as_bytes()).await
            }
            Reply::Bytes(bytes) => send(&mut stream, 200, &[], &bytes).await,
            Reply::Cut(said, at) => send(&mut stream, 200, &[], &before(dialect, &said, at)).await,
            Reply::Stalls(said, at) => {
                send(&mut stream, 200, &[], &before(dialect, &said, at)).await?;
                tokio::time::sleep(Duration::from_secs(3_600)).await;
                None
            }
        }
    }
}

/// The first bytes of the stream in which a server says something.
fn before(dialect: Dialect, said: &Said, at: usize) -> Vec<u8> {
    let mut bytes = wire(dialect, said);
    bytes.truncate(at);
    bytes
}

/// Sends an answer whose end is the end of the connection, a few bytes at a time.
async fn send(
    stream: &mut BufReader<TcpStream>,
    status: u16,
    headers: &[&str],
    body: &[u8],
) -> Option<()> {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).await.ok()?;
    for piece in body.chunks(97) {
        stream.write_all(piece).await.ok()?;
        stream.flush().await.ok()?;
    }
    Some(())
}

fn dialect(line: &str) -> Dialect {
    match line {
        line if line.contains("/chat/completions") => Dialect::OpenAi,
        line if line.contains("/v1/messages") => Dialect::Anthropic,
        line if line.contains("/api/chat") => Dialect::Ollama,
        _ => Dialect::Gemini,
    }
}

/// The list of models, in the dialect of the path.
fn list(line: &str) -> Value {
    match line {
        line if line.contains("/api/tags") => {
            json!({ "models": [{ "name": "nomic-embed-text:latest" }, { "name": "scripted:1b" }] })
        }
        line if line.contains("/v1beta/models") => json!({ "models": [
            { "name": "models/scripted", "supportedGenerationMethods": ["generateContent"] },
            { "name": "models/embedder", "supportedGenerationMethods": ["embedContent"] },
        ] }),
        _ => json!({ "object": "list", "data": [{ "id": "scripted" }] }),
    }
}

/// The stream in which a server says something.
pub fn wire(dialect: Dialect, said: &Said) -> Vec<u8> {
    match dialect {
        Dialect::OpenAi => openai(said),
        Dialect::Anthropic => anthropic(said),
        Dialect::Ollama => ollama(said),
        Dialect::Gemini => gemini(said),
    }
    .into_bytes()
}

/// A text in two parts, so that it comes in two pieces.
fn halves(text: &str) -> Vec<String> {
    let middle = text.chars().count() / 2;
    let halves = [text.chars().take(middle).collect(), text.chars().skip(middle).collect()];
    halves.into_iter().filter(|half: &String| !half.is_empty()).collect()
}

fn events(events: impl IntoIterator<Item = Value>) -> String {
    events.into_iter().map(|event| format!("data: {event}\n\n")).collect()
}

fn openai(said: &Said) -> String {
    let chunk = |delta: Value, finish: Value| {
        let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
        json!({ "id": "c1", "object": "chat.completion.chunk", "model": "scripted-1",
            "choices": [choice], "usage": null })
    };
    let mut chunks =
        vec![chunk(json!({ "role": "assistant", "content": null, "refusal": null }), Value::Null)];
    for half in halves(&said.text) {
        chunks.push(chunk(json!({ "content": half }), Value::Null));
    }
    for (index, (name, arguments)) in said.calls.iter().enumerate() {
        let function = json!({ "name": name, "arguments": "" });
        let call = json!({ "index": index, "id": format!("call_{index}"), "type": "function",
            "function": function });
        chunks.push(chunk(json!({ "tool_calls": [call] }), Value::Null));
        for half in halves(&arguments.to_string()) {
            let call = json!({ "index": index, "function": { "arguments": half } });
            chunks.push(chunk(json!({ "tool_calls": [call] }), Value::Null));
        }
    }
    let finish = match said.end {
        End::Length => "length",
        End::Withheld => "content_filter",
        End::Done if said.calls.is_empty() => "stop",
        End::Done => "tool_calls",
    };
    chunks.push(chunk(json!({}), finish.into()));
    chunks.push(json!({ "id": "c1", "model": "scripted-1", "choices": [], "usage": {
        "prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25,
        "prompt_tokens_details": { "cached_tokens": 8 } } }));
    format!(": keep-alive\n\n{}data: [DONE]\n\n", events(chunks))
}

fn anthropic(said: &Said) -> String {
    let mut sent = vec![
        json!({ "type": "message_start", "message": { "id": "m1", "role": "assistant",
            "model": "scripted-1", "content": [], "usage": { "input_tokens": 12,
            "cache_read_input_tokens": 8, "cache_creation_input_tokens": 0,
            "output_tokens": 1 } } }),
        json!({ "type": "ping" }),
    ];
    let mut index = 0;
    if !said.text.is_empty() {
        let block = json!({ "type": "text", "text": "" });
        sent.push(json!({ "type": "content_block_start", "index": 0, "content_block": block }));
        for half in halves(&said.text) {
            let delta = json!({ "type": "text_delta", "text": half });
            sent.push(json!({ "type": "content_block_delta", "index": 0, "delta": delta }));
        }
        sent.push(json!({ "type": "content_block_stop", "index": 0 }));
        index = 1;
    }
    for (number, (name, arguments)) in said.calls.iter().enumerate() {
        let block = json!({ "type": "tool_use", "id": format!("call_{number}"), "name": name,
            "input": {} });
        sent.push(json!({ "type": "content_block_start", "index": index, "content_block": block }));
        for half in halves(&arguments.to_string()) {
            let delta = json!({ "type": "input_json_delta", "partial_json": half });
            sent.push(json!({ "type": "content_block_delta", "index": index, "delta": delta }));
        }
        sent.push(json!({ "type": "content_block_stop", "index": index }));
        index += 1;
    }
    let stop = match said.end {
        End::Length => "max_tokens",
        End::Withheld => "refusal",
        End::Done if said.calls.is_empty() => "end_turn",
        End::Done => "tool_use",
    };
    sent.push(json!({ "type": "message_delta", "delta": { "stop_reason": stop },
        "usage": { "output_tokens": 5 } }));
    sent.push(json!({ "type": "message_stop" }));
    let named = sent.into_iter().map(|event| {
        let kind = event["type"].as_str().unwrap().to_owned();
        format!("event: {kind}\r\ndata: {event}\r\n\r\n")
    });
    named.collect()
}

fn ollama(said: &Said) -> String {
    let line = |message: Value| json!({ "model": "scripted-1", "message": message, "done": false });
    let mut lines = Vec::new();
    for half in halves(&said.text) {
        lines.push(line(json!({ "role": "assistant", "content": half })));
    }
    if !said.calls.is_empty() {
        let calls: Vec<_> = said
            .calls
            .iter()
            .enumerate()
            .map(|(index, (name, arguments))| {
                let function = json!({ "name": name, "arguments": arguments });
                json!({ "id": format!("call_{index}"), "function": function })
            })
            .collect();
        lines.push(line(json!({ "role": "assistant", "content": "", "tool_calls": calls })));
    }
    let reason = if said.end == End::Length { "length" } else { "stop" };
    lines.push(json!({ "model": "scripted-1", "message": { "role": "assistant", "content": "" },
        "done": true, "done_reason": reason, "prompt_eval_count": 20, "eval_count": 5 }));
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn gemini(said: &Said) -> String {
    let piece = |parts: Vec<Value>, finish: Option<&str>| {
        let mut candidate = json!({ "content": { "role": "model", "parts": parts }, "index": 0 });
        if let Some(finish) = finish {
            candidate["finishReason"] = finish.into();
        }
        json!({ "candidates": [candidate], "modelVersion": "scripted-1", "usageMetadata": {
            "promptTokenCount": 20, "candidatesTokenCount": 4, "thoughtsTokenCount": 1,
            "cachedContentTokenCount": 8, "totalTokenCount": 25 } })
    };
    let mut pieces: Vec<_> = halves(&said.text)
        .into_iter()
        .map(|half| piece(vec![json!({ "text": half })], None))
        .collect();
    let calls: Vec<_> = said
        .calls
        .iter()
        .enumerate()
        .map(|(index, (name, arguments))| {
            let id = format!("call_{index}");
            json!({ "functionCall": { "id": id, "name": name, "args": arguments } })
        })
        .collect();
    let finish = match said.end {
        End::Done => "STOP",
        End::Length => "MAX_TOKENS",
        End::Withheld => "SAFETY",
    };
    pieces.push(piece(calls, Some(finish)));
    events(pieces)
}
