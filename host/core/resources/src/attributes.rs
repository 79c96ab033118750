//! An agent's attributes: `rack:abc;zone:west;os:centos5;level:10;keys:[1000-1500]`.

use mezzo_proto::mesos::v1::{Attribute, value};

use crate::text::Literal;

/// Why a text is not a list of attributes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AttributeError {
    /// Not `name:value`.
    #[error("Invalid attribute key:value pair '{0}'")]
    NotAPair(String),
    /// The value cannot be read.
    #[error("Failed to parse attribute {name} value {value} error {why}")]
    Value {
        /// Of which attribute.
        name: String,
        /// As written.
        value: String,
        /// What is wrong with it.
        why: String,
    },
    /// Only resources are sets.
    #[error("Bad type for attribute {name} value {value} type SET")]
    Set {
        /// Of which attribute.
        name: String,
        /// As written.
        value: String,
    },
    /// A text with letters that attributes cannot have.
    #[error("Bad value for attribute {name}: '{value}' has characters other than letters, digits and '_/.-'")]
    Letters {
        /// Of which attribute.
        name: String,
        /// As written.
        value: String,
    },
}

/// Reads `--attributes`: what reads as a number is a SCALAR, what reads as ranges is RANGES, all
/// else is TEXT. The order is kept, and so are duplicates.
///
/// # Errors
///
/// The first attribute that cannot be read.
pub fn parse(text: &str) -> Result<Vec<Attribute>, AttributeError> {
    let parts = text.split([';', '\n']).map(str::trim).filter(|part| !part.is_empty());
    parts.map(parse_one).collect()
}

fn parse_one(part: &str) -> Result<Attribute, AttributeError> {
    let (name, value) =
        part.split_once(':').map(|(name, value)| (name.trim(), value.trim())).unwrap_or_default();
    if name.is_empty() || value.is_empty() {
        return Err(AttributeError::NotAPair(part.to_owned()));
    }
    let mut attribute = Attribute { name: name.to_owned(), ..Attribute::default() };
    let literal = Literal::parse(value).map_err(|why| AttributeError::Value {
        name: name.to_owned(),
        value: value.to_owned(),
        why,
    })?;
    match literal {
        Literal::Scalar(amount) => {
            attribute.set_type(value::Type::Scalar);
            attribute.scalar = Some(value::Scalar { value: amount.to_f64() });
        }
        Literal::Ranges(ranges) => {
            attribute.set_type(value::Type::Ranges);
            let range = ranges.iter().map(|(begin, end)| value::Range { begin, end }).collect();
            attribute.ranges = Some(value::Ranges { range });
        }
        Literal::Set(_) => {
            return Err(AttributeError::Set { name: name.to_owned(), value: value.to_owned() });
        }
        Literal::Text(text) => {
            attribute.set_type(value::Type::Text);
            attribute.text = Some(value::Text { value: checked(name, text)? });
        }
    }
    Ok(attribute)
}

fn checked(name: &str, text: String) -> Result<String, AttributeError> {
    let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || "_/.-:".contains(letter);
    if text.chars().all(is_allowed) {
        return Ok(text);
    }
    Err(AttributeError::Letters { name: name.to_owned(), value: text })
}

/// Attributes as `/state` shows them: the value alone, the first of each name.
pub fn legacy(attributes: &[Attribute]) -> Vec<(String, crate::LegacyValue)> {
    let mut shown: Vec<(String, crate::LegacyValue)> = Vec::new();
    for attribute in attributes {
        if shown.iter().any(|(name, _)| *name == attribute.name) {
            continue;
        }
        let value = match (&attribute.scalar, &attribute.ranges, &attribute.set, &attribute.text) {
            (Some(scalar), ..) => crate::LegacyValue::Number(scalar.value),
            (_, Some(ranges), ..) => {
                let pairs = ranges.range.iter().map(|range| (range.begin, range.end));
                crate::LegacyValue::Text(crate::Ranges::new(pairs).to_string())
            }
            (_, _, Some(set), _) => {
                crate::LegacyValue::Text(crate::Items::new(set.item.iter().cloned()).to_string())
            }
            (.., Some(text)) => crate::LegacyValue::Text(text.value.clone()),
            (None, None, None, None) => continue,
        };
        shown.push((attribute.name.clone(), value));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_is_read_off_the_text() {
        let attributes = parse("rack:abc;zone:west;os:centos5;level:10;keys:[1000-1500]").unwrap();
        let types: Vec<_> = attributes.iter().map(|attribute| attribute.r#type()).collect();
        use value::Type::{Ranges, Scalar, Text};
        assert_eq!(types, [Text, Text, Text, Scalar, Ranges]);
        assert_eq!(attributes[3].scalar.unwrap().value, 10.0);
        assert_eq!(attributes[4].ranges.as_ref().unwrap().range[0].end, 1500);
    }

    /// `v1.0` is a text but `2.0` a number: the trap of offer constraints.
    #[test]
    fn a_version_is_text_only_with_a_letter() {
        let attributes = parse("a:v1.0;b:2.0").unwrap();
        assert_eq!(attributes[0].text.as_ref().unwrap().value, "v1.0");
        assert_eq!(attributes[1].scalar.unwrap().value, 2.0);
    }

    #[test]
    fn duplicates_and_order_are_kept() {
        let names: Vec<_> =
            parse("b:x;a:y;b:z").unwrap().into_iter().map(|attribute| attribute.name).collect();
        assert_eq!(names, ["b", "a", "b"]);
    }

    #[test]
    fn shown_as_plain_values() {
        let shown = legacy(&parse("rack:r1;level:3;keys:[1-5]").unwrap());
        let text = |text: &str| crate::LegacyValue::Text(text.to_owned());
        assert_eq!(shown[0], ("rack".to_owned(), text("r1")));
        assert_eq!(shown[1], ("level".to_owned(), crate::LegacyValue::Number(3.0)));
        assert_eq!(shown[2], ("keys".to_owned(), text("[1-5]")));
    }

    #[test]
    fn what_is_not_an_attribute_is_refused() {
        for text in ["rack", ":x", "rack:", "rack:{a,b}", "rack:[1-", "rack:a b?", "rack:[5-1]", "rack:-1"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
