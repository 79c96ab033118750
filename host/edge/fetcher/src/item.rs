//! One item: brought, checked, and put into its place.

use std::{fs::File, path::PathBuf};

use mezzo_model::container::Fetch;

use crate::{
    Cause, FetchRequest, Progress,
    cache::{Bypass, Held, Key},
    digest, ftp, hadoop, http, local,
    sandbox::{Inside, Sandbox},
    source::{self, Archive, Source},
    unpack,
    work::blocking,
};

/// What is known of an item before anything of it has come.
pub(crate) struct Item<'a, P> {
    pub request: &'a FetchRequest,
    pub sandbox: &'a Sandbox,
    pub index: usize,
    pub fetch: &'a Fetch,
    pub progress: &'a P,
}

impl<P: Fn(Progress<'_>) + Send + Sync> Item<'_, P> {
    /// Brings the item, and returns how many bytes came. What is held of the cache goes to `held`.
    pub async fn bring(&self, held: &mut Vec<Held>) -> Result<u64, Cause> {
        let (uri, checksum) = digest::split(&self.fetch.uri)?;
        let source = Source::parse(uri, self.request.frameworks_home.as_deref())?;
        let target = source::target(uri, self.fetch.output_file.as_deref())?;
        self.sandbox.note(&format!("Fetching `{}` to `{target}`", source::shown(uri)));

        if let Some(kept) = self.kept(&source, checksum).await? {
            held.push(kept.clone());
            self.place(&kept, &target).await?;
            return Ok(kept.bytes());
        }
        let came = async {
            let file = self.sandbox.create(&target).map_err(|source| Cause::write(&target, source))?;
            let (bytes, _) = self.download(&source, file, &target.to_string()).await?;
            self.check(self.open(&target)?, checksum).await?;
            Ok(bytes)
        };
        let bytes = came.await.inspect_err(|_: &Cause| self.sandbox.discard(&target))?;
        self.heard(bytes, Some(bytes));
        self.finish(&target).await?;
        Ok(bytes)
    }

    /// Brings what `source` names into the open `file`: its size, and its version where the source says one.
    async fn download(&self, source: &Source, file: File, name: &str) -> Result<(u64, http::Version), Cause> {
        let limits = self.request.limits;
        match source {
            Source::Local(path) => {
                Ok((local::bring(path, file, name, limits).await?, http::Version::default()))
            }
            Source::Web(url) => {
                let mut file = tokio::fs::File::from_std(file);
                let download = http::Download {
                    url,
                    name,
                    file: &mut file,
                    request: self.request,
                    heard: |bytes, bytes_total| self.heard(bytes, bytes_total),
                    note: |line: &str| self.sandbox.note(line),
                };
                let received = download.run().await?;
                Ok((received.bytes, received.version))
            }
            Source::Ftp(url) => {
                let mut file = tokio::fs::File::from_std(file);
                let heard = |bytes, bytes_total| self.heard(bytes, bytes_total);
                let bytes = ftp::download(url, &mut file, name, self.request, heard).await?;
                Ok((bytes, http::Version::default()))
            }
            Source::Hadoop { scheme, uri } => {
                let home = self.request.hadoop_home.as_deref();
                // The program wants a place where nothing is; what it makes there is then copied.
                let place = tempfile::tempdir_in(&self.request.sandbox)
                    .map_err(|source| Cause::Scratch { source })?;
                let path = place.path().join("file");
                hadoop::download(home, scheme, uri, &path).await?;
                Ok((local::bring(&path, file, name, limits).await?, http::Version::default()))
            }
        }
    }

    /// The item out of the cache, where it is wanted and can be had: else nothing, with the reason
    /// in the task's log.
    async fn kept(&self, source: &Source, checksum: Option<digest::Sha256>) -> Result<Option<Held>, Cause> {
        let Some(cache) = self.request.cache.as_ref().filter(|_| self.fetch.is_cached) else {
            return Ok(None);
        };
        let key = Key { user: self.request.user.clone(), uri: self.fetch.uri.clone() };
        let size = async {
            match source {
                Source::Local(path) => local::size(path).await,
                Source::Web(url) => Ok(http::size(url, self.request).await?.0),
                Source::Ftp(_) | Source::Hadoop { .. } => Err(Cause::Cache {
                    why: "only http, https and files of the agent can be kept".to_owned(),
                }),
            }
        };
        let bring = async |path: PathBuf| {
            const NAME: &str = "the cache's copy";
            let unwritten = |source| Cause::Write { target: NAME.to_owned(), source };
            let file = File::create_new(&path).map_err(unwritten)?;
            let (bytes, version) = self.download(source, file, NAME).await?;
            self.check(File::open(&path).map_err(digest::unreadable)?, checksum).await?;
            Ok((bytes, version))
        };
        match cache.obtain(key, size, bring).await {
            Ok(held) => Ok(Some(held)),
            Err(Bypass::Instead(why)) => {
                self.sandbox
                    .note(&format!("Fetching without the cache: {}", crate::error::in_one_line(&why)));
                Ok(None)
            }
            Err(Bypass::Failed(cause)) => Err(cause),
        }
    }

    /// Puts a file of the cache into the sandbox: of an archive only what is in it.
    async fn place(&self, kept: &Held, target: &Inside) -> Result<(), Cause> {
        if let Some(archive) = self.archive(target) {
            (self.progress)(Progress::Unpacking { index: self.index });
            return unpack::unpack(archive, kept.open()?, self.sandbox, target, self.request.limits).await;
        }
        let to = self.sandbox.create(target).map_err(|source| Cause::write(target, source))?;
        let limits = self.request.limits;
        let bytes = local::bring(kept.path(), to, &target.to_string(), limits)
            .await
            .inspect_err(|_| self.sandbox.discard(target))?;
        self.heard(bytes, Some(bytes));
        self.finish(target).await
    }

    /// What remains once all bytes are in the sandbox.
    async fn finish(&self, target: &Inside) -> Result<(), Cause> {
        if self.fetch.is_executable {
            return self.sandbox.make_executable(target).map_err(|source| Cause::write(target, source));
        }
        if let Some(archive) = self.archive(target) {
            (self.progress)(Progress::Unpacking { index: self.index });
            let file = self.open(target)?;
            return unpack::unpack(archive, file, self.sandbox, target, self.request.limits).await;
        }
        if self.fetch.unpack {
            self.sandbox.note(&format!("`{target}` is not an archive that is known here: left as it is"));
        }
        Ok(())
    }

    /// What `target` is to be unpacked as, where it is.
    fn archive(&self, target: &Inside) -> Option<Archive> {
        let is_wanted = self.fetch.unpack && !self.fetch.is_executable;
        Archive::of(target.file_name()).filter(|_| is_wanted)
    }

    /// Compares what came with what the URI says it must be.
    async fn check(&self, file: File, wanted: Option<digest::Sha256>) -> Result<(), Cause> {
        let Some(wanted) = wanted else { return Ok(()) };
        let found = blocking(move |stop| digest::of(&file, &stop).map_err(digest::unreadable)).await?;
        match found == wanted {
            true => Ok(()),
            false => Err(Cause::Checksum { wanted: wanted.to_string(), found: found.to_string() }),
        }
    }

    fn open(&self, target: &Inside) -> Result<File, Cause> {
        self.sandbox.read(target).map_err(|source| Cause::write(target, source))
    }

    fn heard(&self, bytes: u64, bytes_total: Option<u64>) {
        (self.progress)(Progress::Received { index: self.index, bytes, bytes_total });
    }
}
