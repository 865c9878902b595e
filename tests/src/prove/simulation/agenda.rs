//! What happens when: events with their times, in the order in which they were put down.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
};

use deskbell_protocol::{
    Millis,
    device::Enrolled,
    error::ErrorBody,
    sync::{SyncRequest, SyncResponse},
};

use super::{happenings::Happening, server::Signed, world::START};

pub(super) enum Event {
    Wake(usize, u64),
    Arrives(usize, u64, Signed, Option<Box<SyncRequest>>),
    Answer(usize, u64, Box<Answer>),
    Timeout(usize, u64),
    Write(usize),
    Happens(Happening),
    Heal,
}

impl Event {
    pub(super) fn told(&self) -> String {
        let sent = |request: &SyncRequest| {
            let items = request.items.iter().map(|item| item.id().to_string()[..4].to_owned());
            format!("epoch {} items {:?}", epoch(request.epoch), items.collect::<Vec<_>>())
        };
        match self {
            Self::Wake(device, alarm) => format!("wake {device} {alarm}"),
            Self::Arrives(device, number, signed, Some(request)) => {
                format!("request {number} of {device} signed at {}: {}", signed.created - START / 1000, sent(request))
            }
            Self::Arrives(device, number, ..) => format!("introduction {number} of {device}"),
            Self::Answer(device, number, answer) => match answer.as_ref() {
                Answer::Synced(Ok(response)) => {
                    format!("answer {number} to {device}: epoch {} {:?}", epoch(response.epoch), response.receipts)
                }
                Answer::Synced(Err(body)) | Answer::Introduced(Err(body)) => {
                    format!("answer {number} to {device}: {:?}", body.code)
                }
                Answer::Introduced(Ok(_)) => format!("answer {number} to {device}: introduced"),
                Answer::Page => format!("answer {number} to {device}: a page"),
            },
            Self::Timeout(device, number) => format!("{device} gives {number} up"),
            Self::Write(device) => format!("{device} writes"),
            Self::Happens(kind) => format!("happens {kind:?}"),
            Self::Heal => "heal".to_owned(),
        }
    }
}

/// Count and chance apart.
fn epoch(epoch: i64) -> String {
    format!("{}.{}", epoch / deskbell_server::epochs::CHANCE, epoch % deskbell_server::epochs::CHANCE)
}

#[derive(Clone)]
pub(super) enum Answer {
    Synced(Result<SyncResponse, Box<ErrorBody>>),
    Introduced(Result<Enrolled, Box<ErrorBody>>),
    /// Something on the way answers.
    Page,
}

#[derive(Default)]
pub(super) struct Agenda {
    times: BinaryHeap<Reverse<(Millis, u64)>>,
    events: HashMap<u64, Event>,
    /// How many events there were: what happens at one time happens in the order of this count.
    count: u64,
}

impl Agenda {
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn at(&mut self, time: Millis, event: Event) {
        self.count += 1;
        self.times.push(Reverse((time, self.count)));
        self.events.insert(self.count, event);
    }

    /// When the next event is.
    pub(super) fn next(&self) -> Option<Millis> {
        self.times.peek().map(|next| next.0.0)
    }

    pub(super) fn pop(&mut self) -> Option<Event> {
        let Reverse((_, count)) = self.times.pop()?;
        self.events.remove(&count)
    }
}
