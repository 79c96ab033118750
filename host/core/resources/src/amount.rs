//! An exact amount of something that can be divided: thousandths in an `i64`.

use std::{fmt, iter::Sum};

/// The greatest amount taken from outside: one trillion. Sums of many still fit an `i64`.
const MILLI_MAX: i64 = 1_000_000_000_000_000;

/// An amount in thousandths; never negative when it came from outside.
///
/// Arithmetic saturates instead of wrapping, so no input can make a sum jump.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(i64);

/// Why a number is not an amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AmountError {
    /// Letters, two points, nothing at all.
    #[error("`{0}` is not a decimal number")]
    NotANumber(String),
    /// NaN or infinite.
    #[error("value is not finite")]
    NotFinite,
    /// Less than zero.
    #[error("value < 0")]
    Negative,
    /// Above one trillion.
    #[error("values greater than 1 trillion are not supported")]
    TooLarge,
}

impl Amount {
    /// Nothing.
    pub const ZERO: Amount = Amount(0);

    /// So many thousandths.
    pub const fn from_milli(milli: i64) -> Self {
        Self(milli)
    }

    /// So many whole ones.
    pub const fn whole(ones: i64) -> Self {
        Self(ones.saturating_mul(1000))
    }

    /// In thousandths.
    pub const fn milli(self) -> i64 {
        self.0
    }

    /// Takes the number of a wire message, rounded to thousandths, half away from zero.
    ///
    /// # Errors
    ///
    /// NaN, infinities, negative numbers and numbers above one trillion are no amounts.
    pub fn from_f64(value: f64) -> Result<Self, AmountError> {
        if !value.is_finite() {
            return Err(AmountError::NotFinite);
        }
        let milli = (value * 1000.0).round();
        if milli < 0.0 || value < 0.0 {
            return Err(AmountError::Negative);
        }
        if milli > MILLI_MAX as f64 {
            return Err(AmountError::TooLarge);
        }
        Ok(Self(milli as i64))
    }

    /// The nearest number for a wire message.
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// Reads a decimal number (`4`, `0.25`, `1e3`), exactly, rounded to thousandths, half away from zero.
    ///
    /// # Errors
    ///
    /// Anything that is not a decimal number, negative numbers, numbers above one trillion.
    pub fn parse(text: &str) -> Result<Self, AmountError> {
        let decimal = Decimal::parse(text).ok_or_else(|| AmountError::NotANumber(text.to_owned()))?;
        let milli = decimal.milli().ok_or(AmountError::TooLarge)?;
        if milli > MILLI_MAX {
            return Err(AmountError::TooLarge);
        }
        if decimal.is_negative && decimal.digits.iter().any(|&digit| digit != 0) {
            return Err(AmountError::Negative);
        }
        Ok(Self(milli))
    }

    /// Whether it is nothing (or less).
    pub const fn is_zero(self) -> bool {
        self.0 <= 0
    }

    /// Whether it has no fraction.
    pub const fn is_whole(self) -> bool {
        self.0 % 1000 == 0
    }

    /// The sum; stays at the greatest amount rather than wrap.
    pub const fn plus(self, other: Amount) -> Amount {
        Amount(self.0.saturating_add(other.0))
    }

    /// What is left, nothing if `other` is more.
    pub const fn minus(self, other: Amount) -> Amount {
        let left = self.0.saturating_sub(other.0);
        Amount(if left < 0 { 0 } else { left })
    }

    /// What is left, if `other` is not more.
    pub const fn checked_minus(self, other: Amount) -> Option<Amount> {
        if other.0 > self.0 { None } else { Some(Amount(self.0 - other.0)) }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ones, rest) = (self.0.unsigned_abs() / 1000, self.0.unsigned_abs() % 1000);
        let sign = if self.0 < 0 { "-" } else { "" };
        match rest {
            0 => write!(f, "{sign}{ones}"),
            _ if rest % 100 == 0 => write!(f, "{sign}{ones}.{}", rest / 100),
            _ if rest % 10 == 0 => write!(f, "{sign}{ones}.{:02}", rest / 10),
            _ => write!(f, "{sign}{ones}.{rest:03}"),
        }
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Amount>>(iter: I) -> Amount {
        iter.fold(Amount::ZERO, Amount::plus)
    }
}

/// A decimal number as written: digits and where the point stands.
struct Decimal {
    is_negative: bool,
    digits: Vec<u8>,
    /// How many digits stand before the point; may lie outside the digits.
    point: i64,
}

