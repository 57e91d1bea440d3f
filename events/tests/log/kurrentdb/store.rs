//! What the stand-in keeps, and what it answers: a list of events whose positions have gaps,
//! with those of somebody else between them.

// The size of a status is for tonic to say.
#![allow(clippy::result_large_err)]

use std::collections::{HashMap, VecDeque};

use super::proto::{
    AppendReq, AppendResp, Event, Halves, Id, NotFound, Place, Proposed, ReadEvent, ReadOptions,
    ReadResp, Refusal, StreamName, Written,
};

/// What goes wrong with the next append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It happens, but the session ends before the answer.
    AnswerLost,
    /// The session ends before it happens.
    RequestLost,
    /// It happens, and the answer does not say where.
    AnswerWithoutPosition,
    /// It is refused as too large.
    Refused,
}

#[derive(Default)]
pub(super) struct Store {
    events: Vec<Event>,
    streams: HashMap<Vec<u8>, Vec<usize>>,
    pub(super) faults: VecDeque<Fault>,
}

/// What becomes of an append.
pub(super) enum Outcome {
    Answer(AppendResp),
    SessionEnds,
}

fn same(id: Option<&Id>) -> Option<Id> {
    // Written in halves, read as text.
    let Halves { most, least } = id?.halves.clone()?;
    let bytes = [most.to_be_bytes(), least.to_be_bytes()].concat();
    let text = uuid::Uuid::from_slice(&bytes).unwrap().to_string();
    Some(Id { halves: None, text: Some(text) })
}

impl Store {
    fn push(&mut self, stream: &[u8], message: Proposed) {
        let place = self.events.len();
        let of_stream = self.streams.entry(stream.to_vec()).or_default();
        let last = self.events.last().map_or(100, |event| event.commit);
        let position = last + 61 + message.data.len() as u64;
        of_stream.push(place);
        self.events.push(Event {
            id: same(message.id.as_ref()),
            stream: Some(StreamName { name: stream.to_vec() }),
            revision: of_stream.len() as u64 - 1,
            prepare: position,
            commit: position,
            metadata: message.metadata,
            custom: message.custom,
            data: message.data,
        });
    }

    pub(super) fn append(&mut self, request: AppendReq) -> Outcome {
        let fault = self.faults.pop_front();
        if fault == Some(Fault::RequestLost) {
            return Outcome::SessionEnds;
        }
        assert!(request.is_final, "parts of an append are beyond the stand-in");
        let options = request.options.unwrap();
        let stream = options.stream.unwrap();
        let answer = |error, success| {
            let (correlation, stream) = (request.correlation.clone(), Some(stream.clone()));
            Outcome::Answer(AppendResp { correlation, error, success, stream })
        };
        let refuse =
            |code, message: &str| answer(Some(Refusal { code, message: message.to_owned() }), None);
        if fault == Some(Fault::Refused) {
            return refuse(3, "MaximumAppendSizeExceeded");
        }
        let count = self.streams.get(&stream.name).map_or(0, Vec::len);
        let expected = match (options.revision, options.no_stream, options.any) {
            (Some(revision), _, _) => revision as usize + 1,
            (_, Some(()), _) => 0,
            (_, _, Some(())) => count,
            _ => return refuse(3, "StreamExists is beyond the stand-in"),
        };
        let first = request.messages.first().unwrap();
        let repeated = self.streams.get(&stream.name).and_then(|it| it.get(expected));
        let repeated = repeated.is_some_and(|it| self.events[*it].id == same(first.id.as_ref()));
        if !repeated && count != expected {
            return refuse(9, "WrongExpectedVersion");
        }
        if !repeated {
            // Somebody else writes too.
            let id = Some(Id { halves: Some(Halves { most: 1, least: count as i64 }), text: None });
            self.push(b"$stats-0", Proposed { id, data: b"{}".to_vec(), ..Proposed::default() });
            request.messages.iter().for_each(|it| self.push(&stream.name, it.clone()));
        }
        if fault == Some(Fault::AnswerLost) {
            return Outcome::SessionEnds;
        }
        let last = &self.events[*self.streams[&stream.name].last().unwrap()];
        let place = Place { commit: last.commit, prepare: last.prepare };
        let hidden = fault == Some(Fault::AnswerWithoutPosition);
        answer(
            None,
            Some(Written {
                revision: Some(last.revision),
                position: (!hidden).then_some(place),
                no_position: hidden.then_some(()),
            }),
        )
    }

    /// What of a stream is still there.
    pub(super) fn visible(&self, stream: &[u8]) -> Vec<&Event> {
        let places = self.streams.get(stream).map_or(&[][..], Vec::as_slice);
        let settings = self.streams.get(&[b"$$", stream].concat()).and_then(|it| it.last());
        let settings = settings.map(|it| serde_json::from_slice(&self.events[*it].data).unwrap());
        let most = settings.and_then(|it: serde_json::Value| it["$maxCount"].as_u64());
        let hidden = most.map_or(0, |most| places.len().saturating_sub(most as usize));
        places[hidden..].iter().map(|place| &self.events[*place]).collect()
    }

    pub(super) fn read(&self, options: &ReadOptions) -> Result<Vec<ReadResp>, tonic::Status> {
        let backwards = options.direction == 1;
        let count = options
            .count
            .ok_or_else(|| tonic::Status::unimplemented("subscriptions are beyond the stand-in"))?;
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let mut found: Vec<&Event> = match (&options.stream, &options.all) {
            (Some(of), _) => {
                let stream = of.stream.clone().unwrap();
                if !self.streams.contains_key(&stream.name) {
                    let not_found = Some(NotFound { stream: Some(stream) });
                    return Ok(vec![ReadResp { not_found, event: None }]);
                }
                let events = self.visible(&stream.name);
                let from = |event: &&Event| match of.revision {
                    Some(revision) if backwards => event.revision <= revision,
                    Some(revision) => event.revision >= revision,
                    None => of.end.is_none() || backwards,
                };
                events.into_iter().filter(from).collect()
            }
            (None, Some(of)) => match &of.position {
                // A real server reads there, so it has to be where a record begins.
                Some(Place { commit, .. }) => {
                    let there = self.events.iter().any(|event| event.commit == *commit);
                    if !there {
                        return Err(tonic::Status::invalid_argument("there is no such position"));
                    }
                    self.events.iter().filter(|event| event.commit >= *commit).collect()
                }
                None => self.events.iter().collect(),
            },
            (None, None) => return Err(tonic::Status::invalid_argument("read what?")),
        };
        if backwards {
            found.reverse();
        }
        let answer = |event: &Event| ReadResp {
            event: Some(ReadEvent { event: Some(event.clone()), commit: Some(event.commit) }),
            not_found: None,
        };
        Ok(found.into_iter().take(count).map(answer).collect())
    }
}
