//! Tickets as people write them, by a seed: a few words that everybody uses, many that few use.

const COMMON: [&str; 48] = [
    "the", "and", "not", "my", "it", "is", "since", "when", "with", "after", "please", "again", "printer", "screen",
    "outlook", "password", "network", "slow", "error", "login", "update", "mouse", "keyboard", "laptop", "vpn",
    "teams", "excel", "file", "folder", "account", "mail", "phone", "meeting", "room", "camera", "sound", "drive",
    "shared", "access", "window", "crash", "paper", "toner", "scanner", "battery", "cable", "wifi", "restart",
];
const SYLLABLES: [&str; 20] = [
    "ba", "co", "di", "fo", "ga", "hu", "ke", "li", "mo", "na", "pe", "qui", "ro", "su", "ta", "ver", "wi", "xo", "ya",
    "zen",
];
/// Different words of all texts.
const WORDS: f64 = 30_000.0;

/// Steele's SplitMix64: enough of a chance for texts, and the same everywhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// A word of a rank: half as frequent at twice the rank, as words of people are.
    fn rank(&mut self, from: f64) -> usize {
        let part = self.next() as f64 / u64::MAX as f64;
        (from * (WORDS / from).powf(part)) as usize
    }
}

fn word(rank: usize) -> String {
    match COMMON.get(rank.saturating_sub(1)) {
        Some(word) => (*word).to_owned(),
        None => {
            let (a, b) = (rank % 20, rank / 20 % 20);
            let (c, d) = (rank / 400 % 20, rank / 8_000 % 20);
            format!("{}{}{}{}", SYLLABLES[c], SYLLABLES[a], SYLLABLES[b], SYLLABLES[d])
        }
    }
}

/// What was written in one ticket.
#[derive(Debug)]
pub(super) struct Texts {
    pub(super) subject: String,
    pub(super) description: String,
    /// Half of them were answered.
    pub(super) reply: Option<String>,
}

impl Texts {
    pub(super) fn of(ticket: u64) -> Self {
        let mut chance = Chance::new(ticket.wrapping_mul(0x1234_5678_9ABC_DEF1));
        let mut say = |count: u64, from: f64| -> String {
            let words: Vec<String> = (0..count).map(|_| word(chance.rank(from))).collect();
            words.join(" ")
        };
        Self {
            subject: say(3 + ticket % 4, 12.0),
            description: say(15 + ticket % 30, 1.0),
            reply: ticket.is_multiple_of(2).then(|| say(10 + ticket % 15, 1.0)),
        }
    }

    /// Each word once, as the server keeps them: what is made here is folded already.
    pub(super) fn words(&self, others: &[&str]) -> String {
        let texts = [Some(&self.subject), Some(&self.description), self.reply.as_ref()];
        let all = texts.into_iter().flatten().flat_map(|text| text.split(' ')).chain(others.iter().copied());
        all.collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" ")
    }
}

/// Words that somebody would look for: of subjects, whatever their frequency, from tickets that are there at every
/// size.
pub(super) fn questions(count: u64, words: usize) -> Vec<String> {
    let texts = (0..count).map(|n| Texts::of(n * 7 % 300));
    texts.map(|texts| texts.subject.split(' ').take(words).collect::<Vec<_>>().join(" ")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_the_same_every_time_and_few_words_are_frequent() {
        assert_eq!(Texts::of(5).description, Texts::of(5).description);
        let having =
            |word: &str| (0..2_000).filter(|n| Texts::of(*n).description.split(' ').any(|w| w == word)).count();
        let (frequent, seldom) = (having("the"), having("toner"));
        assert!(frequent > 1_000 && (10..400).contains(&seldom), "{frequent} and {seldom}");
    }
}
