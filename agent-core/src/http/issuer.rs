//! The name of who issued a certificate (X.509, RFC 5280, sections 4.1.2.4 and A.1), for people.

use rustls::pki_types::CertificateDer;

/// The object identifiers of the parts of a name that people know it by, the best first: common name,
/// organization, organizational unit.
const PARTS: [&[u8]; 3] = [&[0x55, 4, 3], &[0x55, 4, 10], &[0x55, 4, 11]];

const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF16: u8 = 0x1e;

/// A name from who knows whom is shown with this many characters at most.
const SHOWN: usize = 80;

/// The issuer as people know it; `?` where the certificate cannot be read.
pub(super) fn of(certificate: &CertificateDer<'_>) -> String {
    let parsed = webpki::EndEntityCert::try_from(certificate);
    parsed.ok().and_then(|certificate| name(certificate.issuer())).unwrap_or_else(|| "?".to_owned())
}

/// What a Name without its outer frame says: a list of sets of attributes.
fn name(mut sets: &[u8]) -> Option<String> {
    let mut found = [None, None, None];
    while let Some((_, mut set, rest)) = element(sets) {
        sets = rest;
        while let Some((_, attribute, rest)) = element(set) {
            set = rest;
            let Some((OBJECT_IDENTIFIER, part, value)) = element(attribute) else { continue };
            let Some((kind, text, _)) = element(value) else { continue };
            if let Some(place) = PARTS.iter().position(|known| *known == part) {
                found[place] = Some(printable(kind, text));
            }
        }
    }
    found.into_iter().flatten().find(|text| !text.is_empty())
}

fn printable(kind: u8, text: &[u8]) -> String {
    let text = if kind == UTF16 {
        let units: Vec<u16> = text.as_chunks().0.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
        String::from_utf16_lossy(&units)
    } else {
        String::from_utf8_lossy(text).into_owned()
    };
    text.chars().filter(|char| !char.is_control()).take(SHOWN).collect()
}

/// The first element of a text in DER: its tag, what it holds, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 => (usize::from(*rest.first()?), rest.get(1..)?),
        0x82 => (usize::from(u16::from_be_bytes(*rest.first_chunk()?)), rest.get(2..)?),
        // No name is longer.
        _ => return None,
    };
    Some((tag, rest.get(..length)?, rest.get(length..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, u8::try_from(content.len()).unwrap()], content].concat()
    }

    fn attribute(part: &[u8], kind: u8, text: &[u8]) -> Vec<u8> {
        framed(0x31, &framed(0x30, &[framed(OBJECT_IDENTIFIER, part), framed(kind, text)].concat()))
    }

    #[test]
    fn the_common_name_is_shown_and_else_the_organization() {
        let organization = attribute(PARTS[1], 0x13, b"Northwind");
        let both = [organization.clone(), attribute(PARTS[0], 0x0c, "Wächter".as_bytes())].concat();
        assert_eq!(name(&both).as_deref(), Some("Wächter"));
        assert_eq!(name(&organization).as_deref(), Some("Northwind"));
        assert_eq!(name(&attribute(PARTS[0], UTF16, &[0, b'A', 0, b'B'])).as_deref(), Some("AB"));
    }

    #[test]
    fn what_is_cut_off_or_malicious_is_no_name() {
        assert_eq!(name(&[]), None);
        let whole = attribute(PARTS[0], 0x0c, b"Proxy");
        for end in 0..whole.len() {
            assert_eq!(name(&whole[..end]), None, "cut at {end}");
        }
        let shown = name(&attribute(PARTS[0], 0x0c, b"a\x1b[31m\nb")).unwrap();
        assert_eq!(shown, "a[31mb", "nothing that a terminal obeys");
        assert_eq!(of(&CertificateDer::from(vec![0x30, 0])), "?");
    }
}
