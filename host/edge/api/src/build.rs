//! `/version` and GET_VERSION.

use mezzo_model::build::{Build, Fact};
use mezzo_proto::mesos::v1::VersionInfo;
use serde_json::{Map, Value};

/// `/version`: the keys in the order of the alphabet.
pub(crate) fn to_json(build: &Build) -> Value {
    let mut all: Vec<(&str, Fact)> = build.facts().collect();
    all.sort_by_key(|(key, _)| *key);
    let values = all.into_iter().map(|(key, fact)| match fact {
        Fact::Text(text) => (key.to_owned(), Value::from(text)),
        Fact::Time(seconds) => (key.to_owned(), Value::from(seconds)),
    });
    Value::Object(values.collect::<Map<_, _>>())
}

/// GET_VERSION.
pub(crate) fn to_wire(build: &Build) -> VersionInfo {
    VersionInfo {
        version: build.version.clone(),
        build_date: Some(build.date.clone()),
        build_time: Some(build.time),
        build_user: Some(build.user.clone()),
        git_sha: build.git_sha.clone(),
        git_branch: build.git_branch.clone(),
        git_tag: build.git_tag.clone(),
    }
}
