//! The two secrets that people carry: the confirmation token from a mail, and the enrolment key
//! from an administrator. Both are read leniently and written in one form.

/// Twenty consonants: no vowels, so that no word appears, and no letter that looks like another.
pub const TOKEN_ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
pub const TOKEN_LENGTH: usize = 8;

/// Crockford's base 32: five bits a character, without I, L, O and U.
pub const KEY_ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// 100 random bits.
pub const KEY_LENGTH: usize = 20;
pub const KEY_PREFIX: &str = "DB";

/// A typed token in its one form, `XXXX-XXXX`, or `None` where it cannot be one. Case, hyphens and
/// white space are ignored.
#[must_use]
pub fn normalize_token(typed: &str) -> Option<String> {
    let letters = letters(typed);
    let valid = letters.len() == TOKEN_LENGTH && letters.bytes().all(|b| TOKEN_ALPHABET.contains(&b));
    valid.then(|| in_groups(&letters))
}

/// A token from `TOKEN_LENGTH` numbers, each below `TOKEN_ALPHABET.len()`.
#[must_use]
pub fn token_from(indices: [u8; TOKEN_LENGTH]) -> String {
    in_groups(&spell(&indices, TOKEN_ALPHABET))
}

/// A typed enrolment key in its one form, `DB-XXXX-XXXX-XXXX-XXXX-XXXX`. The letters that the
/// alphabet leaves out are read as the digits they look like.
#[must_use]
pub fn normalize_enrolment_key(typed: &str) -> Option<String> {
    let all = letters(typed);
    let rest: String = all
        .strip_prefix(KEY_PREFIX)?
        .chars()
        .map(|c| match c {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect();
    let valid = rest.len() == KEY_LENGTH && rest.bytes().all(|b| KEY_ALPHABET.contains(&b));
    valid.then(|| format!("{KEY_PREFIX}-{}", in_groups(&rest)))
}

/// An enrolment key from `KEY_LENGTH` numbers, each below `KEY_ALPHABET.len()`.
#[must_use]
pub fn enrolment_key_from(indices: [u8; KEY_LENGTH]) -> String {
    format!("{KEY_PREFIX}-{}", in_groups(&spell(&indices, KEY_ALPHABET)))
}

fn letters(typed: &str) -> String {
    typed
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\u{2010}'..='\u{2015}'))
        .flat_map(char::to_uppercase)
        .collect()
}

fn spell(indices: &[u8], alphabet: &[u8]) -> String {
    indices.iter().map(|&i| char::from(alphabet[usize::from(i)])).collect()
}

fn in_groups(letters: &str) -> String {
    let mut out = String::with_capacity(letters.len() + letters.len() / 4);
    for (i, c) in letters.chars().enumerate() {
        if i > 0 && i % 4 == 0 {
            out.push('-');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_however_it_is_typed() {
        for typed in ["BCDF-GHJK", "bcdfghjk", " bcdf – ghjk\n"] {
            assert_eq!(normalize_token(typed).as_deref(), Some("BCDF-GHJK"), "{typed:?}");
        }
    }

    #[test]
    fn what_cannot_be_a_token_is_not_one() {
        for typed in ["", "BCDF-GHJ", "BCDF-GHJKL", "ABCD-EFGH", "BCDF-GHJ1", "ßßßß-ßßßß"] {
            assert_eq!(normalize_token(typed), None, "{typed:?}");
        }
    }

    #[test]
    fn an_enrolment_key_forgives_look_alikes() {
        let key = enrolment_key_from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 31]);
        assert_eq!(key, "DB-0123-4567-89AB-CDEF-GHJZ");
        assert_eq!(normalize_enrolment_key("db oL23 4567 89ab cdef ghjz").as_deref(), Some(key.as_str()));
        assert_eq!(normalize_enrolment_key("0123-4567-89AB-CDEF-GHJZ"), None, "the prefix is part of it");
    }
}
