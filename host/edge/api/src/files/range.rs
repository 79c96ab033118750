//! Which part of a file a `Range` field asks for (RFC 9110 §14).

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of it: nothing else was asked for, or what was asked cannot be understood.
    Whole,
    /// From the first to the last byte of these, both included.
    From(u64, u64),
    /// Nothing of what was asked for is there.
    Nowhere,
}

/// The part of a file of `size` bytes that the field's value asks for. Several parts at once are
/// answered with the whole, as every server may.
pub(crate) fn part(value: Option<&str>, size: u64) -> Part {
    let wanted =
        value.and_then(|value| value.trim().strip_prefix("bytes=")).and_then(|text| text.split_once('-'));
    let Some((first, last)) = wanted else { return Part::Whole };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let (first, last) = match (first.trim().is_empty(), last.trim().is_empty()) {
        (false, false) => (number(first), number(last)),
        (false, true) => (number(first), Some(u64::MAX)),
        // The last so many bytes.
        (true, false) => match number(last) {
            Some(0) => return Part::Nowhere,
            count => (count.map(|count| size.saturating_sub(count)), Some(u64::MAX)),
        },
        (true, true) => (None, None),
    };
    match (first, last) {
        (Some(first), Some(last)) if first <= last => {
            if first < size {
                Part::From(first, last.min(size - 1))
            } else {
                Part::Nowhere
            }
        }
        _ => Part::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_those_of_the_standard() {
        for (value, expected) in [
            ("bytes=0-4", Part::From(0, 4)),
            ("bytes=5-", Part::From(5, 9)),
            ("bytes=-3", Part::From(7, 9)),
            ("bytes=-30", Part::From(0, 9)),
            ("bytes=8-100", Part::From(8, 9)),
            ("bytes=10-", Part::Nowhere),
            ("bytes=-0", Part::Nowhere),
            ("bytes=4-2", Part::Whole),
            ("bytes=0-1,4-5", Part::Whole),
            ("bytes=-", Part::Whole),
            ("lines=0-4", Part::Whole),
            ("bytes=0-18446744073709551616", Part::Whole),
        ] {
            assert_eq!(part(Some(value), 10), expected, "{value}");
        }
        assert_eq!(part(None, 10), Part::Whole);
        assert_eq!(part(Some("bytes=0-"), 0), Part::Nowhere);
    }
}
