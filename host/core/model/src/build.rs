//! Which build a program is: as `/version`, GET_VERSION and `/state` show it.

/// What is known of a build. Nothing of it changes what the program does, so a build that nobody
/// told anything knows its version alone, and is the same wherever and whenever it is made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Build {
    /// The version of Mesos whose API is spoken, which clients compare with: `1.11.0`.
    pub version: String,
    /// `YYYY-MM-DD HH:MM:SS UTC`; empty when unknown.
    pub date: String,
    /// The same in seconds since 1970; 0 when unknown.
    pub time: f64,
    /// Who built it; empty when unknown.
    pub user: String,
    /// The commit, if it is known.
    pub git_sha: Option<String>,
    /// The branch, if it is known.
    pub git_branch: Option<String>,
    /// The tag, if the commit has one.
    pub git_tag: Option<String>,
}

/// One thing that is known of a build.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fact<'build> {
    /// In words.
    Text(&'build str),
    /// In seconds since 1970.
    Time(f64),
}

impl Build {
    /// Everything by Mesos's names, in the order of `/state`; what Mesos leaves out when it does not
    /// know it is left out.
    pub fn facts(&self) -> impl Iterator<Item = (&'static str, Fact<'_>)> {
        let of_git =
            [("git_sha", &self.git_sha), ("git_branch", &self.git_branch), ("git_tag", &self.git_tag)];
        let known = of_git.into_iter().filter_map(|(key, value)| Some((key, Fact::Text(value.as_deref()?))));
        std::iter::once(("version", Fact::Text(&self.version))).chain(known).chain([
            ("build_date", Fact::Text(&self.date)),
            ("build_time", Fact::Time(self.time)),
            ("build_user", Fact::Text(&self.user)),
        ])
    }
}
