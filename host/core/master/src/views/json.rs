//! JSON, written as it is read: no value is built first.

use mezzo_proto::json::{write_double, write_string};

/// An object that is being written; its keys come in the order of the calls.
pub(super) struct Object<'out> {
    out: &'out mut Vec<u8>,
}

/// Appends an object.
pub(super) fn object(out: &mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) {
    out.push(b'{');
    fill(&mut Object { out });
    out.push(b'}');
}

/// Appends a list.
pub(super) fn list<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(T, &mut Vec<u8>),
) {
    out.push(b'[');
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(b']');
}

/// Appends a string.
pub(super) fn text(text: &str, out: &mut Vec<u8>) {
    write_string(text, out);
}

impl Object<'_> {
    /// Appends a key; the value is the caller's to append.
    pub(super) fn key(&mut self, key: &str) -> &mut Vec<u8> {
        if self.out.last() != Some(&b'{') {
            self.out.push(b',');
        }
        write_string(key, self.out);
        self.out.push(b':');
        self.out
    }

    /// Like [`Object::key`], for a key that is `"name":` already.
    pub(super) fn quoted_key(&mut self, key: &'static [u8]) -> &mut Vec<u8> {
        if self.out.last() != Some(&b'{') {
            self.out.push(b',');
        }
        self.out.extend_from_slice(key);
        self.out
    }

    pub(super) fn text(&mut self, key: &str, value: &str) {
        write_string(value, self.key(key));
    }

    pub(super) fn number(&mut self, key: &str, value: f64) {
        write_double(value, self.key(key));
    }

    /// A whole number, without a point.
    pub(super) fn integer(&mut self, key: &str, value: i64) {
        self.key(key).extend_from_slice(value.to_string().as_bytes());
    }

    pub(super) fn boolean(&mut self, key: &str, value: bool) {
        self.key(key).extend_from_slice(if value { b"true" } else { b"false" });
    }

    pub(super) fn object(&mut self, key: &str, fill: impl FnOnce(&mut Object<'_>)) {
        object(self.key(key), fill);
    }

    pub(super) fn list<T>(
        &mut self,
        key: &str,
        items: impl IntoIterator<Item = T>,
        write: impl FnMut(T, &mut Vec<u8>),
    ) {
        list(self.key(key), items, write);
    }

    pub(super) fn texts<'text>(&mut self, key: &str, items: impl IntoIterator<Item = &'text str>) {
        self.list(key, items, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_and_lists_nest() {
        let mut out = Vec::new();
        object(&mut out, |object| {
            object.text("a\"", "{");
            object.integer("b", -3);
            object.object("c", |_| {});
            object.object("d", |inner| inner.number("e", 8.0));
            object.texts("f", ["x", "y"]);
            object.boolean("g", true);
        });
        let text = String::from_utf8(out).expect("text");
        assert_eq!(text, r#"{"a\"":"{","b":-3,"c":{},"d":{"e":8.0},"f":["x","y"],"g":true}"#);
    }
}
