//! From bytes as they come to whole frames: server-sent events, and JSON lines.
//!
//! Chunks may be split anywhere, in the middle of a character too. Never here: what a frame
//! says, or whether a stream has come to its end.

use bytes::{Buf as _, BytesMut};

use super::CompletionError;

/// How long a frame may be, in bytes.
const MOST: usize = 8 * 1024 * 1024;

/// How frames are set apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// Server-sent events (WHATWG HTML, section 9.2.6); only their data counts.
    Events,
    /// One JSON text per line.
    Lines,
}

/// A reader of frames.
#[derive(Debug)]
pub(super) struct Frames {
    framing: Framing,
    /// What has come and is not read yet.
    buffer: BytesMut,
    /// How much of it was looked through for the end of a line.
    seen: usize,
    /// The last line ended with CR, so an LF now is a part of that end.
    after_cr: bool,
    /// The data of the event that is being read.
    data: Option<Vec<u8>>,
}

impl Frames {
    /// A reader at the beginning of a stream.
    pub(super) fn new(framing: Framing) -> Self {
        Self { framing, buffer: BytesMut::new(), seen: 0, after_cr: false, data: None }
    }

    /// Takes bytes as they come.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame, if it has come.
    pub(super) fn next(&mut self) -> Option<Result<String, CompletionError>> {
        while let Some(line) = self.line() {
            if let Some(frame) = self.frame(&line) {
                return Some(text(frame));
            }
            if self.data.as_ref().is_some_and(|data| data.len() > MOST) {
                return Some(Err(too_long()));
            }
        }
        (self.buffer.len() > MOST).then(|| Err(too_long()))
    }

    /// What is left when nothing more comes: a last frame that nothing closes.
    pub(super) fn rest(mut self) -> Option<Result<String, CompletionError>> {
        let line = self.buffer.split();
        let frame = self.frame(&line).or_else(|| self.frame(b""));
        frame.map(text)
    }

    /// The next whole line, without its end: LF, CR, or both.
    fn line(&mut self) -> Option<BytesMut> {
        if self.after_cr && !self.buffer.is_empty() {
            self.after_cr = false;
            if self.buffer.starts_with(b"\n") {
                self.buffer.advance(1);
            }
        }
        let unseen = self.buffer.get(self.seen..).unwrap_or_default();
        let Some(end) = unseen.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
            self.seen = self.buffer.len();
            return None;
        };
        let line = self.buffer.split_to(self.seen + end);
        self.seen = 0;
        self.after_cr = self.buffer.starts_with(b"\r");
        self.buffer.advance(1);
        Some(line)
    }

    /// Takes a line; the frame that it closes, if any.
    fn frame(&mut self, line: &[u8]) -> Option<Vec<u8>> {
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        match self.framing {
            Framing::Lines => Some(line.trim_ascii().to_vec()).filter(|line| !line.is_empty()),
            Framing::Events if line.is_empty() => self.data.take(),
            Framing::Events => {
                // Other fields say nothing that the data does not; without a field it is a
                // comment that keeps the connection alive.
                let value = line.strip_prefix(b"data")?;
                let value = if value.is_empty() { value } else { value.strip_prefix(b":")? };
                let value = value.strip_prefix(b" ").unwrap_or(value);
                match &mut self.data {
                    None => self.data = Some(value.to_vec()),
                    Some(data) => {
                        data.push(b'\n');
                        data.extend_from_slice(value);
                    }
                }
                None
            }
        }
    }
}

fn text(frame: Vec<u8>) -> Result<String, CompletionError> {
    String::from_utf8(frame).map_err(|_| CompletionError::malformed("it is not UTF-8"))
}

fn too_long() -> CompletionError {
    CompletionError::malformed("a part of it is too long")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    /// The frames of some bytes that come in pieces of a length.
    fn frames(framing: Framing, bytes: &[u8], length: usize) -> Vec<String> {
        let mut frames = Frames::new(framing);
        let mut found = Vec::new();
        for piece in bytes.chunks(length) {
            frames.push(piece);
            while let Some(frame) = frames.next() {
                found.push(frame.unwrap());
            }
        }
        found.extend(frames.rest().map(Result::unwrap));
        found
    }

    #[test]
    fn frames_are_found_wherever_the_bytes_are_split() {
        let samples: [(Framing, &str, &[&str]); 10] = [
            (Framing::Events, "data: a\n\ndata: b\n\n", &["a", "b"]),
            (Framing::Events, "data:a\r\n\r\ndata:  b\r\rdata: c\n\r\n", &["a", " b", "c"]),
            (Framing::Events, "\u{feff}data: a\n\n", &["a"]),
            (Framing::Events, ": ping\n\n:\n\nevent: x\ndata: a\nid: 7\n\n", &["a"]),
            (Framing::Events, "event: ping\n\nretry: 5\n\n", &[]),
            (Framing::Events, "data: a\ndata\ndata: c\n\n", &["a\n\nc"]),
            (Framing::Events, "data: ж🦀\n\ndatabase: no\n\n", &["ж🦀"]),
            (Framing::Events, "data: a\n\ndata: [DONE]", &["a", "[DONE]"]),
            (Framing::Lines, "{\"a\":1}\n\r\n {\"b\":\"é\"} \r\n", &["{\"a\":1}", "{\"b\":\"é\"}"]),
            (Framing::Lines, "{}\n{\"done\":true}", &["{}", "{\"done\":true}"]),
        ];
        for (framing, text, expected) in samples {
            for length in 1..=text.len() {
                assert_eq!(frames(framing, text.as_bytes(), length), expected, "{text:?} {length}");
            }
        }
    }

    #[test]
    fn what_is_no_text_and_what_does_not_end_are_errors() {
        let mut frames = Frames::new(Framing::Lines);
        frames.push(b"\"\xff\"\n");
        assert_eq!(frames.next().unwrap().unwrap_err().code, "malformed");
        for (framing, line) in
            [(Framing::Events, &b"data: 0123456789\n"[..]), (Framing::Lines, &b"0123456789"[..])]
        {
            let mut frames = Frames::new(framing);
            let pushed = (0..MOST).find(|_| {
                frames.push(line);
                frames.next().is_some_and(|frame| frame.is_err())
            });
            assert!(pushed.is_some(), "{framing:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_give_the_same_frames_however_they_are_split(
            bytes in proptest::collection::vec(
                prop_oneof![Just(b'\n'), Just(b'\r'), Just(b':'), Just(b'd'), 0_u8..0x80], 0..200),
            length in 1_usize..20,
        ) {
            for framing in [Framing::Events, Framing::Lines] {
                let whole = frames(framing, &bytes, bytes.len().max(1));
                prop_assert_eq!(frames(framing, &bytes, length), whole);
            }
        }
    }
}
