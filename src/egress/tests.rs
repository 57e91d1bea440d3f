//! What is refused, whatever form it takes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolving};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

/// Every name leads to loopback.
struct Loopback;

impl Resolve for Loopback {
    fn resolve(&self, _: Name) -> Resolving {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        Box::pin(async move { Ok(Box::new(std::iter::once(address)) as Addrs) })
    }
}

fn get(url: &str) -> Request {
    Request::new(Method::GET, url.parse().unwrap(), Duration::from_secs(5))
}

#[tokio::test]
async fn private_addresses_are_refused_in_every_form() {
    let egress = Egress::resolving(Vec::new(), Arc::new(Loopback)).unwrap();
    for url in [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://0177.0.0.1/",
        "http://0x7f.0.0.1/",
        "http://0x7f000001/",
        "http://10.0.0.8/",
        "http://172.16.0.1/",
        "http://192.168.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://100.64.0.1/",
        "http://0.0.0.0/",
        "http://[::1]/",
        "http://[::]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:a9fe:a9fe]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[fd00:ec2::254]/",
        "http://[fe80::1]/",
        "http://127.0.0.1./",
        "http://name-of-loopback.example/",
        "https://name-of-loopback.example/",
        "http://localhost/",
        "http://LOCALHOST./",
    ] {
        let refused = egress.send(get(url)).await;
        assert!(matches!(refused, Err(EgressError::Refused(_))), "{url}: {refused:?}");
    }
    for url in ["ftp://example.com/", "file:///etc/passwd", "http://user:word@example.com/"] {
        let invalid = egress.send(get(url)).await;
        assert!(matches!(invalid, Err(EgressError::Invalid(_))), "{url}: {invalid:?}");
    }
}

/// A server that answers every connection with the same bytes and tells what it was sent.
async fn server(answer: String) -> (u16, tokio::sync::mpsc::Receiver<String>) {
    server_at("127.0.0.1", answer).await
}

/// The same at another address.
async fn server_at(address: &str, answer: String) -> (u16, tokio::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind((address, 0)).await.unwrap();
    let (heard, hear) = tokio::sync::mpsc::channel(16);
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = vec![0; 4_096];
            let read = stream.read(&mut asked).await.unwrap_or_default();
            asked.truncate(read);
            let _ = heard.try_send(String::from_utf8_lossy(&asked).to_lowercase());
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (port, hear)
}

fn allowing(networks: &[&str]) -> Egress {
    Egress::new(networks.iter().map(|network| network.parse().unwrap()).collect()).unwrap()
}

#[tokio::test]
async fn a_redirect_is_checked_and_takes_no_headers_along() {
    let (inner, mut heard) =
        server_at("127.0.0.2", "HTTP/1.1 200 X\r\ncontent-length: 2\r\n\r\nok".into()).await;
    let moved = |to: &str| {
        format!(
            "HTTP/1.1 302 X\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        )
    };
    let (outer, _outer_heard) = server(moved(&format!("http://127.0.0.2:{inner}/"))).await;
    let mut request = get(&format!("http://127.0.0.1:{outer}/"));
    request.headers.insert("x-secret", "word".parse().unwrap());

    let only_outer = allowing(&["127.0.0.1/32"]).send(request.clone()).await;
    assert!(matches!(only_outer, Err(EgressError::Refused(_))), "{only_outer:?}");

    let answer = allowing(&["127.0.0.0/8"]).send(request).await.unwrap();
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (200, &b"ok"[..]));
    assert!(!heard.recv().await.unwrap().contains("x-secret"));
}

