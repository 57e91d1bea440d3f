//! A server on loopback that answers as it is told and keeps what it heard.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The server.
pub(super) struct Stub {
    pub(super) port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    replies: Mutex<VecDeque<Reply>>,
    heard: Mutex<Vec<Heard>>,
}

/// What it answers.
#[derive(Clone, Debug, Default)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, &'static str)>,
    pub(super) more: Vec<(&'static str, String)>,
    pub(super) body: String,
}

impl Reply {
    pub(super) fn json(status: u16, body: Value) -> Self {
        Self { status, body: body.to_string(), ..Self::default() }
    }

    pub(super) fn with(mut self, name: &'static str, value: String) -> Self {
        self.more.push((name, value));
        self
    }
}

/// A request that it heard.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard {
    pub(super) method: String,
    pub(super) target: String,
    head: String,
    pub(super) body: String,
}

impl Heard {
    /// The value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(": ")?;
            known.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// Whether a secret is anywhere in it: as it is, or in a half of HTTP Basic.
    pub(super) fn shows(&self, secret: &str) -> bool {
        use base64::Engine as _;
        let basic = self.header("authorization").and_then(|it| it.strip_prefix("Basic "));
        let basic = basic.and_then(|it| base64::engine::general_purpose::STANDARD.decode(it).ok());
        let basic = basic.map(|it| String::from_utf8_lossy(&it).into_owned()).unwrap_or_default();
        [&self.target, &self.head, &self.body, &basic].iter().any(|text| text.contains(secret))
    }
}

impl Stub {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let kept = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&kept)));
            }
        });
        Self { port, shared }
    }

    /// Answers so from now on.
    pub(super) fn reply(&self, reply: Reply) {
        self.replies([reply]);
    }

    /// Answers with these in turn, and with the last from then on.
    pub(super) fn replies<const N: usize>(&self, replies: [Reply; N]) {
        *self.shared.replies.lock() = replies.into();
    }

    /// What was heard since this was last asked.
    pub(super) fn heard(&self) -> Vec<Heard> {
        std::mem::take(&mut *self.shared.heard.lock())
    }
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let Some(heard) = read(&mut stream).await else { return };
    shared.heard.lock().push(heard);
    let reply = {
        let mut replies = shared.replies.lock();
        let next = if replies.len() > 1 { replies.pop_front() } else { replies.front().cloned() };
        next.unwrap_or_else(|| Reply::json(200, Value::Object(Default::default())))
    };
    let own = reply.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
    let more = reply.more.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
    let headers: String = own.chain(more).collect();
    let text = format!(
        "HTTP/1.1 {} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n{headers}\r\n{}",
        reply.status,
        reply.body.len(),
        reply.body,
    );
    let _ = stream.write_all(text.as_bytes()).await;
}

async fn read(stream: &mut TcpStream) -> Option<Heard> {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 8_192]);
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().ok())?
            });
            let begins = head.len() + 4;
            if bytes.len() >= begins + length.unwrap_or(0) {
                let mut words = head.split(' ');
                return Some(Heard {
                    method: words.next()?.to_owned(),
                    target: words.next()?.to_owned(),
                    head: head.to_owned(),
                    body: String::from_utf8_lossy(&bytes[begins..]).into_owned(),
                });
            }
        }
        match stream.read(&mut chunk).await {
            Ok(read) if read > 0 => bytes.extend_from_slice(&chunk[..read]),
            _ => return None,
        }
    }
}
