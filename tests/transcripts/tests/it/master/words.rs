//! A command, word by word.

/// Words and `key=value` pairs; text in backticks is one word.
#[derive(Debug)]
pub struct Words {
    words: Vec<String>,
}

impl Words {
    pub fn of(line: &str) -> Self {
        let mut words = vec![String::new()];
        let mut is_quoted = false;
        for char in line.chars() {
            match char {
                '`' => is_quoted = !is_quoted,
                ' ' if !is_quoted => words.push(String::new()),
                char => words.last_mut().expect("there is a word").push(char),
            }
        }
        words.retain(|word| !word.is_empty());
        Self { words }
    }

    /// The word at this place that is no pair.
    pub fn word(&self, at: usize) -> &str {
        self.plain().nth(at).unwrap_or_else(|| panic!("word {at} is missing in {:?}", self.words))
    }

    /// The words that are no pairs.
    pub fn plain(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str).filter(|word| !is_pair(word))
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.words.iter().filter(|word| is_pair(word)).find_map(|word| {
            let (found, value) = word.split_once('=')?;
            (found == key).then_some(value)
        })
    }

    /// The value of `key`, or nothing for the bare word.
    pub fn said(&self, key: &str) -> Option<String> {
        let bare = || self.plain().any(|word| word == key).then(String::new);
        self.get(key).map(str::to_owned).or_else(bare)
    }

    /// The value of `key` in parts.
    pub fn list(&self, key: &str) -> Vec<String> {
        let parts = self.get(key).into_iter().flat_map(|value| value.split(','));
        parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    /// The words in groups that begin at one of `heads`.
    pub fn groups(&self, heads: &[&str]) -> (Words, Vec<Words>) {
        let mut groups = vec![Words { words: Vec::new() }];
        for word in &self.words {
            if heads.contains(&word.as_str()) {
                groups.push(Words { words: Vec::new() });
            }
            groups.last_mut().expect("there is a group").words.push(word.clone());
        }
        let first = groups.remove(0);
        (first, groups)
    }
}

fn is_pair(word: &str) -> bool {
    word.split_once('=')
        .is_some_and(|(key, _)| !key.is_empty() && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
}
