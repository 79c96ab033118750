//! The descriptors as small tables, built once.

use std::{collections::BTreeMap, sync::OnceLock};

use prost::{Message as _, Name};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};

use crate::DESCRIPTORS;

/// In Mesos these answers are written by hand: their lists are there even when empty.
const ALWAYS_LISTED: &[&str] = &[
    "mesos.v1.agent.Response.GetExecutors",
    "mesos.v1.agent.Response.GetFrameworks",
    "mesos.v1.agent.Response.GetTasks",
    "mesos.v1.master.Response.GetAgents",
    "mesos.v1.master.Response.GetExecutors",
    "mesos.v1.master.Response.GetFrameworks",
    "mesos.v1.master.Response.GetTasks",
];

/// The message `M`, in the tables of all.
pub(crate) fn of<M: Name>() -> MessageRef {
    let tables = tables();
    let name = M::full_name();
    let at = tables
        .by_name
        .get(&name)
        .expect("every generated message is in the descriptor set it was generated from");
    MessageRef { at: *at }
}

/// One message of the tables.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MessageRef {
    at: usize,
}

impl MessageRef {
    pub(crate) fn get(self) -> &'static Message {
        &tables().messages[self.at]
    }
}

/// One enum of the tables.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EnumRef {
    at: usize,
}

impl EnumRef {
    pub(crate) fn get(self) -> &'static Enum {
        &tables().enums[self.at]
    }
}

/// What is needed of a message.
#[derive(Debug, Default)]
pub(crate) struct Message {
    /// In the order of their declaration, which is the order of writing.
    pub(crate) fields: Vec<Field>,
    by_number: Numbered<usize>,
    by_name: BTreeMap<String, usize>,
    /// Whether some field is written although it is unset.
    pub(crate) has_defaults: bool,
    /// Whether this message or one below it has required fields: if not, nothing is checked.
    pub(crate) is_demanding: bool,
}

impl Message {
    /// Place in `fields` of the field with this number.
    pub(crate) fn numbered(&self, number: u32) -> Option<usize> {
        self.by_number.get(number.into()).copied()
    }

    pub(crate) fn named(&self, name: &str) -> Option<&Field> {
        Some(&self.fields[*self.by_name.get(name)?])
    }
}

/// What is needed of a field.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    /// `,"name":`
    pub(crate) key: Box<[u8]>,
    pub(crate) number: u32,
    pub(crate) kind: Kind,
    pub(crate) shape: Shape,
    /// What is written when the field is unset: JSON text.
    pub(crate) unset: Option<String>,
}

/// How often a field stands in its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Optional,
    Required,
    Repeated,
    /// A list of entries; the kind of the field is the entry.
    Map,
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Double,
    Float,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Sint64,
    Fixed32,
    Fixed64,
    Sfixed32,
    Sfixed64,
    Bool,
    String,
    Bytes,
    Enum(EnumRef),
    Message(MessageRef),
}

/// The names and numbers of an enum.
#[derive(Debug, Default)]
pub(crate) struct Enum {
    /// In quotes.
    by_number: Numbered<String>,
    by_name: BTreeMap<String, i32>,
}

impl Enum {
    /// The name with this number, in quotes.
    pub(crate) fn quoted(&self, number: i32) -> Option<&str> {
        self.by_number.get(number.into()).map(String::as_str)
    }

    pub(crate) fn number(&self, name: &str) -> Option<i32> {
        self.by_name.get(name).copied()
    }
}

/// Things by number. Nearly all numbers are small: those are looked up by place.
#[derive(Debug)]
struct Numbered<T> {
    small: Vec<Option<T>>,
    others: BTreeMap<i64, T>,
}

/// Numbers below this are looked up by place.
const SMALL: i64 = 128;

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { small: Vec::new(), others: BTreeMap::new() }
    }
}

impl<T> Numbered<T> {
    fn get(&self, number: i64) -> Option<&T> {
        match usize::try_from(number).ok().and_then(|at| self.small.get(at)) {
            Some(found) => found.as_ref(),
            None => self.others.get(&number),
        }
    }

    /// The first of a number stays.
    fn insert(&mut self, number: i64, value: T) {
        match usize::try_from(number) {
            Ok(at) if number < SMALL => {
                if self.small.len() <= at {
                    self.small.resize_with(at + 1, || None);
                }
                self.small[at].get_or_insert(value);
            }
            _ => {
                self.others.entry(number).or_insert(value);
            }
        }
    }
}

impl<T> FromIterator<(i64, T)> for Numbered<T> {
    fn from_iter<I: IntoIterator<Item = (i64, T)>>(pairs: I) -> Self {
        let mut numbered = Self::default();
        pairs.into_iter().for_each(|(number, value)| numbered.insert(number, value));
        numbered
    }
}

#[derive(Debug, Default)]
struct Tables {
    messages: Vec<Message>,
    enums: Vec<Enum>,
    by_name: BTreeMap<String, usize>,
}

fn tables() -> &'static Tables {
    static TABLES: OnceLock<Tables> = OnceLock::new();
    TABLES.get_or_init(|| {
        let set = FileDescriptorSet::decode(DESCRIPTORS).expect("the build script encoded it");
        Builder::default().build(&set)
    })
}

/// Gathers the declarations by name first, since they refer to one another.
#[derive(Default)]
struct Builder<'set> {
    messages: Vec<(String, &'set DescriptorProto)>,
    message_at: BTreeMap<String, usize>,
    enums: Vec<&'set EnumDescriptorProto>,
    enum_at: BTreeMap<String, usize>,
}

