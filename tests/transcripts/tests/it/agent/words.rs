//! Command lines of a transcript.

/// A command line: words, `key=value` among them, quotes around what has spaces.
pub(super) struct Words(Vec<String>);

impl Words {
    pub(super) fn new(line: &str) -> Self {
        let (mut words, mut word, mut is_quoted) = (Vec::new(), String::new(), false);
        for letter in line.chars() {
            match letter {
                '"' => is_quoted = !is_quoted,
                ' ' if !is_quoted => words.push(std::mem::take(&mut word)),
                _ => word.push(letter),
            }
        }
        words.push(word);
        words.retain(|word| !word.is_empty());
        Self(words)
    }

    pub(super) fn first(&self) -> &str {
        &self.0[0]
    }

    pub(super) fn at(&self, index: usize) -> &str {
        self.0
            .get(index)
            .map_or_else(|| panic!("`{}` needs {index} words after it", self.0[0]), String::as_str)
    }

    pub(super) fn rest(&self, from: usize) -> Vec<String> {
        self.0[from..].to_vec()
    }

    pub(super) fn number(&self, index: usize) -> u64 {
        self.at(index).parse().expect("a number")
    }

    pub(super) fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter_map(move |word| word.strip_prefix(key)?.strip_prefix('='))
    }

    /// The value of `key=value`, or an empty one for the bare word.
    pub(super) fn get<'a>(&'a self, key: &'a str) -> Option<&'a str> {
        self.all(key).next().or_else(|| self.0.iter().skip(1).any(|word| word == key).then_some(""))
    }
}
