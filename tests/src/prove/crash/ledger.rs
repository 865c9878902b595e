//! What was said to be saved, and what the server has to hold because of it.

use crate::prove::Kind;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) sha256: String,
}

/// A ticket or a reply that somebody wrote.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) text: String,
    pub(super) files: Vec<File>,
    /// The entry in the agent's outbox, as the agent said it.
    pub(super) entry: Option<String>,
    /// The agent said that it is saved. What was cut off before that may be there, once.
    pub(super) said: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Ticket {
    pub(super) subject: String,
    pub(super) first: Written,
    /// As the agent said it.
    pub(super) id: Option<String>,
    /// In the order in which they were written.
    pub(super) replies: Vec<Written>,
    /// What technicians wrote; said: the server answered that it is done.
    pub(super) answers: Vec<Written>,
}

/// Every ticket of a world.
#[derive(Debug, Default)]
pub(super) struct Past {
    pub(super) all: Vec<Ticket>,
    /// From here on they are the ones of the person who sits there now.
    from: usize,
}

impl Past {
    /// Where it lies.
    pub(super) fn push(&mut self, ticket: Ticket) -> usize {
        self.all.push(ticket);
        self.all.len() - 1
    }

    /// The newest one of the person who sits there that has an id.
    pub(super) fn newest(&self) -> Option<usize> {
        (self.from..self.all.len()).rev().find(|at| self.all[*at].id.is_some())
    }

    /// Nobody writes to what there is so far any more; in the end it is looked at all the same.
    pub(super) fn forget(&mut self) {
        self.from = self.all.len();
    }
}

/// A ticket as the server holds it.
#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    pub(super) id: String,
    pub(super) subject: String,
    /// Everything that people wrote, in the server's order.
    pub(super) messages: Vec<Message>,
    /// The jobs of the mails that say that it is received.
    pub(super) jobs: Vec<String>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Message {
    pub(super) technician: bool,
    pub(super) text: String,
    /// With what is on the server's disk, where it is complete.
    pub(super) files: Vec<File>,
    pub(super) incomplete: usize,
}

pub(super) type Broken = Vec<(Kind, String)>;

/// Compares one ticket with everything that the server holds under its subject.
pub(super) fn judge(ticket: &Ticket, held: &[Held]) -> Broken {
    let mut broken = Broken::new();
    let name = &ticket.subject;
    let [found] = held else {
        match held.len() {
            0 if ticket.first.said => broken.push((Kind::Lost, format!("{name} was saved and is not there"))),
            0 => {}
            many => broken.push((Kind::Duplicated, format!("{name} is there {many} times"))),
        }
        return broken;
    };
    if ticket.id.as_ref().is_some_and(|id| *id != found.id) {
        // Sent again, it would be a second one.
        broken.push((Kind::Duplicated, format!("{name} has another id than the agent said")));
    }
    match found.jobs.len() {
        0 => broken.push((Kind::Lost, format!("{name} has no job for its mail"))),
        1 => {}
        many => broken.push((Kind::Duplicated, format!("{name} has {many} jobs for its mail"))),
    }
    let of = |technician| found.messages.iter().filter(move |message| message.technician == technician).collect();
    let mut mine: Vec<&Message> = of(false);
    if mine.is_empty() {
        broken.push((Kind::Lost, format!("{name} has no text")));
        return broken;
    }
    let first = mine.remove(0);
    broken.extend(same(name, &ticket.first, first));
    broken.extend(in_order(name, &ticket.replies, &mine));
    broken.extend(in_order(name, &ticket.answers, &of(true)));
    broken
}

/// What is held has to be what was written, in its order, but for what was never said to be saved.
fn in_order(name: &str, written: &[Written], held: &[&Message]) -> Broken {
    let mut broken = Broken::new();
    let mut at = 0;
    for one in written {
        let times = held.iter().filter(|message| message.text == one.text).count();
        match held[at.min(held.len())..].iter().position(|message| message.text == one.text) {
            Some(further) => {
                broken.extend(same(name, one, held[at + further]));
                at += further + 1;
            }
            None if times > 0 => broken.push((Kind::Lost, format!("{name}: {} is not in its place", one.text))),
            None if one.said => broken.push((Kind::Lost, format!("{name}: {} was saved and is not there", one.text))),
            None => {}
        }
        if times > 1 {
            broken.push((Kind::Duplicated, format!("{name}: {} is there {times} times", one.text)));
        }
    }
    for message in held {
        if !written.iter().any(|one| one.text == message.text) {
            broken.push((Kind::Wrong, format!("{name} holds what nobody wrote: {}", message.text)));
        }
    }
    broken
}