#[tokio::test]
async fn endless_redirects_large_and_cut_answers_and_closed_ports_are_told_apart() {
    let egress = allowing(&["127.0.0.0/8"]);
    let (looping, _heard) = server(
        "HTTP/1.1 302 X\r\nlocation: /\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".into(),
    )
    .await;
    let (large, _heard) =
        server(format!("HTTP/1.1 200 X\r\ncontent-length: 2000\r\n\r\n{}", "x".repeat(2000))).await;
    let (cut, _heard) = server("HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\nx".into()).await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let small = |port: u16| Request {
        max_bytes: 1_000,
        timeout: Duration::from_secs(2),
        ..get(&format!("http://127.0.0.1:{port}/path?secret=word"))
    };
    let looped = egress.send(small(looping)).await.unwrap_err();
    assert!(matches!(looped, EgressError::Redirects(_)), "{looped:?}");
    let too_large = egress.send(small(large)).await.unwrap_err();
    assert!(matches!(too_large, EgressError::TooLarge(_, 1_000)), "{too_large:?}");
    let unanswered = egress.send(small(cut)).await.unwrap_err();
    assert!(matches!(unanswered, EgressError::Unanswered(_)), "{unanswered:?}");
    let not_sent = egress.send(small(closed)).await.unwrap_err();
    assert!(matches!(not_sent, EgressError::NotSent(_)), "{not_sent:?}");
    for error in [too_large, unanswered, not_sent] {
        assert!(!error.to_string().contains("word"), "{error}");
    }
}

#[tokio::test]
async fn what_the_operator_names_is_reached_and_what_it_redirects_to_is_checked() {
    let egress = Egress::resolving(Vec::new(), Arc::new(Loopback)).unwrap();
    let (port, _heard) = server("HTTP/1.1 200 X\r\ncontent-length: 2\r\n\r\nok".into()).await;
    let (away, _heard) = server(format!(
        "HTTP/1.1 302 X\r\nlocation: http://127.0.0.1:{port}/\r\ncontent-length: 0\r\n\r\n"
    ))
    .await;
    let trusted = |url: String| Request { trusted: true, ..get(&url) };
    for host in ["127.0.0.1", "private.example"] {
        let url = format!("http://{host}:{port}/");
        let answer = egress.send(trusted(url.clone())).await.unwrap();
        assert_eq!(&answer.body[..], b"ok", "{host}");
        let refused = egress.send(get(&url)).await;
        assert!(matches!(refused, Err(EgressError::Refused(_))), "{host}: {refused:?}");
        let redirected = egress.send(trusted(format!("http://{host}:{away}/"))).await;
        assert!(matches!(redirected, Err(EgressError::Refused(_))), "{host}: {redirected:?}");
    }
}

#[tokio::test]
async fn an_answer_is_read_as_it_comes_within_its_limits() {
    let egress = allowing(&["127.0.0.0/8"]);
    let head = "HTTP/1.1 200 X\r\nx-kind: stream\r\ncontent-length:";
    let (whole, _heard) = server(format!("{head} 5\r\n\r\nwhole")).await;
    let (large, _heard) = server(format!("{head} 2000\r\n\r\n{}", "x".repeat(2_000))).await;
    let (cut, _heard) = server(format!("{head} 9\r\n\r\nx")).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_port = silent.local_addr().unwrap().port();
    let opened = async |port: u16, silence: u64| {
        let url = format!("http://127.0.0.1:{port}/?secret=word");
        let request = Request { max_bytes: 1_000, ..get(&url) };
        let mut incoming = egress.open(request, Duration::from_millis(silence)).await?;
        assert_eq!(incoming.headers["x-kind"], "stream");
        incoming.rest().await
    };
    assert_eq!(&opened(whole, 4_000).await.unwrap()[..], b"whole");
    let error = opened(large, 4_000).await.unwrap_err();
    assert!(matches!(error, EgressError::TooLarge(_, 1_000)), "{error:?}");
    let error = opened(cut, 4_000).await.unwrap_err();
    assert!(matches!(error, EgressError::Unanswered(_)), "{error:?}");
    let error = opened(silent_port, 50).await.unwrap_err();
    assert!(matches!(error, EgressError::Silent(_)), "{error:?}");
    assert!(!error.to_string().contains("word"), "{error}");
}
