//! The text forms: `cpus:24;mem:24576;ports:[21000-24000];bugs(debug_role):{a,b,c}`.

use std::sync::Arc;

use mezzo_proto::{json, mesos::v1};

use crate::{
    Amount, AmountError, Items, Ranges, Reservation, Resource, ResourceError, Value, resource, roles,
};

/// The resources of a text, zeros included, in its order.
///
/// # Errors
///
/// The first part that is not `name:value` or `name(role):value`, with Mesos's message.
pub(crate) fn parse(text: &str, default_role: &str) -> Result<Vec<Resource>, ResourceError> {
    let parts = text.split(';').map(str::trim).filter(|part| !part.is_empty());
    let resources = parts.map(|part| parse_part(part, default_role)).collect::<Result<Vec<_>, _>>()?;
    check_types(&resources)?;
    Ok(resources)
}

/// The messages of a JSON array of resources.
pub(crate) fn messages_from_json(text: &str) -> Result<Vec<v1::Resource>, ResourceError> {
    // The smallest message that holds nothing but a list of resources has to hold one.
    let request = format!(r#"{{"resources":{text}}}"#);
    let request: v1::Request = json::from_json(request).map_err(ResourceError::Json)?;
    Ok(request.resources)
}

fn parse_part(part: &str, default_role: &str) -> Result<Resource, ResourceError> {
    let mut fields = part.split(':').filter(|field| !field.is_empty());
    let (Some(head), Some(value), None) = (fields.next(), fields.next(), fields.next()) else {
        return Err(ResourceError::Colon(part.to_owned()));
    };
    let (name, role) = match (head.find('('), head.find(')')) {
        (None, None) => (head.trim(), default_role),
        (Some(open), Some(close)) if open < close && head[close + 1..].trim().is_empty() => {
            (head[..open].trim(), head[open + 1..close].trim())
        }
        _ => return Err(ResourceError::Parentheses(part.to_owned())),
    };
    roles::validate(role)?;
    let mut resource = Resource::plain(Arc::from(name), value_of(name, value.trim())?);
    if role != roles::DEFAULT {
        resource.distinction = Some(Arc::new(resource::Distinction {
            reservations: vec![static_reservation(role)],
            ..resource::Distinction::default()
        }));
    }
    checked(resource)
}

/// What an agent's flags reserve.
pub(crate) fn static_reservation(role: &str) -> Reservation {
    Reservation { is_dynamic: false, role: role.to_owned(), principal: None, labels: None }
}

/// The checks that hold for a resource wherever it comes from.
fn checked(resource: Resource) -> Result<Resource, ResourceError> {
    let why = match resource.value {
        _ if resource.name.is_empty() => crate::Fault::EmptyName,
        Value::Scalar(amount) if &*resource.name == "gpus" && !amount.is_whole() => {
            crate::Fault::FractionalGpus
        }
        Value::Scalar(_) | Value::Ranges(_) | Value::Set(_) => return Ok(resource),
    };
    Err(ResourceError::Invalid { resource: resource.to_string(), why })
}

/// One name has one type.
pub(crate) fn check_types(resources: &[Resource]) -> Result<(), ResourceError> {
    let mut types = std::collections::BTreeMap::new();
    for resource in resources {
        let kind = std::mem::discriminant(&resource.value);
        if *types.entry(&*resource.name).or_insert(kind) != kind {
            return Err(ResourceError::MixedTypes(resource.name.to_string()));
        }
    }
    Ok(())
}

fn value_of(name: &str, text: &str) -> Result<Value, ResourceError> {
    let unreadable =
        |why: String| ResourceError::Value { name: name.to_owned(), value: text.to_owned(), why };
    match Literal::parse(text).map_err(unreadable)? {
        Literal::Scalar(amount) => Ok(Value::Scalar(amount)),
        Literal::Ranges(ranges) => Ok(Value::Ranges(Arc::new(ranges))),
        Literal::Set(items) => Ok(Value::Set(Arc::new(items))),
        Literal::Text(_) => Err(ResourceError::TextValue { name: name.to_owned(), value: text.to_owned() }),
    }
}

/// A value whose type is read off its text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    Scalar(Amount),
    Ranges(Ranges),
    Set(Items),
    Text(String),
}

impl Literal {
    pub(crate) fn parse(text: &str) -> Result<Literal, String> {
        let text: String = text.chars().filter(|&letter| letter != ' ').collect();
        if text.is_empty() {
            return Err("Expecting non-empty string".to_owned());
        }
        if let Some(inner) = inside(&text, '[', ']')? {
            return ranges_of(inner).map(Literal::Ranges);
        }
        if let Some(inner) = inside(&text, '{', '}')? {
            return set_of(inner).map(Literal::Set);
        }
        match Amount::parse(&text) {
            Ok(amount) => Ok(Literal::Scalar(amount)),
            Err(AmountError::NotANumber(_)) if is_not_finite(&text) => {
                Err(format!("Invalid scalar value '{text}'"))
            }
            Err(AmountError::NotANumber(_)) => Ok(Literal::Text(text)),
            Err(error) => Err(format!("Invalid scalar value '{text}': {error}")),
        }
    }
}

/// Numbers in every language but this one.
fn is_not_finite(text: &str) -> bool {
    let text = text.trim_start_matches(['+', '-']).to_ascii_lowercase();
    matches!(text.as_str(), "nan" | "inf" | "infinity")
}

/// What stands between `open` and `close`, if the text is made of that.
fn inside(text: &str, open: char, close: char) -> Result<Option<&str>, String> {
    if !text.contains([open, close]) {
        return Ok(None);
    }
    let inner = text.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
    match inner {
        Some(inner) if !inner.contains(['[', ']', '{', '}', '(', ')']) => Ok(Some(inner)),
        Some(_) => Err("Mismatched brackets".to_owned()),
        None if text.matches(open).count() != text.matches(close).count() => {
            Err("Mismatched brackets".to_owned())
        }
        None => Err(format!("Unexpected '{text}' found")),
    }
}

fn ranges_of(inner: &str) -> Result<Ranges, String> {
    let mut pairs = Vec::new();
    for part in inner.split([',', '\n']).map(str::trim).filter(|part| !part.is_empty()) {
        let Some((begin, end)) = part.split_once('-') else {
            return Err("Expecting one or more \"ranges\"".to_owned());
        };
        pairs.push((whole(begin, part)?, whole(end, part)?));
    }
    if pairs.iter().any(|(begin, end)| begin > end) {
        return Err(crate::Fault::InvertedRange.to_string());
    }
    Ok(Ranges::new(pairs))
}

fn whole(text: &str, part: &str) -> Result<u64, String> {
    let text = text.trim();
    let number = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    number.ok_or_else(|| format!("Expecting non-negative integers in '{part}'"))
}

fn set_of(inner: &str) -> Result<Items, String> {
    let names: Vec<String> =
        inner.split([',', '\n']).map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let written = names.len() as u64;
    let items = Items::new(names);
    if items.count() != written {
        return Err(crate::Fault::DuplicatedElements.to_string());
    }
    Ok(items)
}
