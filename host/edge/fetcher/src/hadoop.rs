//! Every other scheme (hdfs, s3n, …): the client of Hadoop, a program of the host.

use std::{
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
};

use tokio::{io::AsyncReadExt, process::Command};

use crate::Cause;

/// How much of what the program complains is told.
const WORDS_BYTES_MAX: u64 = 2000;

/// Copies what `uri` names to `path`, where nothing is. Killed when nobody waits any more.
pub(crate) async fn download(
    home: Option<&Path>,
    scheme: &str,
    uri: &str,
    path: &Path,
) -> Result<u64, Cause> {
    let failed = |why: String| Cause::Hadoop { scheme: scheme.to_owned(), why };
    let program = program(home);
    let shown = program.display();
    let mut child = Command::new(&program)
        .args(["fs", "-copyToLocal"])
        .arg(uri)
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(format!("cannot be started as `{shown}`: {error}")))?;
    let ended = async {
        let mut words = Vec::new();
        if let Some(mut stderr) = child.stderr.take() {
            (&mut stderr).take(WORDS_BYTES_MAX).read_to_end(&mut words).await?;
            // The rest is read, or the program would wait for it.
            tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await?;
        }
        Ok::<(ExitStatus, Vec<u8>), std::io::Error>((child.wait().await?, words))
    };
    let (status, words) = ended.await.map_err(|error| failed(format!("went wrong: {error}")))?;
    if !status.success() {
        let words = String::from_utf8_lossy(&words);
        return Err(failed(format!("ended with {status} and said `{}`", words.trim().replace('\n', " "))));
    }
    let facts = std::fs::symlink_metadata(path).map_err(|error| failed(format!("made no file: {error}")))?;
    match facts.is_file() {
        true => Ok(facts.len()),
        false => Err(failed("made something that is not a file".to_owned())),
    }
}

/// `bin/hadoop` of the home that is given, else of HADOOP_HOME, else whatever is found.
fn program(home: Option<&Path>) -> PathBuf {
    let home = home.map(PathBuf::from).or_else(|| std::env::var_os("HADOOP_HOME").map(PathBuf::from));
    home.map_or_else(|| PathBuf::from("hadoop"), |home| home.join("bin/hadoop"))
}