impl<'set> Builder<'set> {
    fn build(mut self, set: &'set FileDescriptorSet) -> Tables {
        for file in &set.file {
            self.gather(file.package(), &file.message_type, &file.enum_type);
        }
        let mut messages: Vec<Message> =
            self.messages.iter().map(|(name, declared)| self.message(name, declared)).collect();
        mark_demanding(&mut messages);
        Tables {
            messages,
            enums: self.enums.iter().map(|declared| table_of(declared)).collect(),
            by_name: self.message_at,
        }
    }

    fn gather(&mut self, scope: &str, messages: &'set [DescriptorProto], enums: &'set [EnumDescriptorProto]) {
        for declared in enums {
            self.enum_at.insert(format!("{scope}.{}", declared.name()), self.enums.len());
            self.enums.push(declared);
        }
        for declared in messages {
            let name = format!("{scope}.{}", declared.name());
            self.message_at.insert(name.clone(), self.messages.len());
            self.messages.push((name.clone(), declared));
            self.gather(&name, &declared.nested_type, &declared.enum_type);
        }
    }

    fn message(&self, name: &str, declared: &DescriptorProto) -> Message {
        let is_always_listed = ALWAYS_LISTED.contains(&name);
        let fields: Vec<Field> =
            declared.field.iter().map(|field| self.field(field, is_always_listed)).collect();
        let places = || fields.iter().enumerate();
        Message {
            by_number: places().map(|(at, field)| (field.number.into(), at)).collect(),
            by_name: places().map(|(at, field)| (field.name.clone(), at)).collect(),
            has_defaults: fields.iter().any(|field| field.unset.is_some()),
            fields,
            is_demanding: false,
        }
    }

    fn field(&self, declared: &FieldDescriptorProto, is_always_listed: bool) -> Field {
        let kind = self.kind(declared);
        let shape = match declared.label() {
            Label::Optional => Shape::Optional,
            Label::Required => Shape::Required,
            Label::Repeated if self.is_map_entry(declared) => Shape::Map,
            Label::Repeated => Shape::Repeated,
        };
        let is_deprecated = declared.options.as_ref().is_some_and(|options| options.deprecated());
        let unset = match (&declared.default_value, shape) {
            _ if is_deprecated => None,
            (_, Shape::Repeated) if is_always_listed => Some("[]".to_owned()),
            (Some(default), _) => Some(default_text(kind, default)),
            (None, _) => None,
        };
        let number = u32::try_from(declared.number()).expect("field numbers are positive");
        let key = format!(",\"{}\":", declared.name()).into_bytes().into();
        Field { name: declared.name().to_owned(), key, number, kind, shape, unset }
    }

    fn kind(&self, declared: &FieldDescriptorProto) -> Kind {
        let target = declared.type_name().trim_start_matches('.');
        match declared.r#type() {
            Type::Double => Kind::Double,
            Type::Float => Kind::Float,
            Type::Int32 => Kind::Int32,
            Type::Int64 => Kind::Int64,
            Type::Uint32 => Kind::Uint32,
            Type::Uint64 => Kind::Uint64,
            Type::Sint32 => Kind::Sint32,
            Type::Sint64 => Kind::Sint64,
            Type::Fixed32 => Kind::Fixed32,
            Type::Fixed64 => Kind::Fixed64,
            Type::Sfixed32 => Kind::Sfixed32,
            Type::Sfixed64 => Kind::Sfixed64,
            Type::Bool => Kind::Bool,
            Type::String => Kind::String,
            Type::Bytes => Kind::Bytes,
            Type::Enum => Kind::Enum(EnumRef { at: self.enum_at[target] }),
            Type::Message | Type::Group => Kind::Message(MessageRef { at: self.message_at[target] }),
        }
    }

    fn is_map_entry(&self, declared: &FieldDescriptorProto) -> bool {
        let entry = self.message_at.get(declared.type_name().trim_start_matches('.'));
        entry.is_some_and(|at| {
            self.messages[*at].1.options.as_ref().is_some_and(|options| options.map_entry())
        })
    }
}

fn table_of(declared: &EnumDescriptorProto) -> Enum {
    let mut table = Enum::default();
    for value in &declared.value {
        table.by_number.insert(value.number().into(), format!("\"{}\"", value.name()));
        table.by_name.insert(value.name().to_owned(), value.number());
    }
    table
}

fn default_text(kind: Kind, default: &str) -> String {
    match kind {
        Kind::Double | Kind::Float => {
            let number = default.parse().expect("the compiler of the .proto files checked the default");
            let mut text = Vec::new();
            crate::json::write_double(number, &mut text);
            String::from_utf8(text).expect("digits are ASCII")
        }
        Kind::String | Kind::Enum(_) => format!("{default:?}"),
        Kind::Message(_) | Kind::Bytes => {
            unreachable!("none of our files declares a default for bytes or a message")
        }
        _ => default.to_owned(),
    }
}

/// A message is demanding when it, or one that it holds, has a required field.
fn mark_demanding(messages: &mut [Message]) {
    loop {
        let mut changed = false;
        for at in 0..messages.len() {
            let is_demanding = messages[at].fields.iter().any(|field| match field.kind {
                _ if field.shape == Shape::Required => true,
                Kind::Message(below) => messages[below.at].is_demanding,
                _ => false,
            });
            changed |= is_demanding != messages[at].is_demanding;
            messages[at].is_demanding = is_demanding;
        }
        if !changed {
            return;
        }
    }
}
