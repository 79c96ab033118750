//! Numbers that somebody sets as an amount: a quota, a minimum.

use std::num::FpCategory;

/// Whether `value` can be an amount.
///
/// # Errors
/// Why not, as Mesos words it.
pub(crate) fn check_scalar(value: f64) -> Result<(), &'static str> {
    match value.classify() {
        FpCategory::Infinite => Err("Infinite values not supported"),
        FpCategory::Nan => Err("NaN not supported"),
        FpCategory::Subnormal => Err("Subnormal values not supported"),
        FpCategory::Normal if value < 0.0 => Err("Negative values not supported"),
        FpCategory::Normal | FpCategory::Zero => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ordinary_numbers_are_amounts() {
        assert_eq!(check_scalar(0.0), Ok(()));
        assert_eq!(check_scalar(2.5), Ok(()));
        assert_eq!(check_scalar(-1.0), Err("Negative values not supported"));
        assert_eq!(check_scalar(f64::NAN), Err("NaN not supported"));
        assert_eq!(check_scalar(f64::INFINITY), Err("Infinite values not supported"));
        assert_eq!(check_scalar(1e-310), Err("Subnormal values not supported"));
    }
}