impl Decimal {
    fn parse(text: &str) -> Option<Decimal> {
        let (is_negative, text) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(at) => (&text[..at], Self::exponent(&text[at + 1..])?),
            None => (text, 0),
        };
        let (ones, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits: Vec<u8> =
            ones.bytes().chain(fraction.bytes()).map(|byte| byte.wrapping_sub(b'0')).collect();
        if digits.is_empty() || digits.iter().any(|&digit| digit > 9) {
            return None;
        }
        let point = i64::try_from(ones.len()).ok()? + exponent;
        Some(Decimal { is_negative, digits, point })
    }

    fn exponent(text: &str) -> Option<i64> {
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let size: i64 = digits.parse().unwrap_or(i64::from(i32::MAX)).min(i64::from(i32::MAX));
        Some(if text.starts_with('-') { -size } else { size })
    }

    /// The size in thousandths; absent when it is far too large.
    fn milli(&self) -> Option<i64> {
        let mut milli: i64 = 0;
        let wanted = self.point + 3;
        for (at, &digit) in (0i64..).zip(&self.digits) {
            if at >= wanted {
                break;
            }
            milli = milli.checked_mul(10)?.checked_add(i64::from(digit))?;
        }
        let written = self.digits.len() as i64;
        if milli != 0 {
            for _ in written..wanted {
                milli = milli.checked_mul(10)?;
            }
        }
        let next = usize::try_from(wanted).ok().and_then(|at| self.digits.get(at));
        if next.is_some_and(|&digit| digit >= 5) { milli.checked_add(1) } else { Some(milli) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn milli(text: &str) -> i64 {
        Amount::parse(text).unwrap().milli()
    }

    #[test]
    fn the_fourth_decimal_is_rounded_half_away_from_zero() {
        assert_eq!(milli("1.5123"), 1512);
        assert_eq!(milli("1.5125"), 1513);
        assert_eq!(milli("0.0004"), 0);
        assert_eq!(milli("0.0005"), 1);
        assert_eq!(milli("0.00049999"), 0);
        assert_eq!(Amount::from_f64(1.5123), Ok(Amount::from_milli(1512)));
        assert_eq!(Amount::from_f64(0.0005), Ok(Amount::from_milli(1)));
    }

    #[test]
    fn forms_of_a_number() {
        assert_eq!(milli("3"), 3000);
        assert_eq!(milli("0.25"), 250);
        assert_eq!(milli(".5"), 500);
        assert_eq!(milli("5."), 5000);
        assert_eq!(milli("+1"), 1000);
        assert_eq!(milli("1e3"), 1_000_000);
        assert_eq!(milli("25e-2"), 250);
        assert_eq!(milli("1e-9"), 0);
        assert_eq!(milli("0e999999999999"), 0);
        assert_eq!(milli("-0"), 0);
    }

    #[test]
    fn what_is_not_an_amount_is_refused() {
        for text in ["", ".", "-", "1.2.3", "v1.0", "1x", "e3", "1e", "1e+", "0x10", "1 2", "NaN", "inf"] {
            assert!(matches!(Amount::parse(text), Err(AmountError::NotANumber(_))), "{text}");
        }
        assert_eq!(Amount::parse("-1"), Err(AmountError::Negative));
        assert_eq!(Amount::parse("-0.0001"), Err(AmountError::Negative));
        assert_eq!(Amount::parse("1000000000000.001"), Err(AmountError::TooLarge));
        assert_eq!(Amount::parse("1e400"), Err(AmountError::TooLarge));
        assert_eq!(Amount::from_f64(f64::NAN), Err(AmountError::NotFinite));
        assert_eq!(Amount::from_f64(f64::INFINITY), Err(AmountError::NotFinite));
        assert_eq!(Amount::from_f64(-0.0001), Err(AmountError::Negative));
        assert_eq!(Amount::from_f64(1e300), Err(AmountError::TooLarge));
    }

    #[test]
    fn printed_without_superfluous_zeros() {
        let printed: Vec<String> =
            [0, 1, 10, 100, 1000, 2488, 1050, -500].map(|milli| Amount::from_milli(milli).to_string()).into();
        assert_eq!(printed, ["0", "0.001", "0.01", "0.1", "1", "2.488", "1.05", "-0.5"]);
    }
}
