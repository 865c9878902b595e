//! Which words a text has, for finding it again: the same for what is stored and for what is asked.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Signs of one word that are kept: longer ones are no words that anybody types.
const WORD_CHARS: usize = 40;
/// Words of a question that count.
const ASKED: usize = 8;

/// The words of a text, in lower case and without accents, at most [`WORD_CHARS`] long. Only letters and digits
/// are in them, whatever the script.
pub fn folded(text: &str) -> impl Iterator<Item = String> {
    let plain: String = text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect();
    let words: Vec<String> = plain
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| word.chars().flat_map(spelt).take(WORD_CHARS).collect())
        .collect();
    words.into_iter()
}

/// Letters that no decomposition takes apart, as people without them on their keyboard write them.
fn spelt(c: char) -> impl Iterator<Item = char> {
    let [first, second] = match c {
        'ß' => ['s', 's'],
        'æ' => ['a', 'e'],
        'œ' => ['o', 'e'],
        'ø' => ['o', '\0'],
        'ł' => ['l', '\0'],
        'đ' | 'ð' => ['d', '\0'],
        'ı' => ['i', '\0'],
        other => [other, '\0'],
    };
    [first, second].into_iter().filter(|c| *c != '\0')
}

/// What is looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// Nothing in particular.
    #[default]
    Any,
    /// `#1042`: this ticket.
    Number(i64),
    /// All of these words. Where none is left of what was typed, nothing is found.
    Words(Vec<String>),
}

impl Wanted {
    #[must_use]
    pub fn of(typed: &str) -> Self {
        let typed = typed.trim();
        if typed.is_empty() {
            return Self::Any;
        }
        if let Some(number) = typed.strip_prefix('#').and_then(|digits| digits.trim().parse().ok()) {
            return Self::Number(number);
        }
        let mut words: Vec<String> = Vec::new();
        for word in folded(typed) {
            if words.len() < ASKED && !words.contains(&word) {
                words.push(word);
            }
        }
        Self::Words(words)
    }
}

/// Whether a word has to stand as it is: numbers do, or 12 would find 1200 tickets; of every other word the
/// beginning is enough.
#[must_use]
pub fn whole(word: &str) -> bool {
    word.chars().all(char::is_numeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        folded(text).collect()
    }

    #[test]
    fn case_accents_and_signs_do_not_count() {
        assert_eq!(words("L’Écran d'André: ÉTEINT!"), ["l", "ecran", "d", "andre", "eteint"]);
        assert_eq!(
            words("STRASSE Straße Œuvre ØRSTED İstanbul"),
            ["strasse", "strasse", "oeuvre", "orsted", "istanbul"]
        );
        assert_eq!(
            words("PC-0042\\tmp_file 100% a@b.example"),
            ["pc", "0042", "tmp", "file", "100", "a", "b", "example"]
        );
        assert_eq!(words("ﬁle ２０２６ \u{202e}принтер 打印机"), ["file", "2026", "принтер", "打印机"]);
    }

    #[test]
    fn a_word_has_an_end() {
        assert_eq!(words(&"x".repeat(10_000)), ["x".repeat(WORD_CHARS)]);
    }

    #[test]
    fn a_question_is_a_number_or_words() {
        assert_eq!(Wanted::of("  "), Wanted::Any);
        assert_eq!(Wanted::of("# 42"), Wanted::Number(42));
        assert_eq!(Wanted::of("Printer printer BLANK"), Wanted::Words(vec!["printer".into(), "blank".into()]));
        assert_eq!(Wanted::of("'\"*%"), Wanted::Words(Vec::new()));
        assert!(whole("1042") && !whole("pc1042"));
    }
}
