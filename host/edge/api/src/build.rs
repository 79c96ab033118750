//! What `/version` says.

use mezzo_proto::mesos::v1::VersionInfo;
use serde_json::{Map, Value};

/// Which build this is.
#[derive(Clone, Debug, Default)]
pub struct Build {
    /// The version of the API that clients compare with, `1.11.0`.
    pub version: String,
    /// `YYYY-MM-DD HH:MM:SS UTC`; empty when unknown.
    pub date: String,
    /// The same in seconds since 1970.
    pub time: f64,
    /// Who built it; empty when unknown.
    pub user: String,
    /// The commit, if it is known.
    pub git_sha: Option<String>,
}

impl Build {
    /// `/version`: the keys in the order of the alphabet.
    pub(crate) fn to_json(&self) -> Value {
        let mut map = Map::new();
        map.insert("build_date".into(), self.date.clone().into());
        map.insert("build_time".into(), self.time.into());
        map.insert("build_user".into(), self.user.clone().into());
        if let Some(git_sha) = &self.git_sha {
            map.insert("git_sha".into(), git_sha.clone().into());
        }
        map.insert("version".into(), self.version.clone().into());
        Value::Object(map)
    }

    /// GET_VERSION.
    pub(crate) fn to_wire(&self) -> VersionInfo {
        VersionInfo {
            version: self.version.clone(),
            build_date: Some(self.date.clone()),
            build_time: Some(self.time),
            build_user: Some(self.user.clone()),
            git_sha: self.git_sha.clone(),
            ..VersionInfo::default()
        }
    }
}
