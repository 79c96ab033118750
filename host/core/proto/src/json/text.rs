//! JSON text as a tree, with the error texts of the parser that Mesos uses.

use std::{borrow::Cow, collections::BTreeMap};

use super::{DEPTH_MAX, JsonError};

/// How much of the offending line an error shows.
const SHOWN_MAX: usize = 256;

/// A JSON value. Of duplicate keys the last has won.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'text> {
    Null,
    Bool(bool),
    Number(Number),
    String(Cow<'text, str>),
    Array(Vec<Value<'text>>),
    Object(BTreeMap<Cow<'text, str>, Value<'text>>),
}

/// A number, exact as long as it is a whole one of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Signed(i64),
    Unsigned(u64),
    Float(f64),
}

impl Number {
    pub(super) fn as_f64(self) -> f64 {
        match self {
            Number::Signed(number) => number as f64,
            Number::Unsigned(number) => number as f64,
            Number::Float(number) => number,
        }
    }

    /// The whole number, a fraction cut off; `None` if no 64 bits hold it.
    pub(super) fn as_i128(self) -> Option<i128> {
        match self {
            Number::Signed(number) => Some(number.into()),
            Number::Unsigned(number) => Some(number.into()),
            Number::Float(number) if number.abs() < 2f64.powi(65) => Some(number.trunc() as i128),
            Number::Float(_) => None,
        }
    }
}

/// Parses one value with nothing but white space around it.
pub(super) fn parse(text: &[u8]) -> Result<Value<'_>, JsonError> {
    let valid = match std::str::from_utf8(text) {
        Ok(valid) => valid,
        Err(error) => return Err(syntax_error(text, error.valid_up_to())),
    };
    let mut parser = Parser { text: valid, at: 0 };
    let value = parser.value(DEPTH_MAX).map_err(|wrong| match wrong {
        Wrong::Syntax => syntax_error(text, parser.at),
        Wrong::Range => JsonError::Syntax("Value out of range".to_owned()),
    })?;
    let rest = &valid[parser.at..];
    parser.skip_space();
    if parser.at == valid.len() {
        return Ok(value);
    }
    let rest: String = rest.chars().take(SHOWN_MAX).collect();
    Err(JsonError::Syntax(format!("Parsed JSON included non-whitespace trailing characters: {rest}")))
}

/// Names the line and shows what is left of it.
fn syntax_error(text: &[u8], at: usize) -> JsonError {
    let (before, rest) = text.split_at(at.min(text.len()));
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    let rest = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let shown: Vec<u8> = rest.iter().copied().filter(|byte| *byte >= b' ').take(SHOWN_MAX).collect();
    JsonError::Syntax(format!("syntax error at line {line} near: {}", String::from_utf8_lossy(&shown)))
}

/// What is wrong at the parser's place.
enum Wrong {
    /// It is no JSON.
    Syntax,
    /// It is a number that no double holds.
    Range,
}

struct Parser<'text> {
    text: &'text str,
    at: usize,
}

