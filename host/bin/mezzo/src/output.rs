//! What a person reads: tables, states in colour where a person looks, errors in full.

use std::io::IsTerminal;

use comfy_table::{ContentArrangement, Table, presets};

/// A table without lines, wide as its content.
pub fn table(header: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    table.add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// An error with its causes, one to a line.
pub fn error_text(error: &anyhow::Error) -> String {
    let mut text = paint(Paint::Bad, "error: ", std::io::stderr().is_terminal());
    text.push_str(&error.to_string());
    for cause in error.chain().skip(1) {
        text.push_str(&format!("\n  because: {cause}"));
    }
    text
}

/// What a colour says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// As wished.
    Good,
    /// Under way.
    Busy,
    /// Not as wished.
    Bad,
}

/// `text`, in colour when `is_terminal`.
pub fn paint(paint: Paint, text: &str, is_terminal: bool) -> String {
    if !is_terminal || std::env::var_os("NO_COLOR").is_some() {
        return text.to_owned();
    }
    let code = match paint {
        Paint::Good => 32,
        Paint::Busy => 33,
        Paint::Bad => 31,
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}

/// A moment as people write it, in UTC: `2026-11-21 09:30:00`.
pub fn moment(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "-".to_owned();
    }
    let total = seconds as i64;
    let (days, rest) = (total.div_euclid(86_400), total.rem_euclid(86_400));
    // Days to a date by the civil calendar (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (day, month) = (doy - (153 * mp + 2) / 5 + 1, if mp < 10 { mp + 3 } else { mp - 9 });
    let year = yoe + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_follow_the_calendar() {
        assert_eq!(moment(0.0), "1970-01-01 00:00:00");
        assert_eq!(moment(951_827_696.9), "2000-02-29 12:34:56");
        assert_eq!(moment(1_795_253_400.0), "2026-11-21 09:30:00");
        assert_eq!(moment(f64::NAN), "-");
    }

    #[test]
    fn a_table_has_no_trailing_blanks() {
        let text = table(&["A", "LONGER"], vec![vec!["one".into(), "x".into()]]);
        assert!(text.lines().all(|line| line == line.trim_end()), "{text:?}");
        assert!(text.starts_with("A"), "{text:?}");
    }
}
