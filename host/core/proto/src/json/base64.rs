//! Bytes as text: the standard alphabet, padded when written, either way when read.

use base64::{
    DecodeError, Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Appends the text of `bytes`.
pub(super) fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    ENGINE.encode_slice(bytes, &mut out[start..]).expect("four characters for three bytes, padded");
}

/// The error is in the words of Mesos where it has any.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, String> {
    ENGINE.decode(text).map_err(|error| match error {
        DecodeError::InvalidByte(at, _) => {
            let found = text.get(at..).and_then(|rest| rest.chars().next()).unwrap_or('\u{fffd}');
            format!("Invalid character '{found}'")
        }
        other => other.to_string(),
    })
}