fn same(name: &str, written: &Written, held: &Message) -> Broken {
    let mut broken = Broken::new();
    if written.text != held.text {
        broken.push((Kind::Lost, format!("{name}: its text is another one: {}", held.text)));
    }
    if held.incomplete > 0 {
        broken.push((Kind::Lost, format!("{name}: {} files did not arrive", held.incomplete)));
    } else if sorted(&written.files) != sorted(&held.files) {
        broken.push((Kind::Lost, format!("{name}: its files are {:?} and not {:?}", held.files, written.files)));
    }
    broken
}

fn sorted(files: &[File]) -> Vec<(&str, u64, &str)> {
    let mut sorted: Vec<_> = files.iter().map(|file| (file.name.as_str(), file.size, file.sha256.as_str())).collect();
    sorted.sort_unstable();
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str, said: bool) -> Written {
        Written { text: text.into(), files: Vec::new(), entry: None, said }
    }

    fn message(text: &str) -> Message {
        Message { text: text.into(), ..Message::default() }
    }

    fn ticket(replies: &[(&str, bool)]) -> Ticket {
        let replies = replies.iter().map(|(text, said)| written(text, *said)).collect();
        Ticket { subject: "s".into(), first: written("t", true), id: None, replies, answers: Vec::new() }
    }

    fn held(texts: &[&str], jobs: usize) -> Held {
        let messages = texts.iter().map(|text| message(text)).collect();
        Held { id: "1".into(), subject: "s".into(), messages, jobs: vec!["job".into(); jobs] }
    }

    fn kinds(ticket: &Ticket, held: &[Held]) -> Vec<Kind> {
        judge(ticket, held).into_iter().map(|(kind, _)| kind).collect()
    }

    #[test]
    fn what_is_as_it_was_written_is_well() {
        let ticket = ticket(&[("a", true), ("maybe", false), ("b", true)]);
        assert!(kinds(&ticket, &[held(&["t", "a", "b"], 1)]).is_empty());
        assert!(kinds(&ticket, &[held(&["t", "a", "maybe", "b"], 1)]).is_empty());
    }

    #[test]
    fn each_way_to_break_the_promise_is_seen() {
        let ticket = ticket(&[("a", true), ("b", true)]);
        assert_eq!(kinds(&ticket, &[]), [Kind::Lost]);
        let whole = held(&["t", "a", "b"], 1);
        assert_eq!(kinds(&ticket, &[whole.clone(), whole]), [Kind::Duplicated]);
        assert_eq!(kinds(&ticket, &[held(&["t", "a", "b"], 0)]), [Kind::Lost]);
        assert_eq!(kinds(&ticket, &[held(&["t", "a", "b"], 2)]), [Kind::Duplicated]);
        assert_eq!(kinds(&ticket, &[held(&["t", "b", "a"], 1)]), [Kind::Lost], "another order");
        assert_eq!(kinds(&ticket, &[held(&["t", "a"], 1)]), [Kind::Lost]);
        assert_eq!(kinds(&ticket, &[held(&["t", "a", "b", "b"], 1)]), [Kind::Duplicated]);
        assert_eq!(kinds(&ticket, &[held(&["x", "a", "b"], 1)]), [Kind::Lost], "another text");
        assert_eq!(kinds(&ticket, &[held(&["t", "a", "b", "c"], 1)]), [Kind::Wrong]);
    }

    #[test]
    fn a_file_that_is_another_one_is_lost() {
        let mut ticket = ticket(&[]);
        ticket.first.files.push(File { name: "f".into(), size: 1, sha256: "x".into() });
        let mut held = held(&["t"], 1);
        held.messages[0].files.push(File { name: "f".into(), size: 1, sha256: "y".into() });
        assert_eq!(kinds(&ticket, &[held.clone()]), [Kind::Lost]);
        held.messages[0].files[0].sha256 = "x".into();
        assert!(kinds(&ticket, &[held.clone()]).is_empty());
        held.messages[0].incomplete = 1;
        assert_eq!(kinds(&ticket, &[held]), [Kind::Lost]);
    }
}