impl<'text> Parser<'text> {
    fn value(&mut self, depth: usize) -> Result<Value<'text>, Wrong> {
        self.skip_space();
        match self.peek() {
            Some(b'{') if depth > 0 => self.object(depth - 1),
            Some(b'[') if depth > 0 => self.array(depth - 1),
            Some(b'"') => Ok(Value::String(self.string()?)),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'{' | b'[') => {
                // Too deep: Mesos has read the bracket by then.
                self.at += 1;
                Err(Wrong::Syntax)
            }
            _ => Err(Wrong::Syntax),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value<'text>, Wrong> {
        self.at += 1;
        let mut members = BTreeMap::new();
        if self.takes(b'}') {
            return Ok(Value::Object(members));
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err(Wrong::Syntax);
            }
            let key = self.string()?;
            self.expect(b':')?;
            members.insert(key, self.value(depth)?);
            if self.takes(b'}') {
                return Ok(Value::Object(members));
            }
            self.expect(b',')?;
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value<'text>, Wrong> {
        self.at += 1;
        let mut items = Vec::new();
        if self.takes(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value(depth)?);
            if self.takes(b']') {
                return Ok(Value::Array(items));
            }
            self.expect(b',')?;
        }
    }

    /// A string whose opening quote is next; borrowed if it has no escapes.
    fn string(&mut self) -> Result<Cow<'text, str>, Wrong> {
        self.at += 1;
        let mut unescaped = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.find(|c: char| c == '"' || c == '\\' || c < ' ').unwrap_or(rest.len());
            let run = &rest[..plain];
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    if unescaped.is_empty() {
                        return Ok(Cow::Borrowed(run));
                    }
                    unescaped.push_str(run);
                    return Ok(Cow::Owned(unescaped));
                }
                Some(b'\\') => {
                    unescaped.push_str(run);
                    self.at += 1;
                    unescaped.push(self.escape()?);
                }
                _ => return Err(Wrong::Syntax),
            }
        }
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Result<char, Wrong> {
        let escaped = match self.peek().ok_or(Wrong::Syntax)? {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                self.at += 1;
                return self.unicode();
            }
            _ => return Err(Wrong::Syntax),
        };
        self.at += 1;
        Ok(escaped)
    }

    /// Four hex digits, and four more after another `\u` if the first are half a pair.
    fn unicode(&mut self) -> Result<char, Wrong> {
        let first = self.hex()?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first).ok_or(Wrong::Syntax);
        }
        if !self.text[self.at..].starts_with("\\u") {
            return Err(Wrong::Syntax);
        }
        self.at += 2;
        let second = self.hex()?;
        if !(0xdc00..0xe000).contains(&second) {
            return Err(Wrong::Syntax);
        }
        char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)).ok_or(Wrong::Syntax)
    }

    fn hex(&mut self) -> Result<u32, Wrong> {
        let digits = self.text.get(self.at..self.at + 4).ok_or(Wrong::Syntax)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(Wrong::Syntax);
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).map_err(|_| Wrong::Syntax)
    }

    /// Takes every character that a number may have, then asks what they mean.
    fn number(&mut self) -> Result<Value<'text>, Wrong> {
        let rest = &self.text[self.at..];
        let is_part = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
        let digits = &rest[..rest.find(|c| !is_part(c)).unwrap_or(rest.len())];
        self.at += digits.len();
        number(digits).map(Value::Number)
    }

    fn word(&mut self, word: &str, value: Value<'text>) -> Result<Value<'text>, Wrong> {
        let common = self.text[self.at..].bytes().zip(word.bytes()).take_while(|(a, b)| a == b).count();
        self.at += common;
        if common == word.len() { Ok(value) } else { Err(Wrong::Syntax) }
    }

    fn expect(&mut self, byte: u8) -> Result<(), Wrong> {
        if self.takes(byte) { Ok(()) } else { Err(Wrong::Syntax) }
    }

    fn takes(&mut self, byte: u8) -> bool {
        self.skip_space();
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

/// A number: whole ones stay exact, all else becomes a double.
fn number(digits: &str) -> Result<Number, Wrong> {
    if !digits.ends_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Err(Wrong::Syntax);
    }
    if let Ok(number) = digits.parse() {
        return Ok(Number::Signed(number));
    }
    if let Ok(number) = digits.parse() {
        return Ok(Number::Unsigned(number));
    }
    let number: f64 = digits.parse().map_err(|_| Wrong::Syntax)?;
    if number.is_finite() { Ok(Number::Float(number)) } else { Err(Wrong::Range) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        parse(text.as_bytes()).expect_err("wrong on purpose").to_string()
    }

    /// Recorded from a real master.
    #[test]
    fn errors_read_like_those_of_mesos() {
        assert_eq!(error("{nope"), "syntax error at line 1 near: nope");
        assert_eq!(error("x"), "syntax error at line 1 near: x");
        assert_eq!(error(""), "syntax error at line 1 near: ");
        assert_eq!(error("{\"a\":1,\n\"b\": bad}\n{"), "syntax error at line 2 near: bad}");
        assert_eq!(error("{} x"), "Parsed JSON included non-whitespace trailing characters:  x");
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for bad in [
            "{",
            "[1,]",
            "{\"a\"}",
            "{\"a\":}",
            "{a:1}",
            "\"\n\"",
            "\"\\x\"",
            "\"\\ud800\"",
            "\"\\ud800\\u0041\"",
            "\"\\u12\"",
            "\"\\u+123\"",
            "tru",
            "1e",
            "-",
            "--1",
            "1e999",
            "+1",
            "\"open",
        ] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(parse(b"\"\xff\"").is_err());
    }

    #[test]
    fn values_are_what_they_say() {
        let text = r#" {"a":[1,-2,18446744073709551615,1.5,1e3],"b":"x\n\u00e9\ud83d\ude00\/","a2":null,"c":{},"d":[],"a":true} "#;
        let Ok(Value::Object(members)) = parse(text.as_bytes()) else { panic!("an object") };
        assert_eq!(members["a"], Value::Bool(true), "the last of duplicate keys wins");
        assert_eq!(members["b"], Value::String("x\né😀/".into()));
        let Ok(Value::Array(items)) = parse(b"[1,-2,18446744073709551615,1.5,1e3]") else {
            panic!("an array")
        };
        let numbers = [
            Number::Signed(1),
            Number::Signed(-2),
            Number::Unsigned(u64::MAX),
            Number::Float(1.5),
            Number::Float(1e3),
        ];
        assert_eq!(items, numbers.map(Value::Number));
    }

    /// A body of brackets alone must not overflow the stack.
    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nested(DEPTH_MAX).as_bytes()).is_ok());
        assert!(parse(nested(DEPTH_MAX + 1).as_bytes()).is_err());
        assert!(parse("[".repeat(1_000_000).as_bytes()).is_err());
    }
}
