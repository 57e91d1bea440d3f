//! A small HTTP server that answers as told and remembers what it was asked.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What the stub answers to one request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A status with a JSON body.
    Json(u16, &'static str),
    /// A status with one more header.
    With(u16, &'static str),
    /// Nothing, for ever.
    Silence,
    /// The connection is closed without an answer.
    Cut,
}

/// A request as it came in.
#[derive(Clone, Debug)]
pub struct Asked {
    pub line: String,
    pub headers: Vec<String>,
    pub body: String,
}

/// The stub. Where no reply is queued it answers 200 and `{"ok": true}`.
#[derive(Clone)]
pub struct Stub {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    replies: Arc<Mutex<VecDeque<Reply>>>,
}

impl Stub {
    pub async fn start(replies: &[Reply]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stub = Self {
            address: listener.local_addr().unwrap(),
            asked: Arc::default(),
            replies: Arc::new(Mutex::new(replies.iter().cloned().collect())),
        };
        let serving = stub.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let stub = serving.clone();
                tokio::spawn(async move { stub.serve(stream).await });
            }
        });
        stub
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    async fn serve(&self, stream: TcpStream) -> Option<()> {
        let mut stream = BufReader::new(stream);
        loop {
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
            let body = String::from_utf8(body).unwrap();
            self.asked.lock().unwrap().push(Asked { line: line.trim().into(), headers, body });
            let reply = self.replies.lock().unwrap().pop_front();
            let (status, header, body) = match reply.unwrap_or(Reply::Json(200, "{\"ok\":true}")) {
                Reply::Json(status, body) => (status, "x-stub: 1", body),
                Reply::With(status, header) => (status, header, "{}"),
                Reply::Cut => return None,
                Reply::Silence => {
                    tokio::time::sleep(Duration::from_secs(3_600)).await;
                    return None;
                }
            };
            let answer = format!(
                "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{header}\r\n\
                 content-length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await.ok()?;
        }
    }
}
