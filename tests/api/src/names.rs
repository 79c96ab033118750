//! Names that differ from run to run, and the words that stand for them.

/// What a side calls things; see `calls.rs` for the words.
#[derive(Clone, Debug, Default)]
pub struct Names {
    pairs: Vec<(&'static str, String)>,
}

impl Names {
    /// Gives a word its meaning on this side.
    pub fn set(&mut self, word: &'static str, value: impl Into<String>) {
        let value = value.into();
        match self.pairs.iter_mut().find(|(this, _)| *this == word) {
            Some((_, old)) => *old = value,
            None => self.pairs.push((word, value)),
        }
        // `$framework` before `$frame`: the longer word first.
        self.pairs.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
    }

    /// What a word means.
    pub fn get(&self, word: &str) -> Option<&str> {
        self.pairs.iter().find(|(this, _)| *this == word).map(|(_, value)| value.as_str())
    }

    /// Puts the names into a text.
    pub fn put_into(&self, text: &str) -> String {
        self.pairs.iter().fold(text.to_owned(), |text, (word, value)| text.replace(word, value))
    }

    /// Puts the words back, and one word for each random id, so that two sides can be compared.
    pub fn taken_out(&self, text: &str) -> String {
        let mut pairs: Vec<_> = self.pairs.iter().filter(|(_, value)| value.len() > 3).collect();
        // The id of a framework contains the master's.
        pairs.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
        let text =
            pairs.iter().fold(text.to_owned(), |text, (word, value)| text.replace(value.as_str(), word));
        without_numbers(&without_uuids(&text))
    }
}

/// The parts of a UUID, in hex digits.
const PARTS: [usize; 5] = [8, 4, 4, 4, 12];

fn without_uuids(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::new();
    let mut at = 0;
    while at < bytes.len() {
        match uuid_at(&bytes[at..]) {
            Some(length) => {
                out += "$uuid";
                at += length;
            }
            None => {
                let char = text[at..].chars().next().expect("within the text, at a border");
                out.push(char);
                at += char.len_utf8();
            }
        }
    }
    out
}

fn uuid_at(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    for (index, part) in PARTS.iter().enumerate() {
        if index > 0 {
            (*bytes.get(at)? == b'-').then_some(())?;
            at += 1;
        }
        bytes.get(at..at + part)?.iter().all(u8::is_ascii_hexdigit).then_some(())?;
        at += part;
    }
    Some(at)
}

/// `$master-O17` and its like: what is counted.
fn without_numbers(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("$master-").or_else(|| rest.find("$uuid-")) {
        let end = at + rest[at..].find('-').expect("it was just found") + 1;
        out += &rest[..end];
        rest = &rest[end..];
        let kind = rest.chars().next().filter(|kind| matches!(kind, 'O' | 'S'));
        if let Some(kind) = kind {
            out.push(kind);
            rest = rest[1..].trim_start_matches(|char: char| char.is_ascii_digit());
            out.push('N');
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_in_and_come_out() {
        let mut names = Names::default();
        names.set("$master", "d1f8-4711");
        names.set("$framework", "d1f8-4711-0001");
        assert_eq!(names.put_into("{$framework}"), "{d1f8-4711-0001}");
        assert_eq!(names.taken_out("d1f8-4711-0001 d1f8-4711-O12 is"), "$framework $master-ON is");
        assert_eq!(names.taken_out("x 644e7399-8525-4eda-a37b-9b34f05a3a01 y"), "x $uuid y");
    }
}
