//! Which build this program is, as far as whoever built it said so.

use mezzo_model::build::Build;

/// The facts that were in the environment when this was compiled: `SOURCE_DATE_EPOCH` (seconds
/// since 1970, as reproducible builds have it), `MEZZO_BUILD_USER`, `MEZZO_GIT_SHA`,
/// `MEZZO_GIT_BRANCH` and `MEZZO_GIT_TAG`. `version` is the version of Mesos's API.
pub fn build(version: &str) -> Build {
    let given = |text: Option<&'static str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let seconds: Option<u64> = option_env!("SOURCE_DATE_EPOCH").and_then(|text| text.parse().ok());
    Build {
        version: version.to_owned(),
        date: seconds.map(date).unwrap_or_default(),
        time: seconds.unwrap_or(0) as f64,
        user: given(option_env!("MEZZO_BUILD_USER")).unwrap_or_default(),
        git_sha: given(option_env!("MEZZO_GIT_SHA")),
        git_branch: given(option_env!("MEZZO_GIT_BRANCH")),
        git_tag: given(option_env!("MEZZO_GIT_TAG")),
    }
}

/// `YYYY-MM-DD HH:MM:SS UTC`
fn date(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let (hours, minutes, seconds) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02} {hours:02}:{minutes:02}:{seconds:02} UTC")
}

/// Year, month and day of a day since 1970, by eras of 400 years that begin in March: then the
/// leap day is the last of a year, and months have a rule.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_795_245_938, "2026-11-21 07:25:38 UTC"),
            (4_107_542_399, "2100-02-28 23:59:59 UTC"),
        ] {
            assert_eq!(date(seconds), expected);
        }
    }
}
